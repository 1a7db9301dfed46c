#include <signal.h>
#include <time.h>

#include <cerrno>

#include "os/descriptor.h"
#include "shm/bitmap.h"
#include "shm_support.h"
#include "sync/lock.h"
#include "sync/rlock.h"

using mp::AsyncWaiter;
using mp::Lock;
using mp::LockRequest;
using mp::RLock;
using mp::SyncOutcome;
using namespace mp::test;

namespace {

LockRequest Taking() {
  LockRequest request;
  request.take_abandoned = true;
  return request;
}
LockRequest By(uint32_t holder) {
  LockRequest request;
  request.holder = holder;
  return request;
}

// A child that holds the lock until it is killed.
pid_t StartHolder(const std::shared_ptr<mp::Segment>& segment, const mp::ObjectRef& ref) {
  return Start([&] {
    auto space = JoinSpace(segment);
    auto lock = space->Open<Lock>(ref).value();
    if (lock->AcquireSync(mp::kNever) != SyncOutcome::kDone) _exit(1);
    for (;;) pause();
  });
}

}  // namespace

TEST(AHolderIsServedAllThatItHasAskedFor) {
  auto segment = SmallSegment();
  auto space = JoinSpace(segment);
  auto lock = space->Make<RLock>().value();
  EXPECT(lock->TryAcquire(By(1)) == SyncOutcome::kDone);
  AsyncWaiter waiters[3];
  for (uint32_t i = 0; i < 3; i += 1) {
    waiters[i].request.lock.holder = i == 1 ? 3 : 2;
    EXPECT(lock->AcquireAsync(&waiters[i]) == SyncOutcome::kPending);
  }
  EXPECT(lock->Release(1).ok());
  std::vector<AsyncWaiter*> done;
  EXPECT(space->Serve(&done) && done.size() == 2);
  EXPECT(done[0] == &waiters[0] && done[1] == &waiters[2]);
  for (AsyncWaiter* waiter : done) lock->Served(*waiter);
  EXPECT(lock->Count() == 2);
  EXPECT(lock->Release(2).ok() && lock->Release(2).ok());
  done.clear();
  EXPECT(space->Serve(&done) && done.size() == 1 && done[0] == &waiters[1]);
  lock->Served(*done[0]);
  EXPECT(lock->Release(3).ok() && !lock->IsLocked());
}

// Each signal ends a sleep, and the next one must not begin its time anew.
TEST(SignalsDoNotPutOffADeadline) {
  auto segment = SmallSegment();
  auto space = JoinSpace(segment);
  auto lock = space->Make<Lock>().value();
  EXPECT(lock->TryAcquire() == SyncOutcome::kDone);
  const pid_t pid = Start([&] {
    auto child = JoinSpace(segment);
    auto theirs = child->Open<Lock>(lock->ref()).value();
    static volatile sig_atomic_t signals = 0;
    struct sigaction action{};
    action.sa_handler = [](int) { signals = signals + 1; };
    sigaction(SIGUSR1, &action, nullptr);
    // Not setitimer(), whose timer is the watchdog's.
    sigevent event{};
    event.sigev_notify = SIGEV_SIGNAL;
    event.sigev_signo = SIGUSR1;
    timer_t timer;
    const timespec every{0, 5'000'000};
    const itimerspec times{every, every};
    if (timer_create(CLOCK_MONOTONIC, &event, &timer) != 0) _exit(1);
    if (timer_settime(timer, 0, &times, nullptr) != 0) _exit(2);
    if (theirs->AcquireSync(mp::DeadlineAfterMs(50)) != SyncOutcome::kTimedOut) _exit(3);
    if (signals == 0) _exit(4);
  });
  EXPECT(WaitStatus(pid) == 0);
  EXPECT(lock->Release().ok());
}

TEST(ALockIsTakenOnceAndReleasedByAnyone) {
  auto segment = SmallSegment();
  auto space = JoinSpace(segment);
  auto lock = space->Make<Lock>().value();
  EXPECT(lock->Release().error == EPERM);
  EXPECT(lock->TryAcquire() == SyncOutcome::kDone);
  EXPECT(lock->IsLocked());
  EXPECT(lock->TryAcquire() == SyncOutcome::kPending);
  const uint64_t before = mp::MonotonicNs();
  EXPECT(lock->AcquireSync(mp::DeadlineAfterMs(20)) == SyncOutcome::kTimedOut);
  EXPECT(mp::MonotonicNs() - before >= 20'000'000);
  const pid_t pid = Start([&] {
    auto child = JoinSpace(segment);
    if (!child->Open<Lock>(lock->ref()).value()->Release().ok()) _exit(1);
    if (lock->TryAcquire() != SyncOutcome::kForeign) _exit(2);
  });
  EXPECT(EndedWell(pid));
  EXPECT(!lock->IsLocked());
  EXPECT(space->Open<Lock>(lock->ref()).value() == lock);
}

