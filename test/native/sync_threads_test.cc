// Participants as threads over one mapping: what ThreadSanitizer can see of the protocols.

#include <atomic>
#include <cerrno>
#include <thread>

#include "os/descriptor.h"
#include "shm/bell_relay.h"
#include "shm_support.h"
#include "sync/barrier.h"
#include "sync/bounded_semaphore.h"
#include "sync/condition.h"
#include "sync/event.h"
#include "sync/lock.h"
#include "sync/semaphore.h"

using namespace mp;
using namespace mp::test;

namespace {

constexpr int kThreads = 4;
constexpr int kRounds = 2'000;

template <typename Body>
void InThreads(const std::shared_ptr<Segment>& segment, Body body) {
  std::vector<std::thread> threads;
  for (int index = 0; index < kThreads; index += 1) {
    threads.emplace_back([&, index] {
      auto space = JoinSpace(segment);
      body(*space, index);
    });
  }
  for (auto& thread : threads) thread.join();
}

// Waits as an event loop does.
SyncOutcome WaitInLoop(SyncSpace& space) {
  const int bell = space.participant().Doorbell().value();
  std::vector<AsyncWaiter*> done;
  while (done.empty()) {
    space.participant().ArmDoorbell();
    if (!space.Serve(&done)) WaitForFd(bell, kReadable, kNever);
    space.participant().DisarmDoorbell();
  }
  return done[0]->outcome;
}

}  // namespace

// Half of the threads wait in event loops.
TEST(ALockGuardsOrdinaryMemory) {
  auto segment = SmallSegment(16);
  auto home = JoinSpace(segment);
  auto lock = home->Make<Lock>().value();
  uint64_t counter = 0;  // not atomic: the lock is all that keeps it
  InThreads(segment, [&](SyncSpace& space, int index) {
    auto mine = space.Open<Lock>(lock->ref()).value();
    for (int i = 0; i < kRounds; i += 1) {
      if (index % 2 == 0) {
        EXPECT(mine->AcquireSync(kNever) == SyncOutcome::kDone);
      } else {
        AsyncWaiter waiter;
        SyncOutcome outcome = mine->AcquireAsync(&waiter);
        if (outcome == SyncOutcome::kPending) outcome = WaitInLoop(space);
        EXPECT(outcome == SyncOutcome::kDone);
      }
      counter += 1;
      EXPECT(mine->Release().ok());
    }
  });
  EXPECT(counter == uint64_t{kThreads} * kRounds);
}

