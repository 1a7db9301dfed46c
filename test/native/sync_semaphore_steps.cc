// Semaphores, killed and halted at every step.

#include <cerrno>

#include "sync_step_acts.h"

using namespace mp;
using namespace mp::test;

namespace {

// Two participants besides the child wait: what the child is given, loses or gives goes to the
// first.
void ActSemaphoreRelease(World& world, SyncSpace& space) {
  auto semaphore = Opened(space, world.semaphore);
  StepFromHere();
  if (!semaphore->Release().ok()) _exit(1);
  StepToHere();
}
void MakeFullSemaphore(World& world) {
  world.semaphore = world.waiter->Make<Semaphore>(1U, kMaxPermits).value();
}
void WaitForSemaphore(World& world) {
  world.semaphore->AcquireAsync(&world.waiting);
  world.Sleep();
}
// A permit that was released reached the waiter; one that was not can still be.
void SemaphoreReachedTheWaiter(World& world, bool over) {
  const SyncOutcome outcome = world.Woken();
  EXPECT(outcome == SyncOutcome::kDone || (outcome == SyncOutcome::kPending && !over));
  if (outcome == SyncOutcome::kPending) {
    std::vector<AsyncWaiter*> done;
    EXPECT(world.semaphore->Release().ok());
    EXPECT(world.waiter->Serve(&done));
  }
  EXPECT(world.semaphore->Value() == 0);
}

Sleeper sleeper;
void SleepForPermit(World& world) {
  sleeper = StartSleeper(world, 4, [&](SyncSpace& space) {
    return static_cast<int>(Opened(space, world.semaphore)->AcquireSync(kNever));
  });
}
// Whether others could take what is there at that moment; if not, one of them waits for it.
template <typename Object>
void TakeOrWait(World& world, Object& object) {
  world.waiting.outcome = object.TryAcquire();
  if (world.waiting.outcome == SyncOutcome::kDone) return;
  EXPECT(object.AcquireAsync(&world.waiting) == SyncOutcome::kPending);
  world.Sleep();
}

void MakeBounded(World& world) {
  world.bounded = world.waiter->Make<BoundedSemaphore>(2U).value();
  world.bounded->TryAcquire();
}
void ActBoundedRelease(World& world, SyncSpace& space) {
  auto mine = Opened(space, world.bounded);
  if (mine->TryAcquire() != SyncOutcome::kDone) _exit(1);
  StepFromHere();
  if (!mine->Release().ok()) _exit(2);
  StepToHere();
}

}  // namespace

TEST(SemaphoreSteps) {
  KillEverywhere({"acquire a semaphore", MakeFullSemaphore,
                  [](World& world, SyncSpace& space) {
                    auto semaphore = Opened(space, world.semaphore);
                    StepFromHere();
                    semaphore->AcquireSync(kNever);
                    StepToHere();
                  },
                  [](World& world, bool over) {
                    EXPECT(world.semaphore->Value() == 0 || !over);
                    EXPECT(world.semaphore->Release().ok());
                    EXPECT(world.semaphore->TryAcquire() == SyncOutcome::kDone);
                  }});
  KillEverywhere({"acquire an empty semaphore, up to sleeping", MakeSemaphore,
                  [](World& world, SyncSpace& space) {
                    auto semaphore = Opened(space, world.semaphore);
                    StepFromHere();
                    semaphore->AcquireSync(kNever);
                    StepToHere();
                  },
                  [](World& world, bool) {
                    EXPECT(world.semaphore->Release().ok());
                    EXPECT(world.semaphore->Value() == 1);
                    EXPECT(world.semaphore->TryAcquire() == SyncOutcome::kDone);
                  }});
  KillEverywhere(
      {"release a semaphore", MakeSemaphore, ActSemaphoreRelease, [](World& world, bool over) {
         EXPECT(world.semaphore->Value() == 1 || !over);
         EXPECT(world.semaphore->Release().ok());
         EXPECT(world.semaphore->TryAcquire() == SyncOutcome::kDone);
       }});
  KillEverywhere({"release a semaphore to an async waiter", MakeSemaphore, ActSemaphoreRelease,
                  SemaphoreReachedTheWaiter, WaitForSemaphore});
  KillEverywhere({"release a semaphore to a sync waiter", MakeSemaphore, ActSemaphoreRelease,
                  [](World& world, bool over) {
                    const bool released =
                        !IsAsleep(*world.segment, 4) || world.semaphore->Value() > 0;
                    EXPECT(released || !over);
                    if (!released) EXPECT(world.semaphore->Release().ok());
                    EXPECT(CodeOf(sleeper) == static_cast<int>(SyncOutcome::kDone));
                    ReapAll(*world.reaper);
                    EXPECT(world.semaphore->Value() <= 1);
                  },
                  SleepForPermit});
  for (const bool cancels : {false, true}) {
    KillEverywhere(
        {cancels ? "cancel a wait for a permit that is reserved" : "accept a permit", MakeSemaphore,
         [&](World& world, SyncSpace& space) {
           auto* const mine = new std::shared_ptr<Semaphore>(Opened(space, world.semaphore));
           auto* const waiter = new AsyncWaiter;
           (*mine)->AcquireAsync(waiter);
           StepOutOfWait(space, **mine, waiter, cancels);
         },
         [&](World& world, bool over) { SemaphoreReachedTheWaiter(world, cancels && over); },
         [](World& world) {
           EXPECT(world.semaphore->Release().ok());
           WaitForSemaphore(world);
         }});
  }
}

