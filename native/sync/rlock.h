#pragma once
// A lock that its holder may take again. The holder is a task or a handle inside the participant,
// not the participant: two tasks of one process do not share it.

#include <cerrno>

#include "sync/lock.h"

namespace mp {

class RLock : public Lock {
 public:
  using Lock::Lock;

  // `request.holder` must not be 0.
  SyncOutcome TryAcquire(LockRequest request) {
    return Again(request.holder) ? SyncOutcome::kDone : First(Lock::TryAcquire(request));
  }
  SyncOutcome AcquireSync(uint64_t deadline_ns, LockRequest request) {
    if (Again(request.holder)) return SyncOutcome::kDone;
    return First(Lock::AcquireSync(deadline_ns, request));
  }
  // When it is served later, Served() must be called before anything else is done with it.
  SyncOutcome AcquireAsync(AsyncWaiter* waiter) {
    if (Again(waiter->request.lock.holder)) return waiter->outcome = SyncOutcome::kDone;
    return First(Lock::AcquireAsync(waiter));
  }
  void Served(const AsyncWaiter& waiter) {
    if (waiter.request.mark == kOnceMore) {
      count_ += 1;
    } else {
      First(waiter.outcome);
    }
  }

  // Fails with EPERM for whoever does not hold it.
  Status Release(uint32_t holder) {
    if (!Usable()) return Status::Failed(ECHILD, "Release");
    if (holder == 0 || !IsHeldBy(holder)) return Status::Failed(EPERM, "Release");
    if (count_ > 1) {
      count_ -= 1;
      return Status::Ok();
    }
    count_ = 0;
    return Lock::Release();
  }
  uint32_t Count() const { return count_; }

 protected:
  // All that one holder has asked for before it had the lock: it may wait for all of it before it
  // releases any.
  bool ServeWith(const AsyncWaiter& served, std::list<AsyncWaiter*>* waiting,
                 std::vector<AsyncWaiter*>* done) override {
    const uint32_t holder = served.request.lock.holder;
    const bool acquired =
        served.outcome == SyncOutcome::kDone || served.outcome == SyncOutcome::kDoneAbandoned;
    if (!acquired || holder == 0) return false;
    const size_t before = waiting->size();
    std::erase_if(*waiting, [&](AsyncWaiter* other) {
      if (other->request.lock.holder != holder) return false;
      other->request.mark = kOnceMore;
      other->outcome = SyncOutcome::kDone;
      done->push_back(other);
      return true;
    });
    return waiting->size() < before;
  }

 private:
  // A waiter's mark, which a lock has no other use for.
  static constexpr uint64_t kOnceMore = 1;

  bool Again(uint32_t holder) {
    if (!Usable() || holder == 0 || !IsHeldBy(holder)) return false;
    count_ += 1;
    return true;
  }
  SyncOutcome First(SyncOutcome outcome) {
    if (outcome == SyncOutcome::kDone || outcome == SyncOutcome::kDoneAbandoned) count_ = 1;
    return outcome;
  }

  // Of the present holder; means nothing to others, and nothing after its death.
  uint32_t count_ = 0;
};

}  // namespace mp
