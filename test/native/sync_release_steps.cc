// Several permits that are released at once, and bounded ones, killed and halted at every step: who
// waits has them, or still can have them, and none comes twice.

#include <cerrno>

#include "sync_step_acts.h"

using namespace mp;
using namespace mp::test;

namespace {

// A second one that waits in the event loop of the first.
AsyncWaiter third;
Sleeper sleepers[2];

template <uint32_t kPermits>
void ActRelease(World& world, SyncSpace& space) {
  auto mine = Opened(space, world.semaphore);
  StepFromHere();
  if (!mine->Release(kPermits).ok()) _exit(1);
  StepToHere();
}
void ThreeWait(World& world) {
  third = {};
  world.semaphore->AcquireAsync(&third);
  BothWait(world, world.semaphore,
           [](Semaphore& object, AsyncWaiter* waiter) { object.AcquireAsync(waiter); });
}
int Served(const World& world) {
  int served = 0;
  for (const SyncOutcome each :
       {third.outcome, world.waiting.outcome, world.also_waiting.outcome}) {
    served += each == SyncOutcome::kDone;
  }
  return served;
}

void StartSleepers(World& world) {
  for (const uint32_t index : {0U, 1U}) {
    sleepers[index] = StartSleeper(world, 4 + index, [&](SyncSpace& space) {
      return static_cast<int>(Opened(space, world.semaphore)->AcquireSync(kNever));
    });
  }
}
bool BothSleep(const World& world) {
  return world.semaphore->Value() == 0 && IsAsleep(*world.segment, 4) &&
         IsAsleep(*world.segment, 5);
}
void BothEnd() {
  for (const Sleeper& each : sleepers) EXPECT(CodeOf(each) == static_cast<int>(SyncOutcome::kDone));
}

// ---- bounded

void MakeBounded(World& world) {
  world.bounded = world.waiter->Make<BoundedSemaphore>(2U).value();
}
// All of it is the waiter's.
void MakeTaken(World& world) {
  MakeBounded(world);
  for (int i = 0; i < 2; i += 1) EXPECT(world.bounded->TryAcquire() == SyncOutcome::kDone);
}
void BothWaitForPermits(World& world) {
  BothWait(world, world.bounded,
           [](BoundedSemaphore& object, AsyncWaiter* waiter) { object.AcquireAsync(waiter); });
}
void ActReleaseBoth(World& world, SyncSpace& space) {
  auto mine = Opened(space, world.bounded);
  for (int i = 0; i < 2; i += 1) {
    if (mine->TryAcquire() != SyncOutcome::kDone) _exit(1);
  }
  StepFromHere();
  if (!mine->Release(2).ok()) _exit(2);
  StepToHere();
}
// Says whether they were too many, and what is free before it ends: with it all that it has is.
constexpr int kTooMany = 100;
void ActReleaseTooMany(World& world, SyncSpace& space) {
  auto mine = Opened(space, world.bounded);
  StepFromHere();
  const Status released = mine->Release(2);
  StepToHere();
  if (!released.ok() && released.error != EOVERFLOW) _exit(1);
  world.said->store((released.ok() ? 0 : kTooMany) + static_cast<int>(mine->Value()));
}
void ActAcquireBounded(World& world, SyncSpace& space) {
  auto mine = Opened(space, world.bounded);
  StepFromHere();
  if (mine->AcquireSync(kNever) != SyncOutcome::kDone) _exit(1);
  StepToHere();
}
void ActAcquireAndReturn(World& world, SyncSpace& space) {
  ActAcquireBounded(world, space);
  if (!Opened(space, world.bounded)->Release().ok()) _exit(2);
}
// Everything is free, and there is no more of it.
void WholeAgain(World& world) {
  EXPECT(world.bounded->Value() == 2);
  EXPECT(world.bounded->Release().error == EOVERFLOW);
}
void ReleasedByAll(World& world, int permits) {
  for (int i = 0; i < permits; i += 1) EXPECT(world.bounded->Release().ok());
  ReapAll(*world.reaper);
  WholeAgain(world);
}
// Who accepts one sees to the next, so who was rung comes first.
void BothHaveOne(World& world, bool) {
  const bool first = WakeStateOf(world.segment->row(1).wake.load()) == WakeState::kRungArmed;
  EXPECT((first ? world.Woken() : world.AlsoWoken()) == SyncOutcome::kDone);
  EXPECT((first ? world.AlsoWoken() : world.Woken()) == SyncOutcome::kDone);
  EXPECT(world.bounded->Value() == 0);
  ReleasedByAll(world, 2);
}

}  // namespace