TEST(BoundedSemaphoreSteps) {
  const auto wait = [](World& world) {
    world.bounded->AcquireAsync(&world.waiting);
    world.Sleep();
  };
  // Whatever the child did with its permit: it is back, and nothing else is.
  const auto whole = [](World& world, bool) {
    EXPECT(world.bounded->Value() == 1);
    EXPECT(world.bounded->Release().ok());
    EXPECT(world.bounded->Release().error == EOVERFLOW);
  };
  const auto reached = [&](World& world, bool over) {
    EXPECT(world.Woken() == SyncOutcome::kDone);
    EXPECT(world.bounded->Release().ok());
    whole(world, over);
  };
  KillEverywhere({"acquire a bounded semaphore", MakeBounded,
                  [](World& world, SyncSpace& space) {
                    auto mine = Opened(space, world.bounded);
                    StepFromHere();
                    mine->AcquireSync(kNever);
                    StepToHere();
                    for (;;) pause();
                  },
                  whole});
  KillEverywhere({"release a bounded semaphore", MakeBounded, ActBoundedRelease, whole});
  KillEverywhere({"release a bounded semaphore to an async waiter", MakeBounded, ActBoundedRelease,
                  reached, wait});
  const auto granted = [&](World& world, SyncSpace& space, bool cancels) {
    auto* const mine = new std::shared_ptr<BoundedSemaphore>(Opened(space, world.bounded));
    auto* const waiter = new AsyncWaiter;
    (*mine)->AcquireAsync(waiter);
    StepOutOfWait(space, **mine, waiter, cancels);
  };
  for (const bool cancels : {false, true}) {
    KillEverywhere(
        {cancels ? "cancel a wait for a bounded permit that is granted" : "accept a bounded permit",
         [&](World& world) {
           MakeBounded(world);
           world.bounded->TryAcquire();
         },
         [&](World& world, SyncSpace& space) { granted(world, space, cancels); }, reached,
         [&](World& world) {
           EXPECT(world.bounded->Release().ok());
           wait(world);
         }});
  }
}

