#include "sync/wait_point.h"

#include <algorithm>

#include "base/deadline.h"
#include "os/futex.h"
#include "sync/sync_space.h"
#include "sync/wait_set.h"

namespace mp {
namespace {

// How long a sleeper relies on being woken before it looks whether somebody has died: grows from
// sleep to sleep. Only the death of a waker between its two steps, unseen by anybody else, needs
// it.
constexpr uint64_t kFirstSafetyNs = 100'000'000;
constexpr uint64_t kLongestSafetyNs = 1'000'000'000;
// Who sleeps for so long in vain, after shorter sleeps, gives back what it keeps for later: its
// event loop does not come to it.
constexpr uint64_t kIdleNs = 400'000'000;
// A sync waiter that was woken this often in vain is given the object like an async one.
constexpr uint32_t kWakesBeforeHandover = 8;
// What looked ready was somebody else's every time, or the hint is wrong.
constexpr uint32_t kMostSpins = 16;

}  // namespace

WaitPoint::WaitPoint(SyncSpace* space, SharedObject* shared)
    : shared_(shared),
      fork_mark_(space->participant_->fork_mark()),
      own_stamp_(static_cast<uint64_t>(space->stamp().packed()) << 32),
      space_(space),
      spinner_(&space->wake_up_cost()) {}

void WaitPoint::WithdrawAll() {
  while (Usable() && !waiters_.empty()) Cancel(waiters_.front());
  std::erase(space_->interests_, this);
}

SyncOutcome WaitPoint::WaitSync(WaitRequest* request, uint64_t deadline_ns) {
  if (!Usable()) return SyncOutcome::kForeign;
  SyncOutcome outcome = Try(request);
  if (outcome != SyncOutcome::kPending) return outcome;
  const uint64_t start = Now();
  const bool spins = Spins() && start < deadline_ns;
  if (spins && !Enrols()) outcome = SpinAndTry(request, start);
  if (outcome != SyncOutcome::kPending) return outcome;
  // Dead from here on: the bit stands until the reaper clears it and passes on what it stood for.
  sync_waits_ += 1;
  outcome = Register(request);
  if (spins && Enrols() && outcome == SyncOutcome::kPending) {
    spinner_.Spin([&] { return LooksReady(*request); }, start);
  }
  uint64_t safety_ns = kFirstSafetyNs;
  for (uint32_t wakes = 0; outcome == SyncOutcome::kPending; wakes += 1) {
    if (wakes == kWakesBeforeHandover) SetBit(&shared_->handover, space_->stamp().id);
    if (!HasPassed(deadline_ns)) {
      outcome = SleepOnce(request, deadline_ns, safety_ns);
      safety_ns = std::min(2 * safety_ns, kLongestSafetyNs);
      continue;
    }
    outcome = Attempt(request);
    if (outcome == SyncOutcome::kPending) outcome = TimeOut(request);
    if (outcome == SyncOutcome::kPending) outcome = SyncOutcome::kTimedOut;
  }
  sync_waits_ -= 1;
  EndWait();
  if (Spins()) LearnFrom(start, outcome);
  return outcome;
}

// With one CPU there is nothing to learn, for which whoever sleeps and wakes all the time would
// read the clock six times.
bool WaitPoint::Spins() const {
  return space_->wake_up_cost().Counts();
}
uint64_t WaitPoint::Now() const {
  return Spins() ? MonotonicNs() : CoarseMonotonicNs();
}

SyncOutcome WaitPoint::SpinAndTry(WaitRequest* request, uint64_t now) {
  for (uint32_t i = 0; i < kMostSpins; i += 1) {
    if (!spinner_.Spin([&] { return LooksReady(*request); }, now)) break;
    const SyncOutcome outcome = Try(request);
    if (outcome != SyncOutcome::kPending) return outcome;
    now = MonotonicNs();
  }
  return SyncOutcome::kPending;
}

void WaitPoint::LearnFrom(uint64_t start_ns, SyncOutcome outcome) {
  const uint64_t waited_ns = MonotonicNs() - start_ns;
  // Nothing came, but nor was there the time to tell.
  if (outcome == SyncOutcome::kTimedOut && waited_ns < space_->wake_up_cost().ns()) return;
  // What was rung before is of an earlier wait, or of another place.
  const uint64_t rung_ns = space_->participant().row().rung_ns.load(std::memory_order_relaxed);
  spinner_.Learn(rung_ns > start_ns ? rung_ns - start_ns : waited_ns);
}

SyncOutcome WaitPoint::Register(WaitRequest* request) {
  JoinWaiting(shared_, space_->stamp().id);
  return Enrol(request);
}

// Armed, then looked: a change that the attempt does not see finds the wake word armed.
SyncOutcome WaitPoint::SleepOnce(WaitRequest* request, uint64_t deadline_ns, uint64_t safety_ns) {
  Participant& self = space_->participant();
  const uint32_t armed = ArmWakeWord(&self.wake(), WakeState::kAsleep);
  request->watch = {};
  const SyncOutcome outcome = Attempt(request);
  if (outcome != SyncOutcome::kPending) {
    DisarmWakeWord(&self.wake());
    return outcome;
  }
  const uint64_t asleep_ns = Now();
  const uint64_t until = std::min(deadline_ns, asleep_ns + safety_ns);
  FutexOutcome slept = FutexOutcome::kWoken;
  bool died = false;
  if (request->watch && request->watch.id < self.segment().participants()) {
    auto& token = self.segment().TokenWord(self.segment().row(request->watch.id));
    const uint32_t expected = AskForDeathWake(&token);
    died = (expected & kDeathTokenDied) != 0;
    if (!died) slept = FutexWaitEither({&self.wake(), armed}, {&token, expected}, until);
    died = died || HolderHasDied(token);
  } else {
    slept = FutexWait(self.wake(), armed, until);
  }
  if (slept == FutexOutcome::kWoken) space_->LearnWakeUp(asleep_ns);
  DisarmWakeWord(&self.wake());
  // The kernel wakes one sleeper of a dead holder: that one sees to the others.
  const bool nothing_came = slept == FutexOutcome::kTimedOut && until < deadline_ns;
  if (died || nothing_came) space_->reaper().Run();
  if (nothing_came && safety_ns >= kIdleNs) space_->GiveBackIdleMemory();
  // Mostly it has come: then there is nothing to arm for.
  return Attempt(request);
}

SyncOutcome WaitPoint::WaitAsync(AsyncWaiter* waiter) {
  if (!Usable()) return SyncOutcome::kForeign;
  waiter->object = this;
  const bool first = waiters_.empty();
  waiter->outcome = Register(&waiter->request);
  if (first) SetBit(&shared_->handover, space_->stamp().id);
  // Behind those that came before it; who enrols has been tried by enrolling, where that may be.
  if (first && !Enrols() && waiter->outcome == SyncOutcome::kPending) {
    waiter->outcome = Attempt(&waiter->request);
  }
  if (waiter->outcome != SyncOutcome::kPending) {
    EndWait();
    return waiter->outcome;
  }
  waiters_.push_back(waiter);
  if (first) space_->interests_.push_back(this);
  return SyncOutcome::kPending;
}

void WaitPoint::Serve(std::vector<AsyncWaiter*>* done) {
  for (auto next = waiters_.begin(); next != waiters_.end();) {
    AsyncWaiter* const waiter = *next;
    waiter->outcome = Attempt(&waiter->request);
    if (waiter->outcome != SyncOutcome::kPending) {
      next = waiters_.erase(next);
      done->push_back(waiter);
      if (ServeWith(*waiter, &waiters_, done)) next = waiters_.begin();
    } else if (Enrols()) {
      ++next;
    } else {
      return;
    }
  }
  if (!waiters_.empty()) return;
  std::erase(space_->interests_, this);
  EndWait();
}

bool WaitPoint::Cancel(AsyncWaiter* waiter) {
  if (!Usable() || !std::count(waiters_.begin(), waiters_.end(), waiter)) return false;
  Remove(waiter, Withdraw(&waiter->request));
  return true;
}

bool WaitPoint::Expire(AsyncWaiter* waiter) {
  if (!Usable() || !std::count(waiters_.begin(), waiters_.end(), waiter)) return false;
  Remove(waiter, TimeOut(&waiter->request));
  return true;
}

void WaitPoint::Remove(AsyncWaiter* waiter, SyncOutcome outcome) {
  std::erase(waiters_, waiter);
  waiter->outcome = outcome == SyncOutcome::kPending ? SyncOutcome::kTimedOut : outcome;
  if (!waiters_.empty()) return;
  std::erase(space_->interests_, this);
  EndWait();
}

// Bits first, then what was given: a giver looks at the bit after it has given.
void WaitPoint::EndWait() {
  if (!WaitsHere()) {
    LeaveWaiting(shared_, space_->stamp().id);
    GiveBack();
  }
  // Who was served may have left something for the next.
  if (HasWaiters(*shared_)) Nudge();
}

}  // namespace mp