TEST(MutualExclusionHoldsBetweenProcesses) {
  auto segment = SmallSegment();
  auto space = JoinSpace(segment);
  auto lock = space->Make<Lock>().value();
  auto counter = space->Make<Lock>().value();  // its parameter word is the counter
  auto* const word = &segment->ObjectAt<mp::SharedObject>(counter->ref().offset)->parameter;
  constexpr uint64_t kRounds = 20'000;
  pid_t pids[3];
  for (pid_t& pid : pids) {
    pid = Start([&] {
      auto child = JoinSpace(segment);
      auto mine = child->Open<Lock>(lock->ref()).value();
      for (uint64_t i = 0; i < kRounds; i += 1) {
        if (mine->AcquireSync(mp::kNever) != SyncOutcome::kDone) _exit(1);
        word->store(word->load(std::memory_order_relaxed) + 1, std::memory_order_relaxed);
        if (!mine->Release().ok()) _exit(2);
      }
    });
  }
  for (const pid_t pid : pids) EXPECT(EndedWell(pid));
  EXPECT(word->load() == 3 * kRounds);
}

TEST(AKilledHolderLeavesTheLockAbandoned) {
  auto segment = SmallSegment();
  auto space = JoinSpace(segment);
  auto lock = space->Make<Lock>().value();
  const pid_t pid = StartHolder(segment, lock->ref());
  Until([&] { return lock->IsLocked(); });
  EXPECT(lock->TryAcquire() == SyncOutcome::kPending);
  KillAndWait(pid);
  // Without anybody having reaped.
  EXPECT(lock->TryAcquire() == SyncOutcome::kAbandoned);
  EXPECT(lock->AcquireSync(mp::kNever) == SyncOutcome::kAbandoned);
  EXPECT(lock->AbandonedPid() == static_cast<uint32_t>(pid));
  EXPECT(!lock->IsLocked());
  EXPECT(lock->Release().error == EPERM);
  EXPECT(lock->AcquireSync(mp::kNever, Taking()) == SyncOutcome::kDoneAbandoned);
  EXPECT(lock->Release().ok());
  EXPECT(lock->TryAcquire() == SyncOutcome::kDone);
  ReapAll(*space);
  EXPECT(lock->IsLocked());
}

