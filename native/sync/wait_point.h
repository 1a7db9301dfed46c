#pragma once
// The waiters of one kind at one place in shared memory, as one process has them. Whoever derives
// from it says how one attempt goes (Attempt) and who is to be woken in the present state (Nudge);
// the rest is here.

#include <cstdint>
#include <list>
#include <vector>

#include "shm/layout.h"
#include "sync/outcome.h"
#include "sync/spinner.h"

namespace mp {

class Participant;
class SyncSpace;
class WaitPoint;

// An async waiter: registered by the object's Wait…Async, handed back by SyncSpace::Serve with its
// outcome, or withdrawn by Cancel. Belongs to the caller, and stays where it is until one of the
// two.
struct AsyncWaiter {
  WaitRequest request;
  SyncOutcome outcome = SyncOutcome::kPending;
  WaitPoint* object = nullptr;
  void* context = nullptr;
};

class WaitPoint {
 public:
  WaitPoint(SyncSpace* space, SharedObject* shared);
  virtual ~WaitPoint() = default;
  WaitPoint(const WaitPoint&) = delete;
  WaitPoint& operator=(const WaitPoint&) = delete;

  // Withdraws a waiter. False when it is not registered here any more. Leaves no trace: what had
  // been given to it goes on at once.
  bool Cancel(AsyncWaiter* waiter);
  // The same because its time is over, which a barrier takes worse.
  bool Expire(AsyncWaiter* waiter);
  void Serve(std::vector<AsyncWaiter*>* done);

 protected:
  friend class SyncSpace;

  // One try by somebody who does not wait, and leaves no trace of having tried.
  virtual SyncOutcome Try(WaitRequest*) { return SyncOutcome::kPending; }
  // Objects at which the moment of arrival counts: each waiter enrols when it comes, and is tried
  // whether or not those before it could go on.
  virtual bool Enrols() const { return false; }
  virtual SyncOutcome Enrol(WaitRequest*) { return SyncOutcome::kPending; }
  // One try of a registered waiter. kPending only when whoever changes the object from here on will
  // see this participant's bit and act on it.
  virtual SyncOutcome Attempt(WaitRequest* request) = 0;
  // For waiters that need wait no longer because this one was served: takes them off the queue.
  // True when there were any.
  virtual bool ServeWith(const AsyncWaiter& /*served*/, std::list<AsyncWaiter*>* /*waiting*/,
                         std::vector<AsyncWaiter*>* /*done*/) {
    return false;
  }
  // Puts right whatever a death or a withdrawal may have left: wakes who can go on. May be called
  // at any time, by anybody.
  virtual void Nudge() = 0;
  // This participant waits no longer: what was given to it is given back.
  virtual void GiveBack() {}
  // A registered waiter gives up, or its time is over. Not kPending when it had been served.
  virtual SyncOutcome Withdraw(WaitRequest*) { return SyncOutcome::kPending; }
  virtual SyncOutcome TimeOut(WaitRequest* request) { return Withdraw(request); }
  // Whether spinning is over; only a hint.
  virtual bool LooksReady(const WaitRequest& request) const = 0;

  SyncOutcome WaitSync(WaitRequest* request, uint64_t deadline_ns);
  // kPending: registered. Anything else: done at once, and not registered.
  SyncOutcome WaitAsync(AsyncWaiter* waiter);

  // False in a forked child, whose parent's handle this is. One load beside the object's own.
  bool Usable() const { return fork_mark_->load(std::memory_order_relaxed) == 1; }
  // The own stamp in the upper half, as it stands in words that name an owner.
  uint64_t own_stamp() const { return own_stamp_; }
  bool WaitsHere() const { return sync_waits_ > 0 || !waiters_.empty(); }
  SyncSpace& space() const { return *space_; }
  SharedObject& shared() const { return *shared_; }
  void EndWait();
  // Before the end: those who still wait are withdrawn and forgotten.
  void WithdrawAll();

 private:
  bool Spins() const;
  uint64_t Now() const;
  SyncOutcome SpinAndTry(WaitRequest* request, uint64_t now);
  SyncOutcome Register(WaitRequest* request);
  SyncOutcome SleepOnce(WaitRequest* request, uint64_t deadline_ns, uint64_t safety_ns);
  void LearnFrom(uint64_t start_ns, SyncOutcome outcome);
  void Remove(AsyncWaiter* waiter, SyncOutcome outcome);
  // First what an uncontended operation needs: one line.
  SharedObject* shared_;
  const std::atomic<uint32_t>* fork_mark_;
  uint64_t own_stamp_;
  SyncSpace* space_;
  // In the order of arrival. A list, as an empty one takes no memory: a process may have a million
  // objects.
  std::list<AsyncWaiter*> waiters_;
  uint32_t sync_waits_ = 0;
  Spinner spinner_;
};

}  // namespace mp
