#pragma once
// A counter of permits that anybody may release, as Python's and POSIX's: nobody owns a permit, and
// those of the dead are gone.
//
//   word: participant 16, generation 16 (to whom one of the permits is reserved), waiters 1, value
//   31

#include "base/status.h"
#include "sync/sync_object.h"

namespace mp {

constexpr uint32_t kMaxPermits = 0x7fff'ffff;

class Semaphore : public SyncObject {
 public:
  static constexpr ObjectKind kKind = ObjectKind::kSemaphore;
  using SyncObject::SyncObject;

  SyncOutcome TryAcquire();
  SyncOutcome AcquireSync(uint64_t deadline_ns);
  SyncOutcome AcquireAsync(AsyncWaiter* waiter);
  // Fails with EOVERFLOW, and releases none, when the value would pass the bound.
  Status Release(uint32_t permits = 1);
  uint32_t Value() const;

  static Status Check(uint32_t value, uint32_t bound = kMaxPermits);
  static void Initialise(SharedObject* object, uint32_t value, uint32_t bound = kMaxPermits);
  static void Recover(Participant& self, SharedObject* object, Stamp dead);

 protected:
  SyncOutcome Try(WaitRequest* request) override;
  SyncOutcome Attempt(WaitRequest* request) override;
  void Nudge() override;
  void GiveBack() override;
  bool LooksReady(const WaitRequest& request) const override;
};

}  // namespace mp
