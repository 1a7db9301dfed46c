#pragma once
// A semaphore that knows who has each permit: a word per permit, taken by one swap. The permits of
// the dead return by themselves, and no more can be released than were acquired.
//
//   cell: participant 16, generation 16, flags 32 (1 held, 2 granted); 0 is free
//   word: how often somebody came to wait 63, whoever frees a permit looks for waiters 1
//
// Up to kCells permits. More than that are counted by a Semaphore with a bound.

#include "base/status.h"
#include "sync/sync_object.h"

namespace mp {

class BoundedSemaphore : public SyncObject {
 public:
  static constexpr ObjectKind kKind = ObjectKind::kBoundedSemaphore;
  using SyncObject::SyncObject;

  SyncOutcome TryAcquire();
  SyncOutcome AcquireSync(uint64_t deadline_ns);
  SyncOutcome AcquireAsync(AsyncWaiter* waiter);
  // One by one: an own permit, or another participant's when this one has none. Fails with
  // EOVERFLOW when no more are out: before the first if they are too many; when others have
  // released the rest meanwhile, what was released here is taken again where it can be.
  Status Release(uint32_t permits = 1);
  uint32_t Value() const;

  static Status Check(uint32_t permits);
  static void Initialise(SharedObject* object, uint32_t permits);
  static void Recover(Participant& self, SharedObject* object, Stamp dead);

 protected:
  SyncOutcome Try(WaitRequest* request) override;
  SyncOutcome Attempt(WaitRequest* request) override;
  void Nudge() override;
  void GiveBack() override;
  bool HoldsSome() const override;
  bool LooksReady(const WaitRequest& request) const override;

 private:
  bool TakeOne();
  Status ReleaseOne();
  uint32_t hint_ = 0;  // where the last permit was found
};

}  // namespace mp
