#pragma once
// A lock that any participant may release, as Python's. Its word says who holds it; a holder that
// dies leaves it abandoned.
//
//   word: participant 16, generation 16, holder 24, flags 8
//     0                  free
//     abandoned          free, but its last holder died with it
//     owner              held
//     owner, granted     given to a waiter that has not yet said that it has it

#include "base/status.h"
#include "shm/segment.h"
#include "sync/sync_object.h"

namespace mp {

class Lock : public SyncObject {
 public:
  static constexpr ObjectKind kKind = ObjectKind::kLock;
  using SyncObject::SyncObject;

  SyncOutcome TryAcquire(LockRequest request = {});
  SyncOutcome AcquireSync(uint64_t deadline_ns, LockRequest request = {});
  // kPending: registered, see SyncSpace::Serve.
  SyncOutcome AcquireAsync(AsyncWaiter* waiter);
  // Fails with EPERM when nobody holds it.
  Status Release();

  bool IsLocked() const;
  // Free, but its last holder died with it; as far as somebody has come to look.
  bool IsAbandoned() const;
  // The process that has it; 0 when nobody has.
  uint32_t OwnerPid() const;
  // The process that died with it, while it is abandoned or was taken as such.
  uint32_t AbandonedPid() const;
  // Whether this participant holds it, on behalf of that holder.
  bool IsHeldBy(uint32_t holder) const;

  static Status Check() { return Status::Ok(); }
  static void Initialise(SharedObject*) {}
  static void Recover(Participant& self, SharedObject* object, Stamp dead);

 protected:
  SyncOutcome Try(WaitRequest* request) override;
  SyncOutcome Attempt(WaitRequest* request) override;
  void Nudge() override;
  void GiveBack() override;
  bool HoldsSome() const override;
  bool LooksReady(const WaitRequest& request) const override;

 private:
  uint64_t Mine(uint32_t holder) const;
  bool TakeFree(uint32_t holder);
};

}  // namespace mp
