// Locks, killed and halted at every step.

#include <cerrno>

#include "sync_step_acts.h"

using namespace mp;
using namespace mp::test;

namespace {

Sleeper sleeper;
template <uint32_t kId>
void SleepForLock(World& world) {
  sleeper = StartSleeper(world, kId, [&](SyncSpace& space) {
    auto lock = Opened(space, world.lock);
    const SyncOutcome outcome = lock->AcquireSync(kNever);
    if (outcome == SyncOutcome::kDone) lock->Release();
    return static_cast<int>(outcome);
  });
}
// Whoever looks after the dead waits behind the child.
void AlsoWaitForLock(World& world) {
  auto theirs = Opened(*world.reaper, world.lock);
  EXPECT(theirs->AcquireAsync(&world.also_waiting) == SyncOutcome::kPending);
  world.other = theirs;
  World::SleepIn(*world.reaper);
}
// Its time is over before it has begun to wait.
void ActGiveUp(World& world, SyncSpace& space) {
  auto lock = Opened(space, world.lock);
  StepFromHere();
  const SyncOutcome outcome = lock->AcquireSync(0);
  StepToHere();
  if (outcome != SyncOutcome::kTimedOut && outcome != SyncOutcome::kDone) _exit(1);
  if (outcome == SyncOutcome::kDone && !lock->Release().ok()) _exit(2);
}
void TheOtherOneHasIt(World& world) {
  EXPECT(world.AlsoWoken() == SyncOutcome::kDone);
  EXPECT(world.lock->Release().ok());
  LockIsUsable(world);
}

}  // namespace

TEST(LockAcquire) {
  KillEverywhere({"acquire a free lock", MakeLock, ActAcquire, [](World& world, bool over) {
                    const SyncOutcome outcome = world.lock->TryAcquire();
                    EXPECT(outcome == SyncOutcome::kAbandoned ||
                           (outcome == SyncOutcome::kDone && !over));
                    if (outcome == SyncOutcome::kDone) world.lock->Release();
                    LockIsUsable(world);
                  }});
  KillEverywhere(
      {"acquire a held lock, up to sleeping", MakeHeldLock, ActAcquire, [](World& world, bool) {
         EXPECT(world.lock->Release().ok());
         LockIsUsable(world);
       }});
  KillEverywhere({"wait for a held lock, async", MakeHeldLock,
                  [](World& world, SyncSpace& space) {
                    auto* const lock = new std::shared_ptr<Lock>(Opened(space, world.lock));
                    auto* const waiter = new AsyncWaiter;
                    StepFromHere();
                    (*lock)->AcquireAsync(waiter);
                    StepToHere();
                  },
                  [](World& world, bool) {
                    EXPECT(world.lock->Release().ok());
                    LockIsUsable(world);
                  }});
  KillEverywhere({"acquire an abandoned lock",
                  [](World& world) {
                    MakeLock(world);
                    WaitStatus(Start([&] {
                      auto space = JoinSpace(world.segment);
                      auto lock = Opened(*space, world.lock);
                      lock->TryAcquire();
                      kill(getpid(), SIGKILL);
                    }));
                    ReapAll(*world.reaper);
                  },
                  [](World& world, SyncSpace& space) {
                    auto lock = Opened(space, world.lock);
                    StepFromHere();
                    lock->AcquireSync(kNever, Taking());
                    StepToHere();
                  },
                  [](World& world, bool) {
                    EXPECT(world.lock->TryAcquire() == SyncOutcome::kAbandoned);
                    LockIsUsable(world);
                  }});
}

TEST(LockRelease) {
  KillEverywhere(
      {"release a lock", MakeLock, ActRelease, [](World& world, bool) { LockIsUsable(world); }});
  KillEverywhere(
      {"release to an async waiter", MakeLock, ActRelease, LockReachedTheWaiter, WaitForLock});
  KillEverywhere({"release to a sync waiter", MakeLock, ActRelease,
                  [](World& world, bool over) {
                    const int code = CodeOf(sleeper);
                    EXPECT(code == static_cast<int>(SyncOutcome::kDone) ||
                           (code == static_cast<int>(SyncOutcome::kAbandoned) && !over));
                    ReapAll(*world.reaper);
                    LockIsUsable(world);
                  },
                  SleepForLock<4>});
  KillEverywhere({"have no more time for a lock", MakeHeldLock, ActGiveUp,
                  [](World& world, bool) {
                    EXPECT(world.lock->Release().ok());
                    TheOtherOneHasIt(world);
                  },
                  AlsoWaitForLock});
}

// The child waits, is given the lock, and then …
TEST(LockGrant) {
  const auto wait = [](World& world, SyncSpace& space, auto then) {
    auto* const lock = new std::shared_ptr<Lock>(Opened(space, world.lock));
    auto* const waiter = new AsyncWaiter;
    (*lock)->AcquireAsync(waiter);
    StepFromHere();
    then(**lock, waiter);
    StepToHere();
  };
  const auto give = [](World& world) {
    EXPECT(world.lock->Release().ok());
    // Behind the child, which has it.
    WaitForLock(world);
  };
  KillEverywhere({"accept a lock", MakeHeldLock,
                  [&](World& world, SyncSpace& space) {
                    wait(world, space, [&](Lock&, AsyncWaiter*) {
                      std::vector<AsyncWaiter*> done;
                      space.Serve(&done);
                    });
                  },
                  GotOrAbandoned, give});
  KillEverywhere({"cancel a wait for a lock that has been given", MakeHeldLock,
                  [&](World& world, SyncSpace& space) {
                    wait(world, space,
                         [](Lock& lock, AsyncWaiter* waiter) { lock.Cancel(waiter); });
                  },
                  [](World& world, bool) {
                    EXPECT(world.Woken() == SyncOutcome::kDone);
                    EXPECT(world.lock->Release().ok());
                    LockIsUsable(world);
                  },
                  give});
}