TEST(WaitsThatAreGivenUpLoseNothing) {
  auto segment = SmallSegment(16);
  auto home = JoinSpace(segment);
  auto lock = home->Make<Lock>().value();
  std::atomic<int> acquired{0};
  InThreads(segment, [&](SyncSpace& space, int index) {
    auto mine = space.Open<Lock>(lock->ref()).value();
    for (int i = 0; i < kRounds; i += 1) {
      AsyncWaiter waiter;
      SyncOutcome outcome = SyncOutcome::kTimedOut;
      if (index % 2 == 0) {
        outcome = mine->AcquireSync(MonotonicNs() + 1'000);
      } else {
        outcome = mine->AcquireAsync(&waiter);
        if (outcome == SyncOutcome::kPending) {
          mine->Cancel(&waiter);
          outcome = waiter.outcome;
        }
      }
      if (outcome != SyncOutcome::kDone) continue;
      acquired += 1;
      EXPECT(mine->Release().ok());
    }
  });
  EXPECT(acquired > 0);
  EXPECT(!lock->IsLocked());
  EXPECT(lock->TryAcquire() == SyncOutcome::kDone);
}

TEST(PermitsAreConserved) {
  auto segment = SmallSegment(16);
  auto home = JoinSpace(segment);
  auto semaphore = home->Make<Semaphore>(2U, kMaxPermits).value();
  auto bounded = home->Make<BoundedSemaphore>(2U).value();
  std::atomic<int> inside{0};
  InThreads(segment, [&](SyncSpace& space, int index) {
    auto counted = space.Open<Semaphore>(semaphore->ref()).value();
    auto owned = space.Open<BoundedSemaphore>(bounded->ref()).value();
    for (int i = 0; i < kRounds / 2; i += 1) {
      AsyncWaiter waiter;
      SyncOutcome outcome = SyncOutcome::kPending;
      if (index % 2 == 0) {
        outcome = i % 2 == 0 ? counted->AcquireSync(kNever) : owned->AcquireSync(kNever);
      } else {
        outcome = i % 2 == 0 ? counted->AcquireAsync(&waiter) : owned->AcquireAsync(&waiter);
        if (outcome == SyncOutcome::kPending) outcome = WaitInLoop(space);
      }
      EXPECT(outcome == SyncOutcome::kDone);
      EXPECT(inside.fetch_add(1) < 4);
      inside.fetch_sub(1);
      EXPECT((i % 2 == 0 ? counted->Release() : owned->Release()).ok());
    }
  });
  EXPECT(semaphore->Value() == 2 && bounded->Value() == 2);
}

TEST(BarriersAndEventsMeet) {
  auto segment = SmallSegment(16);
  auto home = JoinSpace(segment);
  auto barrier = home->Make<Barrier>(uint32_t{kThreads}, true).value();
  auto event = home->Make<Event>().value();
  uint64_t rounds = 0;
  InThreads(segment, [&](SyncSpace& space, int) {
    auto mine = space.Open<Barrier>(barrier->ref()).value();
    auto flag = space.Open<Event>(event->ref()).value();
    for (int i = 0; i < kRounds / 10; i += 1) {
      uint32_t index = 0;
      const SyncOutcome outcome = mine->WaitSync(kNever, &index);
      if (outcome == SyncOutcome::kLeader) {
        rounds += 1;
        EXPECT(mine->Finish(index));
        flag->Set();
        flag->Clear();
      } else {
        EXPECT(outcome == SyncOutcome::kDone);
      }
    }
  });
  EXPECT(rounds == kRounds / 10);
}

TEST(NotificationsAreNotLost) {
  auto segment = SmallSegment(16);
  auto home = JoinSpace(segment);
  auto condition = home->Make<Condition>().value();
  auto lock = home->Make<Lock>().value();
  int items = 0;
  InThreads(segment, [&](SyncSpace& space, int index) {
    auto ready = space.Open<Condition>(condition->ref()).value();
    auto guard = space.Open<Lock>(lock->ref()).value();
    for (int i = 0; i < kRounds / 4; i += 1) {
      EXPECT(guard->AcquireSync(kNever) == SyncOutcome::kDone);
      if (index % 2 == 0) {
        items += 1;
        ready->Notify(1);
      } else {
        while (items == 0) {
          ready->WaitSync(kNever, [&] { guard->Release(); });
          EXPECT(guard->AcquireSync(kNever) == SyncOutcome::kDone);
        }
        items -= 1;
      }
      guard->Release();
    }
  });
  EXPECT(items == 0);
}

TEST(ObjectsAreMadeAndOpenedAtOnce) {
  auto segment = SmallSegment(16, 4);
  auto home = JoinSpace(segment);
  std::atomic<uint64_t> shown{0};
  InThreads(segment, [&](SyncSpace& space, int index) {
    for (int i = 0; i < kRounds; i += 1) {
      if (index % 2 == 0) {
        auto lock = space.Make<Lock>().value();
        shown = lock->ref().offset << 16 | (lock->ref().generation & 0xffff);
        EXPECT(lock->TryAcquire() == SyncOutcome::kDone && lock->Release().ok());
      } else {
        const uint64_t seen = shown;
        auto lock =
            space.Open<Lock>({seen >> 16, static_cast<uint32_t>(seen & 0xffff), ObjectKind::kLock});
        EXPECT(lock.ok() || lock.status().error == ESTALE || lock.status().error == EINVAL);
      }
    }
  });
  EXPECT(PlacesInUse(*segment) == 0);
}

// Who may not ring has a thread of the owner's do it, which begins when somebody has called.
TEST(ACallIsPassedOnAsARing) {
  auto segment = SmallSegment();
  for (int times = 0; times < 20; times += 1) {
    auto space = JoinSpace(segment);
    Participant& self = space->participant();
    const int bell = self.Doorbell().value();
    BellRelay::Call(&self.row());
    for (int round = 0; round < 50; round += 1) {
      self.ArmDoorbell();
      std::thread caller([&self] { BellRelay::Call(&self.row()); });
      EXPECT(WaitForFd(bell, kReadable, kNever).ok());
      EXPECT(self.DisarmDoorbell());
      caller.join();
    }
  }
}

TEST_MAIN()
