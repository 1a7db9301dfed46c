// Semaphores, killed at every step.

#include <cerrno>

#include "step_world.h"

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
void MakeSemaphore(World& world) {
  world.semaphore = world.waiter->Make<Semaphore>(0U, kMaxPermits).value();
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
  static pid_t sleeper;
  KillEverywhere({"release a semaphore to a sync waiter", MakeSemaphore, ActSemaphoreRelease,
                  [](World& world, bool over) {
                    const bool released = !IsAsleep(world, 4) || world.semaphore->Value() > 0;
                    EXPECT(released || !over);
                    if (!released) EXPECT(world.semaphore->Release().ok());
                    EXPECT(CodeOf(sleeper) == static_cast<int>(SyncOutcome::kDone));
                    ReapAll(*world.reaper);
                    EXPECT(world.semaphore->Value() <= 1);
                  },
                  [](World& world) {
                    sleeper = StartSleeper(world, 4, [&](SyncSpace& space) {
                      return static_cast<int>(Opened(space, world.semaphore)->AcquireSync(kNever));
                    });
                  }});
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
  const auto make = [](World& world) {
    world.bounded = world.waiter->Make<BoundedSemaphore>(2U).value();
    world.bounded->TryAcquire();
  };
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
  const auto take = [](World& world, SyncSpace& space, auto act) {
    auto* const mine = new std::shared_ptr<BoundedSemaphore>(Opened(space, world.bounded));
    if ((*mine)->TryAcquire() != SyncOutcome::kDone) _exit(1);
    act(**mine);
  };
  KillEverywhere({"acquire a bounded semaphore", make,
                  [](World& world, SyncSpace& space) {
                    auto mine = Opened(space, world.bounded);
                    StepFromHere();
                    mine->AcquireSync(kNever);
                    StepToHere();
                    for (;;) pause();
                  },
                  whole});
  const auto release = [&](World& world, SyncSpace& space) {
    take(world, space, [](BoundedSemaphore& mine) {
      StepFromHere();
      mine.Release();
      StepToHere();
    });
  };
  KillEverywhere({"release a bounded semaphore", make, release, whole});
  KillEverywhere({"release a bounded semaphore to an async waiter", make, release, reached, wait});
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
           make(world);
           world.bounded->TryAcquire();
         },
         [&](World& world, SyncSpace& space) { granted(world, space, cancels); }, reached,
         [&](World& world) {
           EXPECT(world.bounded->Release().ok());
           wait(world);
         }});
  }
}

TEST_MAIN()