TEST(SemaphoreHalted) {
  // Whoever takes it meanwhile wakes the child when it gives it back.
  HaltEverywhere({"acquire a semaphore", MakeFullSemaphore,
                  [](World& world, SyncSpace& space) {
                    auto semaphore = Opened(space, world.semaphore);
                    StepFromHere();
                    if (semaphore->AcquireSync(kNever) != SyncOutcome::kDone) _exit(1);
                    StepToHere();
                  },
                  [](World& world, bool over) {
                    const bool taken = world.semaphore->TryAcquire() == SyncOutcome::kDone;
                    EXPECT(!taken || !over);
                    if (taken) EXPECT(world.semaphore->Release().ok());
                  },
                  Nothing, [](World& world) { EXPECT(world.semaphore->Value() == 0); }});
  HaltEverywhere({"wait for a permit, async", MakeSemaphore,
                  [](World& world, SyncSpace& space) {
                    auto mine = Opened(space, world.semaphore);
                    AsyncWaiter waiter;
                    StepFromHere();
                    mine->AcquireAsync(&waiter);
                    StepToHere();
                    std::vector<AsyncWaiter*> done;
                    Until(
                        [&] { return waiter.outcome == SyncOutcome::kDone || space.Serve(&done); });
                  },
                  [](World& world, bool) { EXPECT(world.semaphore->Release().ok()); }, Nothing,
                  [](World& world) { EXPECT(world.semaphore->Value() == 0); }});
  HaltEverywhere({"release a semaphore", MakeSemaphore, ActSemaphoreRelease,
                  [](World& world, bool over) {
                    TakeOrWait(world, *world.semaphore);
                    EXPECT(world.waiting.outcome == SyncOutcome::kDone || !over);
                  },
                  Nothing,
                  [](World& world) {
                    if (world.waiting.outcome == SyncOutcome::kPending) {
                      EXPECT(world.Woken() == SyncOutcome::kDone);
                    }
                    EXPECT(world.semaphore->Value() == 0);
                  }});
  // Whoever takes it between the swap and the wake-up gives it back when the child is through.
  HaltEverywhere({"release a semaphore to a sync waiter", MakeSemaphore, ActSemaphoreRelease,
                  [](World& world, bool) { world.waiting.outcome = world.semaphore->TryAcquire(); },
                  SleepForPermit,
                  [](World& world) {
                    const bool taken = world.waiting.outcome == SyncOutcome::kDone;
                    if (taken) EXPECT(world.semaphore->Release().ok());
                    EXPECT(WasRung(world, sleeper));
                    EXPECT(CodeOf(sleeper) == static_cast<int>(SyncOutcome::kDone));
                    ReapAll(*world.reaper);
                    EXPECT(world.semaphore->Value() == 0);
                  },
                  true});
}

TEST(BoundedSemaphoreHalted) {
  HaltEverywhere({"release a bounded semaphore", MakeBounded, ActBoundedRelease,
                  [](World& world, bool over) {
                    TakeOrWait(world, *world.bounded);
                    EXPECT(world.waiting.outcome == SyncOutcome::kDone || !over);
                  },
                  Nothing,
                  [](World& world) {
                    if (world.waiting.outcome == SyncOutcome::kPending) {
                      EXPECT(world.Woken() == SyncOutcome::kDone);
                    }
                    EXPECT(world.bounded->Value() == 0);
                    for (int i = 0; i < 2; i += 1) EXPECT(world.bounded->Release().ok());
                    EXPECT(world.bounded->Release().error == EOVERFLOW);
                  }});
  // The flag is up for one that waits no more, and the child takes it down. Meanwhile somebody has
  // the permit, and another one comes to wait for it.
  HaltEverywhere(
      {"release a bounded semaphore for which nobody waits any more", MakeBounded,
       ActBoundedRelease,
       [](World& world, bool) {
         if (world.bounded->TryAcquire() != SyncOutcome::kDone) return;
         auto theirs = Opened(*world.reaper, world.bounded);
         EXPECT(theirs->AcquireAsync(&world.also_waiting) == SyncOutcome::kPending);
         world.other = theirs;
         World::SleepIn(*world.reaper);
       },
       [](World& world) {
         AsyncWaiter gone;
         EXPECT(world.bounded->AcquireAsync(&gone) == SyncOutcome::kPending);
         EXPECT(world.bounded->Cancel(&gone));
       },
       [](World& world) { EXPECT(world.bounded->Value() == (world.other == nullptr ? 1 : 0)); },
       false,
       [](World& world) {
         if (world.other == nullptr) return;
         EXPECT(world.bounded->Release().ok());
         EXPECT(world.AlsoWoken() == SyncOutcome::kDone && world.rung);
         EXPECT(world.bounded->TryAcquire() == SyncOutcome::kPending);
       }});
}

TEST_MAIN()
