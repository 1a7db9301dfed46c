#include "sync/sync_object.h"

#include "sync/sync_space.h"

namespace mp {

SyncObject::SyncObject(SyncSpace* space, const ObjectRef& ref)
    : WaitPoint(space, space->PlaceOf(ref)), ref_(ref) {}

SyncObject::~SyncObject() {
  space().known_.erase(ref_.offset);
  LetGo();
}

void SyncObject::Close() {
  WithdrawAll();
  if (HoldsSome()) detaches_ = false;
}

void SyncObject::LetGo() {
  if (detaches_ && Usable()) space().store().Detach(ref_);
  detaches_ = false;
}

}  // namespace mp