TEST(ReleaseSeveral) {
  KillEverywhere({"release three permits, two of them to one participant", MakeSemaphore,
                  ActRelease<3>,
                  [](World& world, bool over) {
                    // All or none: who accepts the first sees to the others.
                    world.Woken();
                    world.AlsoWoken();
                    std::vector<AsyncWaiter*> done;
                    world.waiter->Serve(&done);
                    const int served = Served(world);
                    EXPECT(served == 3 || (served == 0 && !over));
                    EXPECT(world.semaphore->Value() == 0);
                  },
                  ThreeWait});
  KillEverywhere({"release two permits to two who are asleep", MakeSemaphore, ActRelease<2>,
                  [](World& world, bool over) {
                    // Whoever is rung needs a moment.
                    for (int i = 0; i < 20 && BothSleep(world); i += 1) usleep(500);
                    const bool none = BothSleep(world);
                    EXPECT(!none || !over);
                    if (none) EXPECT(world.semaphore->Release(2).ok());
                    BothEnd();
                    ReapAll(*world.reaper);
                    EXPECT(world.semaphore->Value() == 0);
                  },
                  StartSleepers});
  HaltEverywhere({"release three permits, two of them to one participant", MakeSemaphore,
                  ActRelease<3>,
                  [](World& world, bool over) {
                    if (world.Woken() == SyncOutcome::kPending) world.Sleep();
                    if (world.AlsoWoken() == SyncOutcome::kPending) World::SleepIn(*world.reaper);
                    EXPECT(Served(world) == 3 || !over);
                    EXPECT(world.semaphore->TryAcquire() == SyncOutcome::kPending);
                  },
                  ThreeWait,
                  [](World& world) {
                    for (int turn = 0; turn < 2; turn += 1) {
                      world.Woken();
                      world.AlsoWoken();
                    }
                    EXPECT(Served(world) == 3 && world.semaphore->Value() == 0);
                  }});
  HaltEverywhere({"release two permits to two who are asleep", MakeSemaphore, ActRelease<2>,
                  [](World&, bool) {}, StartSleepers,
                  [](World& world) {
                    BothEnd();
                    ReapAll(*world.reaper);
                    EXPECT(world.semaphore->Value() == 0);
                  },
                  true});
}

TEST(BoundedSeveral) {
  KillEverywhere({"release two bounded permits to two participants", MakeBounded, ActReleaseBoth,
                  BothHaveOne, BothWaitForPermits});
  HaltEverywhere({"release two bounded permits to two participants", MakeBounded, ActReleaseBoth,
                  [](World& world, bool) {
                    if (world.Woken() == SyncOutcome::kPending) world.Sleep();
                    if (world.AlsoWoken() == SyncOutcome::kPending) World::SleepIn(*world.reaper);
                    EXPECT(world.bounded->TryAcquire() == SyncOutcome::kPending);
                  },
                  BothWaitForPermits,
                  [](World& world) {
                    if (world.waiting.outcome == SyncOutcome::kPending) world.Woken();
                    if (world.also_waiting.outcome == SyncOutcome::kPending) world.AlsoWoken();
                    EXPECT(world.waiting.outcome == SyncOutcome::kDone);
                    EXPECT(world.also_waiting.outcome == SyncOutcome::kDone);
                    ReleasedByAll(world, 2);
                  }});
  // Both of them, or none when another one comes in between, however far the first has come.
  static bool another;
  HaltEverywhere(
      {"release two bounded permits, of which others release one", MakeTaken, ActReleaseTooMany,
       [](World& world, bool over) {
         another = world.bounded->Release().ok();
         EXPECT(!another || !over);
       },
       Nothing, [](World& world) { EXPECT(world.said->load() == (another ? kTooMany + 1 : 2)); }});
}