TEST(EverySleeperLearnsOfTheDeath) {
  auto segment = SmallSegment();
  auto space = JoinSpace(segment);
  auto lock = space->Make<Lock>().value();
  const pid_t holder = StartHolder(segment, lock->ref());
  Until([&] { return lock->IsLocked(); });
  pid_t sleepers[3];
  for (pid_t& pid : sleepers) {
    pid = Start([&] {
      auto child = JoinSpace(segment);
      auto mine = child->Open<Lock>(lock->ref()).value();
      if (mine->AcquireSync(mp::kNever) != SyncOutcome::kAbandoned) _exit(1);
    });
  }
  usleep(30'000);
  KillAndWait(holder);
  for (const pid_t pid : sleepers) EXPECT(EndedWell(pid));
}

TEST(AnAsyncWaiterIsGivenTheLock) {
  auto segment = SmallSegment();
  auto space = JoinSpace(segment);
  auto lock = space->Make<Lock>().value();
  const pid_t pid = Start([&] {
    auto child = JoinSpace(segment);
    auto mine = child->Open<Lock>(lock->ref()).value();
    mine->AcquireSync(mp::kNever);
    const auto* const object = segment->ObjectAt<mp::SharedObject>(lock->ref().offset);
    Until([&] { return mp::HasBit(object->handover, 1); });
    usleep(20'000);
    if (!mine->Release().ok()) _exit(1);
    // It was given away: nobody can barge in.
    if (mine->TryAcquire() != SyncOutcome::kPending) _exit(2);
  });
  Until([&] { return lock->IsLocked(); });
  const int bell = space->participant().Doorbell().value();
  AsyncWaiter first, second;
  first.request.lock.holder = 7;
  EXPECT(lock->AcquireAsync(&first) == SyncOutcome::kPending);
  EXPECT(lock->AcquireAsync(&second) == SyncOutcome::kPending);
  std::vector<AsyncWaiter*> done;
  while (done.empty()) {
    space->participant().ArmDoorbell();
    if (!space->Serve(&done)) mp::WaitForFd(bell, mp::kReadable, mp::kNever);
    space->participant().DisarmDoorbell();
    space->Serve(&done);
  }
  EXPECT(done.size() == 1 && done[0] == &first);
  EXPECT(lock->IsHeldBy(7));
  EXPECT(EndedWell(pid));
  done.clear();
  EXPECT(lock->Release().ok());
  EXPECT(space->Serve(&done) && done[0] == &second);
  EXPECT(!space->HasAsyncWaiters());
  EXPECT(lock->Release().ok());
  EXPECT(!lock->IsLocked());
}

TEST(ACancelledWaiterPassesTheLockOn) {
  auto segment = SmallSegment();
  auto space = JoinSpace(segment);
  auto lock = space->Make<Lock>().value();
  lock->TryAcquire();
  AsyncWaiter waiter;
  EXPECT(lock->AcquireAsync(&waiter) == SyncOutcome::kPending);
  const pid_t pid = Start([&] {
    auto child = JoinSpace(segment);
    if (child->Open<Lock>(lock->ref()).value()->AcquireSync(mp::kNever) != SyncOutcome::kDone) {
      _exit(1);
    }
  });
  usleep(20'000);
  EXPECT(lock->Release().ok());  // granted to one of the two
  EXPECT(lock->Cancel(&waiter));
  EXPECT(!lock->Cancel(&waiter));
  EXPECT(!space->HasAsyncWaiters());
  EXPECT(EndedWell(pid));
  std::vector<AsyncWaiter*> done;
  EXPECT(!space->Serve(&done));
  // The child left while it held the lock.
  ReapAll(*space);
  EXPECT(lock->TryAcquire() == SyncOutcome::kAbandoned);
}

TEST(AGrantToTheDeadGoesOnSilently) {
  auto segment = SmallSegment();
  auto space = JoinSpace(segment);
  auto lock = space->Make<Lock>().value();
  lock->TryAcquire();
  const pid_t pid = Start([&] {
    auto child = JoinSpace(segment);
    auto mine = child->Open<Lock>(lock->ref()).value();
    AsyncWaiter waiter;
    mine->AcquireAsync(&waiter);
    for (;;) pause();
  });
  const auto* const object = segment->ObjectAt<mp::SharedObject>(lock->ref().offset);
  Until([&] { return mp::HasBit(object->handover, 2); });
  EXPECT(lock->Release().ok());
  EXPECT(lock->IsLocked());
  KillAndWait(pid);
  EXPECT(lock->AcquireSync(mp::kNever) == SyncOutcome::kDone);
}

TEST(ManyAsyncWaitersTakeTurnsWithOthers) {
  auto segment = SmallSegment();
  auto space = JoinSpace(segment);
  auto lock = space->Make<Lock>().value();
  lock->TryAcquire();
  constexpr size_t kWaiters = 2'000;
  std::vector<AsyncWaiter> waiters(kWaiters);
  for (auto& waiter : waiters) EXPECT(lock->AcquireAsync(&waiter) == SyncOutcome::kPending);
  const pid_t pid = Start([&] {
    auto child = JoinSpace(segment);
    auto mine = child->Open<Lock>(lock->ref()).value();
    for (int i = 0; i < 100; i += 1) {
      if (mine->AcquireSync(mp::kNever) != SyncOutcome::kDone) _exit(1);
      mine->Release();
    }
  });
  size_t served = 0;
  const int bell = space->participant().Doorbell().value();
  lock->Release();
  while (served < kWaiters) {
    std::vector<AsyncWaiter*> done;
    space->participant().ArmDoorbell();
    if (!space->Serve(&done)) mp::WaitForFd(bell, mp::kReadable, mp::kNever);
    space->participant().DisarmDoorbell();
    for (const AsyncWaiter* waiter : done) {
      EXPECT(waiter == &waiters[served]);
      served += 1;
      lock->Release();
    }
  }
  EXPECT(EndedWell(pid));
}

TEST(AnRLockBelongsToItsHolder) {
  auto segment = SmallSegment();
  auto space = JoinSpace(segment);
  auto lock = space->Make<RLock>().value();
  EXPECT(lock->TryAcquire(By(1)) == SyncOutcome::kDone);
  EXPECT(lock->AcquireSync(mp::kNever, By(1)) == SyncOutcome::kDone);
  EXPECT(lock->Count() == 2);
  EXPECT(lock->TryAcquire(By(2)) == SyncOutcome::kPending);
  EXPECT(lock->Release(2).error == EPERM);
  AsyncWaiter other;
  other.request.lock.holder = 2;
  EXPECT(lock->AcquireAsync(&other) == SyncOutcome::kPending);
  EXPECT(lock->Release(1).ok());
  EXPECT(lock->Release(1).ok());
  EXPECT(lock->Release(1).error == EPERM);
  std::vector<AsyncWaiter*> done;
  EXPECT(space->Serve(&done) && done.size() == 1);
  lock->Served(*done[0]);
  EXPECT(lock->Count() == 1 && lock->IsHeldBy(2));
  EXPECT(lock->Release(2).ok());
}

TEST_MAIN()
