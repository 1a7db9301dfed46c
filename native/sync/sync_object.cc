#include "sync/sync_object.h"

#include "sync/sync_space.h"

namespace mp {

SyncObject::SyncObject(SyncSpace* space, const ObjectRef& ref)
    : WaitPoint(space, space->PlaceOf(ref)), ref_(ref) {}

SyncObject::~SyncObject() {
  space().known_.erase(ref_.offset);
  if (Usable() && !stays_attached_) space().store().Detach(ref_);
}

void SyncObject::Close() {
  WithdrawAll();
  stays_attached_ = HoldsSome();
}

}  // namespace mp