TEST(BoundedAcquire) {
  KillEverywhere({"acquire where all bounded permits are taken, up to sleeping", MakeTaken,
                  ActAcquireBounded, [](World& world, bool) { ReleasedByAll(world, 2); }});
  HaltEverywhere({"acquire where all bounded permits are taken", MakeTaken, ActAcquireAndReturn,
                  [](World& world, bool) { EXPECT(world.bounded->Release().ok()); }, Nothing,
                  [](World& world) { ReleasedByAll(world, 1); }});
  HaltEverywhere({"acquire a bounded semaphore", MakeBounded, ActAcquireAndReturn,
                  [](World& world, bool over) {
                    EXPECT(world.bounded->TryAcquire() == SyncOutcome::kDone);
                    EXPECT(world.bounded->Value() == 0 || !over);
                  },
                  Nothing, [](World& world) { ReleasedByAll(world, 1); }});
  const auto of_the_dead = [](World& world) {
    MakeBounded(world);
    WaitStatus(Start([&] {
      auto space = JoinSpace(world.segment);
      auto mine = Opened(*space, world.bounded);
      mine->TryAcquire();
      mine->TryAcquire();
      kill(getpid(), SIGKILL);
    }));
  };
  KillEverywhere({"take a bounded permit of one who was not missed yet", of_the_dead,
                  ActAcquireBounded, [](World& world, bool) { WholeAgain(world); }});
  HaltEverywhere({"take a bounded permit of one who was not missed yet", of_the_dead,
                  ActAcquireAndReturn,
                  [](World& world, bool over) {
                    EXPECT(world.bounded->TryAcquire() == SyncOutcome::kDone);
                    world.reaper->reaper().Run();
                    EXPECT(world.bounded->Value() == 0 || !over);
                  },
                  Nothing, [](World& world) { ReleasedByAll(world, 1); }, true});
}

TEST(BoundedToSleepers) {
  const auto act = [](World& world, SyncSpace& space) {
    auto mine = Opened(space, world.bounded);
    if (mine->TryAcquire() != SyncOutcome::kDone) _exit(1);
    StepFromHere();
    if (!mine->Release().ok()) _exit(2);
    StepToHere();
  };
  const auto make = [](World& world) {
    MakeBounded(world);
    world.bounded->TryAcquire();
  };
  const auto sleep = [](World& world) {
    sleepers[0] = StartSleeper(world, 4, [&](SyncSpace& space) {
      return static_cast<int>(Opened(space, world.bounded)->AcquireSync(kNever));
    });
  };
  const auto ended = [](World& world) {
    EXPECT(CodeOf(sleepers[0]) == static_cast<int>(SyncOutcome::kDone));
    ReapAll(*world.reaper);
    ReleasedByAll(world, 1);
  };
  KillEverywhere({"release a bounded permit to one who is asleep", make, act,
                  [&](World& world, bool) { ended(world); }, sleep});
  HaltEverywhere({"release a bounded permit to one who is asleep", make, act, [](World&, bool) {},
                  sleep, ended, true});
}

// Given to the child, which does not run: nobody else has it, and it has it in the end.
TEST(BoundedGrantHalted) {
  for (const bool cancels : {false, true}) {
    HaltEverywhere(
        {cancels ? "cancel a wait for a bounded permit that is granted" : "accept a bounded permit",
         MakeTaken,
         [=](World& world, SyncSpace& space) {
           auto mine = Opened(space, world.bounded);
           AsyncWaiter waiter;
           mine->AcquireAsync(&waiter);
           StepOutOfWait(space, *mine, &waiter, cancels);
           if (!cancels && !mine->Release().ok()) _exit(1);
         },
         [=](World& world, bool over) {
           const SyncOutcome outcome = world.Woken();
           EXPECT(outcome == SyncOutcome::kPending || cancels);
           EXPECT(outcome == SyncOutcome::kDone || !cancels || !over);
           if (outcome == SyncOutcome::kPending) world.Sleep();
         },
         [](World& world) {
           EXPECT(world.bounded->Release().ok());
           world.bounded->AcquireAsync(&world.waiting);
           world.Sleep();
         },
         [](World& world) {
           if (world.waiting.outcome == SyncOutcome::kPending) {
             EXPECT(world.Woken() == SyncOutcome::kDone);
           }
           ReleasedByAll(world, 2);
         }});
  }
}

TEST_MAIN()
