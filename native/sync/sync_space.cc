#include "sync/sync_space.h"

#include <utility>

#include "base/deadline.h"
#include "sync/recovery.h"

namespace mp {

Result<std::unique_ptr<SyncSpace>> SyncSpace::Join(std::shared_ptr<Segment> segment) {
  auto participant = Participant::Join(std::move(segment));
  if (!participant.ok()) return participant.status();
  return std::unique_ptr<SyncSpace>(new SyncSpace(std::move(participant.value())));
}

SyncSpace::SyncSpace(std::unique_ptr<Participant> participant)
    : participant_(std::move(participant)),
      store_(participant_.get()),
      reaper_(
          participant_.get(), &store_,
          [this](ObjectStore&, Participant&, const ObjectRef& ref, Stamp dead) {
            Recover(ref, dead);
          },
          [this](ObjectStore&, Participant&, Stamp dead) { return RecoverMemory(dead); }) {
  if (!wake_up_cost_.Counts()) {
    participant_->row().rung_ns.store(kNever, std::memory_order_relaxed);
  }
}

void SyncSpace::Recover(const ObjectRef& ref, Stamp dead) {
  RecoverObject(store_, *participant_, ref, dead);
}

std::shared_ptr<SyncObject> SyncSpace::Known(const ObjectRef& ref) {
  const auto found = known_.find(ref.offset);
  if (found == known_.end()) return nullptr;
  auto object = found->second.lock();
  return object && object->ref() == ref ? object : nullptr;
}

bool SyncSpace::Serve(std::vector<AsyncWaiter*>* done) {
  const size_t before = done->size();
  // An object that serves its last waiter takes itself off the list.
  const std::vector<WaitPoint*> interests = interests_;
  for (WaitPoint* object : interests) object->Serve(done);
  return done->size() > before;
}

}  // namespace mp