TEST(LockHalted) {
  HaltEverywhere({"acquire a free lock", MakeLock,
                  [](World& world, SyncSpace& space) {
                    auto lock = Opened(space, world.lock);
                    StepFromHere();
                    lock->AcquireSync(kNever);
                    StepToHere();
                    if (!lock->Release().ok()) _exit(1);
                  },
                  [](World& world, bool over) {
                    const SyncOutcome outcome = world.lock->TryAcquire();
                    EXPECT(outcome == SyncOutcome::kPending ||
                           (outcome == SyncOutcome::kDone && !over));
                    if (outcome == SyncOutcome::kDone) EXPECT(world.lock->Release().ok());
                  }});
  HaltEverywhere({"release to an async waiter", MakeLock, ActRelease,
                  [](World& world, bool over) {
                    const SyncOutcome outcome = world.Woken();
                    EXPECT(outcome == SyncOutcome::kDone || !over);
                    if (outcome == SyncOutcome::kDone) EXPECT(world.lock->Release().ok());
                  },
                  WaitForLock});
  HaltEverywhere({"acquire a held lock", MakeHeldLock, ActAcquire,
                  [](World& world, bool) { EXPECT(world.lock->Release().ok()); }});
  HaltEverywhere({"wait for a held lock, async", MakeHeldLock,
                  [](World& world, SyncSpace& space) {
                    auto lock = Opened(space, world.lock);
                    AsyncWaiter waiter;
                    StepFromHere();
                    lock->AcquireAsync(&waiter);
                    StepToHere();
                    std::vector<AsyncWaiter*> done;
                    Until(
                        [&] { return waiter.outcome == SyncOutcome::kDone || space.Serve(&done); });
                    if (!lock->Release().ok()) _exit(1);
                  },
                  [](World& world, bool) {
                    EXPECT(world.lock->Release().ok());
                    // Given to the child, which does not run, or free.
                    world.waiting.outcome = world.lock->TryAcquire();
                    if (world.waiting.outcome == SyncOutcome::kPending) {
                      WaitForLock(world);
                    } else {
                      EXPECT(world.lock->Release().ok());
                    }
                  },
                  Nothing,
                  [](World& world) {
                    if (world.waiting.outcome == SyncOutcome::kPending) {
                      EXPECT(world.Woken() == SyncOutcome::kDone);
                      EXPECT(world.lock->Release().ok());
                    }
                    LockIsUsable(world);
                  }});
}

TEST(LockReleaseHalted) {
  // Somebody has it then, or comes to wait for it, and is reached by the very release.
  HaltEverywhere({"release a lock", MakeLock, ActRelease,
                  [](World& world, bool over) {
                    world.waiting.outcome = world.lock->TryAcquire();
                    EXPECT(world.waiting.outcome == SyncOutcome::kDone ||
                           (world.waiting.outcome == SyncOutcome::kPending && !over));
                    if (world.waiting.outcome == SyncOutcome::kPending) WaitForLock(world);
                  },
                  Nothing, LockReachedInTheEnd});
  // Between the swap and the wake-up it may be anybody's, who then wakes the sleeper as well.
  HaltEverywhere({"release to a sync waiter", MakeLock, ActRelease,
                  [](World& world, bool) { world.waiting.outcome = world.lock->TryAcquire(); },
                  SleepForLock<4>,
                  [](World& world) {
                    const bool taken = world.waiting.outcome == SyncOutcome::kDone;
                    if (taken) EXPECT(world.lock->Release().ok());
                    EXPECT(WasRung(world, sleeper));
                    EXPECT(CodeOf(sleeper) == static_cast<int>(SyncOutcome::kDone));
                    ReapAll(*world.reaper);
                    LockIsUsable(world);
                  },
                  true});
  HaltEverywhere({"have no more time for a lock", MakeHeldLock, ActGiveUp,
                  [](World& world, bool) { EXPECT(world.lock->Release().ok()); }, AlsoWaitForLock,
                  TheOtherOneHasIt});
  // The release finds the sleeper, and in its turn the child, which was the one to run: when its
  // time is over the sleeper is to be woken.
  HaltEverywhere({"have no more time for a lock for which another one sleeps",
                  [](World& world) {
                    MakeHeldLock(world);
                    SleepForLock<3>(world);
                  },
                  ActGiveUp, [](World& world, bool) { EXPECT(world.lock->Release().ok()); },
                  Nothing,
                  [](World& world) {
                    EXPECT(WasRung(world, sleeper));
                    EXPECT(CodeOf(sleeper) == static_cast<int>(SyncOutcome::kDone));
                    ReapAll(*world.reaper);
                    LockIsUsable(world);
                  },
                  true});
}

TEST_MAIN()
