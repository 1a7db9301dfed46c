#include <cerrno>

#include "shm/bitmap.h"
#include "shm_support.h"
#include "sync/bounded_semaphore.h"
#include "sync/condition.h"
#include "sync/event.h"
#include "sync/lock.h"
#include "sync/semaphore.h"

using namespace mp;
using namespace mp::test;

namespace {

const auto kNothing = [] {};

bool IsWaitingHere(const Segment& segment, const ObjectRef& ref, uint32_t id) {
  return HasBit(segment.ObjectAt<SharedObject>(ref.offset)->waiting, id);
}

}  // namespace

TEST(ASemaphoreCounts) {
  auto segment = SmallSegment();
  auto space = JoinSpace(segment);
  auto semaphore = space->Make<Semaphore>(2U, kMaxPermits).value();
  EXPECT(semaphore->Value() == 2);
  EXPECT(semaphore->TryAcquire() == SyncOutcome::kDone);
  EXPECT(semaphore->AcquireSync(kNever) == SyncOutcome::kDone);
  EXPECT(semaphore->TryAcquire() == SyncOutcome::kPending);
  EXPECT(semaphore->AcquireSync(DeadlineAfterMs(5)) == SyncOutcome::kTimedOut);
  EXPECT(semaphore->Release(3).ok());
  EXPECT(semaphore->Value() == 3);
  EXPECT(semaphore->Release(kMaxPermits).error == EOVERFLOW);
  EXPECT(semaphore->Value() == 3);
  EXPECT(space->Make<Semaphore>(kMaxPermits + 1, kMaxPermits).status().error == EINVAL);
}

