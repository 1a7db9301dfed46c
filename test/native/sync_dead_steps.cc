// What the dead have left behind, and who comes upon it killed and halted at every step; and
// reentrant locks.

#include "sync/rlock.h"
#include "sync_step_acts.h"

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

void ActReleaseLevels(World& world, SyncSpace& space) {
  auto lock = OpenedReentrant(space, world);
  lock->AcquireSync(kNever, Held());
  lock->AcquireSync(kNever, Held());
  StepFromHere();
  if (!lock->Release(kHolder).ok() || !lock->Release(kHolder).ok()) _exit(1);
  StepToHere();
}
void MakeLockOfTheDead(World& world) {
  MakeLock(world);
  DieHolding(world);
}
// Says whether it was told that the last holder has died with it.
void ActTake(World& world, SyncSpace& space) {
  auto lock = Opened(space, world.lock);
  StepFromHere();
  const SyncOutcome outcome = lock->AcquireSync(kNever, Taking());
  StepToHere();
  if (outcome != SyncOutcome::kDone && outcome != SyncOutcome::kDoneAbandoned) _exit(1);
  world.said->store(outcome == SyncOutcome::kDoneAbandoned);
  if (!lock->Release().ok()) _exit(2);
}
void TakeMeanwhile(World& world, bool over) {
  world.waiting.outcome = world.lock->TryAcquire(Taking());
  EXPECT(world.waiting.outcome == SyncOutcome::kDoneAbandoned ||
         world.waiting.outcome == SyncOutcome::kPending);
  EXPECT(world.waiting.outcome == SyncOutcome::kPending || !over);
  if (world.waiting.outcome == SyncOutcome::kPending) return WaitForLock(world);
  EXPECT(world.lock->Release().ok());
}
void OneWasTold(World& world) {
  const bool others = world.waiting.outcome == SyncOutcome::kDoneAbandoned;
  EXPECT((world.said->load() == 1) != others);
  if (!others) {
    EXPECT(world.Woken() == SyncOutcome::kDone);
    EXPECT(world.lock->Release().ok());
  }
  LockIsUsable(world);
}

// The victim was given a lock and a permit and has not said that it has them. Behind it the waiter
// waits for the one, and the reaper for the other.
void DieHavingBeenGiven(World& world) {
  MakeHeldLock(world);
  MakeSemaphore(world);
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
}
void ActReap(World&, SyncSpace& space) {
  StepFromHere();
  space.reaper().Run();
  StepToHere();
}

}  // namespace

TEST(LockOfTheDeadSteps) {
  for (const bool takes : {false, true}) {
    KillEverywhere({takes ? "take a lock from one who was not missed yet"
                          : "find a lock held by one who was not missed yet",
                    MakeLockOfTheDead,
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

// Others take it while whoever comes upon it is halted: one of the two is told that it is the one
// to put right what the dead may have left.
TEST(LockOfTheDeadHalted) {
  HaltEverywhere({"take an abandoned lock",
                  [](World& world) {
                    MakeLockOfTheDead(world);
                    ReapAll(*world.reaper);
                  },
                  ActTake, TakeMeanwhile, Nothing, OneWasTold});
  HaltEverywhere({"take a lock from one who was not missed yet", MakeLockOfTheDead, ActTake,
                  [](World& world, bool over) {
                    world.reaper->reaper().Run();
                    TakeMeanwhile(world, over);
                  },
                  Nothing, OneWasTold, true});
  HaltEverywhere({"find a lock held by one who was not missed yet", MakeLockOfTheDead,
                  [](World& world, SyncSpace& space) {
                    auto lock = Opened(space, world.lock);
                    StepFromHere();
                    const SyncOutcome outcome = lock->AcquireSync(kNever);
                    StepToHere();
                    if (outcome == SyncOutcome::kDone && !lock->Release().ok()) _exit(1);
                    if (outcome != SyncOutcome::kDone && outcome != SyncOutcome::kAbandoned)
                      _exit(2);
                  },
                  [](World& world, bool) {
                    world.reaper->reaper().Run();
                    EXPECT(world.lock->TryAcquire() == SyncOutcome::kAbandoned);
                    LockIsUsable(world);
                  },
                  Nothing, LockIsUsable, true});
}

// Its holder dies while the child is halted on its way to wait, or waiting. Another one that waits
// is told at once, the child when it goes on.
TEST(HolderDiesMeanwhile) {
  static pid_t holder;
  for (const bool takes : {false, true}) {
    HaltEverywhere(
        {takes ? "wait to take a lock whose holder dies" : "wait for a lock whose holder dies",
         [](World& world) {
           MakeLock(world);
           holder = Start([&] {
             auto space = JoinSpace(world.segment);
             auto lock = Opened(*space, world.lock);
             lock->TryAcquire();
             for (;;) pause();
           });
           Until([&] { return world.lock->IsLocked(); });
         },
         [&](World& world, SyncSpace& space) {
           auto lock = Opened(space, world.lock);
           StepFromHere();
           const auto request = takes ? Taking() : LockRequest{};
           const SyncOutcome outcome = lock->AcquireSync(kNever, request);
           StepToHere();
           if (outcome != (takes ? SyncOutcome::kDoneAbandoned : SyncOutcome::kAbandoned)) _exit(1);
           if (takes && !lock->Release().ok()) _exit(2);
         },
         [](World& world, bool) {
           KillAndWait(holder);
           world.reaper->reaper().Run();
           EXPECT(world.Woken() == SyncOutcome::kAbandoned);
         },
         WaitForLock, LockIsUsable});
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
                  ActReleaseLevels, LockReachedTheWaiter, WaitForLock});
  HaltEverywhere({"release a reentrant lock to an async waiter, level by level", MakeReentrant,
                  ActReleaseLevels, ReachedOrAsleep, WaitForLock, LockReachedInTheEnd});
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

TEST(ReaperOfGrantsSteps) {
  KillEverywhere({"reap one to whom a lock and a permit were granted", DieHavingBeenGiven, ActReap,
                  [](World& world, bool) {
                    EXPECT(world.Woken() == SyncOutcome::kDone);
                    EXPECT(world.AlsoWoken() == SyncOutcome::kDone);
                    EXPECT(world.lock->Release().ok());
                    EXPECT(world.semaphore->Value() == 0);
                    LockIsUsable(world);
                  }});
  // Who looks has it, whoever has the lease.
  HaltEverywhere({"reap one to whom a lock and a permit were granted", DieHavingBeenGiven, ActReap,
                  [](World& world, bool) {
                    EXPECT(world.Woken() == SyncOutcome::kDone);
                    EXPECT(world.AlsoWoken() == SyncOutcome::kDone);
                  },
                  Nothing,
                  [](World& world) {
                    EXPECT(world.lock->Release().ok());
                    EXPECT(world.semaphore->Value() == 0);
                    ReapAll(*world.reaper);
                    LockIsUsable(world);
                    EXPECT(world.segment->header().lease.load() == 0);
                  },
                  true});
}

TEST_MAIN()
