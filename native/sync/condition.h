#pragma once
// The waiting part of a condition variable; the lock that goes with it is the caller's affair.
// Waiters are counted in a word per participant, so that thousands of them cost no memory and a
// notification is one swap.
//
//   cell of a participant: generation 16, waiting 24, notified 24 (of those waiting)
//
// Use, sync: Enter (holding the lock), release the lock, Wait, take the lock again.

#include <type_traits>

#include "base/status.h"
#include "sync/sync_object.h"

namespace mp {

class Condition : public SyncObject {
 public:
  static constexpr ObjectKind kKind = ObjectKind::kCondition;
  static constexpr uint32_t kAll = 0xffff'ffff;
  using SyncObject::SyncObject;

  // Between holding the lock and waiting: from here on a notification counts for this waiter.
  // `release` is called once, enrolled; what it does is never seen by a notifier as not waiting.
  // When it answers false, nobody waits.
  template <typename Release>
  SyncOutcome WaitSync(uint64_t deadline_ns, Release release) {
    WaitRequest request;
    release_ = [](void* context) {
      auto& call = *static_cast<Release*>(context);
      if constexpr (std::is_void_v<decltype(call())>) {
        call();
        return true;
      } else {
        return call();
      }
    };
    release_context_ = &release;
    return SyncObject::WaitSync(&request, deadline_ns);
  }
  // Enrols; the caller releases the lock afterwards.
  SyncOutcome WaitAsync(AsyncWaiter* waiter);
  // Wakes up to `count` waiters that live. How many it were.
  uint32_t Notify(uint32_t count);

  static Status Check() { return Status::Ok(); }
  static void Initialise(SharedObject*) {}
  static void Recover(Participant& self, SharedObject* object, Stamp dead);

 protected:
  bool Enrols() const override { return true; }
  SyncOutcome Enrol(WaitRequest* request) override;
  SyncOutcome Attempt(WaitRequest* request) override;
  SyncOutcome Withdraw(WaitRequest* request) override;
  void Nudge() override;
  bool LooksReady(const WaitRequest& request) const override;

 private:
  std::atomic<uint64_t>& OwnCell() const;

  bool (*release_)(void*) = nullptr;
  void* release_context_ = nullptr;
};

}  // namespace mp