TEST(AReleaseOfManyWakesMany) {
  auto segment = SmallSegment();
  auto space = JoinSpace(segment);
  auto semaphore = space->Make<Semaphore>(0U, kMaxPermits).value();
  AsyncWaiter waiters[2];
  for (auto& waiter : waiters) EXPECT(semaphore->AcquireAsync(&waiter) == SyncOutcome::kPending);
  pid_t pids[3];
  for (pid_t& pid : pids) {
    pid = Start([&] {
      auto child = JoinSpace(segment);
      auto mine = child->Open<Semaphore>(semaphore->ref()).value();
      if (mine->AcquireSync(kNever) != SyncOutcome::kDone) _exit(1);
    });
  }
  usleep(20'000);
  EXPECT(semaphore->Release(5).ok());
  for (const pid_t pid : pids) EXPECT(EndedWell(pid));
  std::vector<AsyncWaiter*> done;
  EXPECT(space->Serve(&done) && done.size() == 2);
  EXPECT(semaphore->Value() == 0);
  EXPECT(semaphore->TryAcquire() == SyncOutcome::kPending);
}

TEST(AReservedPermitOfTheDeadIsFreeAgain) {
  auto segment = SmallSegment();
  auto space = JoinSpace(segment);
  auto semaphore = space->Make<Semaphore>(0U, kMaxPermits).value();
  const pid_t pid = Start([&] {
    auto child = JoinSpace(segment);
    AsyncWaiter waiter;
    auto mine = child->Open<Semaphore>(semaphore->ref()).value();
    mine->AcquireAsync(&waiter);
    for (;;) pause();
  });
  Until([&] { return IsWaitingHere(*segment, semaphore->ref(), 2); });
  usleep(10'000);
  EXPECT(semaphore->Release().ok());
  EXPECT(semaphore->TryAcquire() == SyncOutcome::kPending);
  KillAndWait(pid);
  EXPECT(semaphore->AcquireSync(kNever) == SyncOutcome::kDone);
  EXPECT(semaphore->Value() == 0);
}

TEST(ABoundedSemaphoreIsBounded) {
  auto segment = SmallSegment();
  auto space = JoinSpace(segment);
  auto semaphore = space->Make<BoundedSemaphore>(2U).value();
  EXPECT(semaphore->Release().error == EOVERFLOW);
  EXPECT(semaphore->TryAcquire() == SyncOutcome::kDone);
  EXPECT(semaphore->TryAcquire() == SyncOutcome::kDone);
  EXPECT(semaphore->AcquireSync(DeadlineAfterMs(5)) == SyncOutcome::kTimedOut);
  AsyncWaiter waiter;
  EXPECT(semaphore->AcquireAsync(&waiter) == SyncOutcome::kPending);
  EXPECT(semaphore->Release().ok());
  std::vector<AsyncWaiter*> done;
  EXPECT(space->Serve(&done) && done.size() == 1);
  EXPECT(semaphore->Value() == 0);
  EXPECT(semaphore->Release().ok());
  EXPECT(semaphore->Release().ok());
  EXPECT(semaphore->Release().error == EOVERFLOW);
  EXPECT(semaphore->Value() == 2);
  EXPECT(space->Make<BoundedSemaphore>(1025U).status().error == EINVAL);
}

TEST(TooManyBoundedPermitsAreRefusedBeforeTheFirst) {
  auto segment = SmallSegment();
  auto space = JoinSpace(segment);
  auto other = JoinSpace(segment);
  auto semaphore = space->Make<BoundedSemaphore>(2U).value();
  auto theirs = other->Open<BoundedSemaphore>(semaphore->ref()).value();
  for (int i = 0; i < 2; i += 1) EXPECT(semaphore->TryAcquire() == SyncOutcome::kDone);
  AsyncWaiter waiter;
  EXPECT(theirs->AcquireAsync(&waiter) == SyncOutcome::kPending);
  EXPECT(semaphore->Release(3).error == EOVERFLOW);
  std::vector<AsyncWaiter*> done;
  EXPECT(!other->Serve(&done));
  EXPECT(semaphore->Release(2).ok());
  EXPECT(other->Serve(&done) && semaphore->Value() == 1);
}

TEST(ThePermitsOfTheDeadComeBack) {
  auto segment = SmallSegment();
  auto space = JoinSpace(segment);
  auto semaphore = space->Make<BoundedSemaphore>(3U).value();
  semaphore->TryAcquire();
  const pid_t pid = Start([&] {
    auto child = JoinSpace(segment);
    auto mine = child->Open<BoundedSemaphore>(semaphore->ref()).value();
    mine->TryAcquire();
    mine->TryAcquire();
    for (;;) pause();
  });
  Until([&] { return semaphore->Value() == 0; });
  const pid_t sleeper = Start([&] {
    auto child = JoinSpace(segment);
    auto mine = child->Open<BoundedSemaphore>(semaphore->ref()).value();
    if (mine->AcquireSync(kNever) != SyncOutcome::kDone) _exit(1);
    if (!mine->Release().ok()) _exit(2);
  });
  usleep(20'000);
  KillAndWait(pid);
  ReapAll(*space);
  EXPECT(EndedWell(sleeper));
  EXPECT(semaphore->Value() == 2);
  EXPECT(semaphore->Release().ok());
  EXPECT(semaphore->Release().error == EOVERFLOW);
}

TEST(ANotificationReachesThatManyWaiters) {
  auto segment = SmallSegment();
  auto space = JoinSpace(segment);
  auto condition = space->Make<Condition>().value();
  EXPECT(condition->Notify(1) == 0);
  EXPECT(condition->WaitSync(DeadlineAfterMs(5), kNothing) == SyncOutcome::kTimedOut);
  EXPECT(condition->Notify(Condition::kAll) == 0);
  AsyncWaiter waiters[3];
  for (auto& waiter : waiters) EXPECT(condition->WaitAsync(&waiter) == SyncOutcome::kPending);
  std::vector<AsyncWaiter*> done;
  EXPECT(!space->Serve(&done));
  EXPECT(condition->Notify(2) == 2);
  EXPECT(space->Serve(&done) && done.size() == 2);
  EXPECT(done[0] == &waiters[0] && done[1] == &waiters[1]);
  EXPECT(condition->Cancel(&waiters[2]));
  EXPECT(condition->Notify(Condition::kAll) == 0);
}

TEST(ANotificationIsForThoseWhoWaitedWhenItCame) {
  auto segment = SmallSegment();
  auto space = JoinSpace(segment);
  auto condition = space->Make<Condition>().value();
  AsyncWaiter before;
  AsyncWaiter after;
  condition->WaitAsync(&before);
  EXPECT(condition->Notify(1) == 1);
  EXPECT(condition->WaitAsync(&after) == SyncOutcome::kPending);
  std::vector<AsyncWaiter*> done;
  EXPECT(space->Serve(&done) && done.size() == 1 && done[0] == &before);
  EXPECT(condition->Cancel(&after));
  // A release that fails: nobody waits.
  EXPECT(condition->WaitSync(kNever, [] { return false; }) == SyncOutcome::kTimedOut);
  EXPECT(condition->Notify(1) == 0);
}

TEST(ACancelledWaiterPassesItsNotificationOn) {
  auto segment = SmallSegment();
  auto space = JoinSpace(segment);
  auto condition = space->Make<Condition>().value();
  AsyncWaiter waiter;
  condition->WaitAsync(&waiter);
  EXPECT(condition->Notify(1) == 1);
  const pid_t pid = Start([&] {
    auto child = JoinSpace(segment);
    auto mine = child->Open<Condition>(condition->ref()).value();
    if (mine->WaitSync(kNever, kNothing) != SyncOutcome::kDone) _exit(1);
  });
  Until([&] { return IsWaitingHere(*segment, condition->ref(), 2); });
  usleep(10'000);
  EXPECT(condition->Cancel(&waiter));
  EXPECT(EndedWell(pid));
}

TEST(DeadWaitersArePassedOver) {
  auto segment = SmallSegment();
  auto space = JoinSpace(segment);
  auto condition = space->Make<Condition>().value();
  const pid_t dead = Start([&] {
    auto child = JoinSpace(segment);
    child->Open<Condition>(condition->ref()).value()->WaitSync(kNever, kNothing);
  });
  Until([&] { return IsWaitingHere(*segment, condition->ref(), 2); });
  const pid_t signalled = Start([&] {
    auto child = JoinSpace(segment);
    AsyncWaiter waiter;
    auto mine = child->Open<Condition>(condition->ref()).value();
    mine->WaitAsync(&waiter);
    for (;;) pause();
  });
  Until([&] { return IsWaitingHere(*segment, condition->ref(), 3); });
  usleep(10'000);
  KillAndWait(dead);
  EXPECT(condition->Notify(1) == 1);  // to the one that lives, which will not use it
  AsyncWaiter waiter;
  condition->WaitAsync(&waiter);
  std::vector<AsyncWaiter*> done;
  EXPECT(!space->Serve(&done));
  KillAndWait(signalled);
  EXPECT(ReapAll(*space) == 2);
  EXPECT(space->Serve(&done) && done[0] == &waiter);
}

TEST(AConditionWithItsLock) {
  auto segment = SmallSegment();
  auto space = JoinSpace(segment);
  auto condition = space->Make<Condition>().value();
  auto lock = space->Make<Lock>().value();
  constexpr int kRounds = 500;
  const auto* const turn = &segment->ObjectAt<SharedObject>(lock->ref().offset)->parameter;
  const auto play = [&](SyncSpace& own, uint64_t side) {
    auto mine = own.Open<Condition>(condition->ref()).value();
    auto guard = own.Open<Lock>(lock->ref()).value();
    auto& word = const_cast<std::atomic<uint64_t>&>(*turn);
    for (int i = 0; i < kRounds; i += 1) {
      guard->AcquireSync(kNever);
      while (word.load() % 2 != side) {
        mine->WaitSync(kNever, [&] { guard->Release(); });
        guard->AcquireSync(kNever);
      }
      word.fetch_add(1);
      mine->Notify(1);
      guard->Release();
    }
  };
  const pid_t pid = Start([&] {
    auto child = JoinSpace(segment);
    play(*child, 1);
  });
  play(*space, 0);
  EXPECT(EndedWell(pid));
  EXPECT(turn->load() == 2 * kRounds);
}

TEST(AnEventWakesAll) {
  auto segment = SmallSegment();
  auto space = JoinSpace(segment);
  auto event = space->Make<Event>().value();
  EXPECT(!event->IsSet());
  EXPECT(event->WaitSync(0) == SyncOutcome::kTimedOut);
  AsyncWaiter waiter;
  EXPECT(event->WaitAsync(&waiter) == SyncOutcome::kPending);
  pid_t pids[3];
  for (pid_t& pid : pids) {
    pid = Start([&] {
      auto child = JoinSpace(segment);
      auto mine = child->Open<Event>(event->ref()).value();
      if (mine->WaitSync(kNever) != SyncOutcome::kDone) _exit(1);
    });
  }
  for (uint32_t id = 2; id <= 4; id += 1) {
    Until([&] { return IsWaitingHere(*segment, event->ref(), id); });
  }
  usleep(10'000);
  EXPECT(event->Set().ok());
  EXPECT(event->Clear().ok());  // who waited goes on all the same
  for (const pid_t pid : pids) EXPECT(EndedWell(pid));
  std::vector<AsyncWaiter*> done;
  EXPECT(space->Serve(&done) && done[0] == &waiter);
  EXPECT(event->WaitSync(DeadlineAfterMs(5)) == SyncOutcome::kTimedOut);
  event->Set();
  EXPECT(event->WaitSync(0) == SyncOutcome::kDone);
}

TEST_MAIN()
