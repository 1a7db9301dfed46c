// What the dead have left behind, and who comes upon it killed at every step; and reentrant locks.

#include "step_world.h"
#include "sync/rlock.h"

using namespace mp;
using namespace mp::test;

namespace {

constexpr uint32_t kHolder = 2;

LockRequest Held() {
  LockRequest request;
  request.holder = kHolder;
  return request;
}
void MakeReentrant(World& world) {
  world.lock = world.waiter->Make<RLock>().value();
}
std::shared_ptr<RLock> OpenedReentrant(SyncSpace& space, const World& world) {
  auto own = space.Open<RLock>(world.lock->ref());
  if (!own.ok()) _exit(97);
  return own.value();
}
void DieHolding(World& world) {
  WaitStatus(Start([&] {
    auto space = JoinSpace(world.segment);
    auto lock = Opened(*space, world.lock);
    lock->TryAcquire();
    kill(getpid(), SIGKILL);
  }));
}

}  // namespace

TEST(LockOfTheDeadSteps) {
  for (const bool takes : {false, true}) {
    KillEverywhere({takes ? "take a lock from one who was not missed yet"
                          : "find a lock held by one who was not missed yet",
                    [](World& world) {
                      MakeLock(world);
                      DieHolding(world);
                    },
                    [&](World& world, SyncSpace& space) {
                      auto lock = Opened(space, world.lock);
                      const SyncOutcome expected =
                          takes ? SyncOutcome::kDoneAbandoned : SyncOutcome::kAbandoned;
                      StepFromHere();
                      const auto request = takes ? Taking() : LockRequest{};
                      if (lock->AcquireSync(kNever, request) != expected) _exit(1);
                      StepToHere();
                    },
                    [](World& world, bool) {
                      EXPECT(world.lock->TryAcquire() == SyncOutcome::kAbandoned);
                      LockIsUsable(world);
                    }});
  }
}

TEST(ReentrantLockSteps) {
  KillEverywhere({"acquire a reentrant lock twice, and release both", MakeReentrant,
                  [](World& world, SyncSpace& space) {
                    auto lock = OpenedReentrant(space, world);
                    StepFromHere();
                    for (int level = 0; level < 2; level += 1) {
                      if (lock->AcquireSync(kNever, Held()) != SyncOutcome::kDone) _exit(1);
                    }
                    for (int level = 0; level < 2; level += 1) {
                      if (!lock->Release(kHolder).ok()) _exit(2);
                    }
                    StepToHere();
                  },
                  [](World& world, bool over) {
                    const SyncOutcome outcome = world.lock->TryAcquire();
                    EXPECT(outcome == SyncOutcome::kDone ||
                           (outcome == SyncOutcome::kAbandoned && !over));
                    if (outcome == SyncOutcome::kDone) EXPECT(world.lock->Release().ok());
                    LockIsUsable(world);
                  }});
  KillEverywhere({"release a reentrant lock to an async waiter, level by level", MakeReentrant,
                  [](World& world, SyncSpace& space) {
                    auto lock = OpenedReentrant(space, world);
                    lock->AcquireSync(kNever, Held());
                    lock->AcquireSync(kNever, Held());
                    StepFromHere();
                    if (!lock->Release(kHolder).ok() || !lock->Release(kHolder).ok()) _exit(1);
                    StepToHere();
                  },
                  LockReachedTheWaiter, WaitForLock});
}

// Rung when it had armed and had not yet looked.
TEST(RungSteps) {
  KillEverywhere({"look and disarm, having been rung", MakeHeldLock,
                  [](World& world, SyncSpace& space) {
                    auto* const lock = new std::shared_ptr<Lock>(Opened(space, world.lock));
                    auto* const waiter = new AsyncWaiter;
                    (*lock)->AcquireAsync(waiter);
                    space.participant().Doorbell();
                    space.participant().ArmDoorbell();
                    std::vector<AsyncWaiter*> done;
                    StepFromHere();
                    if (!space.Serve(&done)) _exit(1);
                    if (!space.participant().DisarmDoorbell()) _exit(2);
                    StepToHere();
                  },
                  GotOrAbandoned,
                  [](World& world) {
                    EXPECT(world.lock->Release().ok());
                    WaitForLock(world);
                  }});
}

// The victim was given a lock and a permit and has not said that it has them. Behind it the waiter
// waits for the one, and the reaper for the other.
TEST(ReaperOfGrantsSteps) {
  KillEverywhere({"reap one to whom a lock and a permit were granted",
                  [](World& world) {
                    MakeHeldLock(world);
                    world.semaphore = world.waiter->Make<Semaphore>(0U, kMaxPermits).value();
                    const pid_t victim = Start([&] {
                      auto space = JoinSpace(world.segment);
                      auto lock = Opened(*space, world.lock);
                      auto semaphore = Opened(*space, world.semaphore);
                      AsyncWaiter waiters[2];
                      lock->AcquireAsync(&waiters[0]);
                      semaphore->AcquireAsync(&waiters[1]);
                      kill(getpid(), SIGSTOP);
                    });
                    int status = 0;
                    EXPECT(waitpid(victim, &status, WUNTRACED) == victim && WIFSTOPPED(status));
                    EXPECT(world.lock->Release().ok());
                    EXPECT(world.semaphore->Release().ok());
                    auto theirs = Opened(*world.reaper, world.semaphore);
                    world.lock->AcquireAsync(&world.waiting);
                    theirs->AcquireAsync(&world.also_waiting);
                    world.other = theirs;
                    world.Sleep();
                    World::SleepIn(*world.reaper);
                    KillAndWait(victim);
                  },
                  [](World&, SyncSpace& space) {
                    StepFromHere();
                    space.reaper().Run();
                    StepToHere();
                  },
                  [](World& world, bool) {
                    EXPECT(world.Woken() == SyncOutcome::kDone);
                    EXPECT(world.AlsoWoken() == SyncOutcome::kDone);
                    EXPECT(world.lock->Release().ok());
                    EXPECT(world.semaphore->Value() == 0);
                    LockIsUsable(world);
                  }});
}

TEST_MAIN()
