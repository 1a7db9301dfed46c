// Barriers whose parties wait in their event loops or are asleep, killed and halted at every step.

#include "sync_step_acts.h"

using namespace mp;
using namespace mp::test;

namespace {

std::function<void(World&)> MakeBarrier(uint32_t parties, bool action) {
  return
      [=](World& world) { world.barrier = world.waiter->Make<Barrier>(parties, action).value(); };
}
void Wait(World& world) {
  world.barrier->WaitAsync(&world.waiting);
  world.Sleep();
}
// One that had the barrier has died: it is broken, and whoever was let through before that was.
void Told(World& world, bool over) {
  const SyncOutcome outcome = world.Woken();
  EXPECT(outcome == SyncOutcome::kDone || (outcome == SyncOutcome::kBroken && !over));
  EXPECT(world.barrier->IsBroken());
  world.barrier->Reset();
  EXPECT(!world.barrier->IsBroken() && world.barrier->Waiting() == 0);
}
void ToldThatItBroke(World& world, bool) {
  EXPECT(world.waiting.outcome == SyncOutcome::kPending);
  Told(world, false);
  EXPECT(world.waiting.outcome == SyncOutcome::kBroken);
}
// The child arrives in its event loop, and then …
template <typename Then>
void Arrive(World& world, SyncSpace& space, Then then) {
  auto* const mine = new std::shared_ptr<Barrier>(Opened(space, world.barrier));
  auto* const waiter = new AsyncWaiter;
  (*mine)->WaitAsync(waiter);
  StepFromHere();
  then(**mine, waiter);
  StepToHere();
}
void ActArrive(World& world, SyncSpace& space) {
  auto* const mine = new std::shared_ptr<Barrier>(Opened(space, world.barrier));
  auto* const waiter = new AsyncWaiter;
  StepFromHere();
  if ((*mine)->WaitAsync(waiter) == SyncOutcome::kLeader) (*mine)->Finish(waiter->request.index);
  StepToHere();
}
void ActBreak(World& world, SyncSpace& space) {
  Alone(space, world.barrier, [](Barrier& mine) { mine.Break(); });
}
void ActReset(World& world, SyncSpace& space) {
  Alone(space, world.barrier, [](Barrier& mine) { mine.Reset(); });
}
void ActWithdraw(World& world, SyncSpace& space) {
  Arrive(world, space, [](Barrier& mine, AsyncWaiter* waiter) { mine.Cancel(waiter); });
}
void ActGoOn(World& world, SyncSpace& space) {
  Arrive(world, space, [&](Barrier&, AsyncWaiter*) {
    std::vector<AsyncWaiter*> done;
    if (!space.Serve(&done) || done[0]->outcome != SyncOutcome::kDone) _exit(1);
  });
}

// The child leads, and its action is over. Others have met meanwhile, or do so later.
void ActFinish(World& world, SyncSpace& space) {
  auto mine = Opened(space, world.barrier);
  AsyncWaiter waiter;
  if (mine->WaitAsync(&waiter) != SyncOutcome::kLeader) _exit(1);
  StepFromHere();
  mine->Finish(waiter.request.index);
  StepToHere();
}
AsyncWaiter next_leader;
void OthersMeet(World& world, bool over) {
  world.barrier->Reset();
  const SyncOutcome outcome = world.Woken();
  EXPECT(outcome == SyncOutcome::kDone || (outcome == SyncOutcome::kBroken && !over));
  auto theirs = Opened(*world.reaper, world.barrier);
  EXPECT(theirs->WaitAsync(&world.also_waiting) == SyncOutcome::kPending);
  world.other = theirs;
  World::SleepIn(*world.reaper);
  next_leader = {};
  EXPECT(world.barrier->WaitAsync(&next_leader) == SyncOutcome::kLeader);
}
void TheirActionRunsOn(World& world) {
  EXPECT(world.barrier->Waiting() == 2 && !world.barrier->IsBroken());
  EXPECT(world.barrier->Finish(next_leader.request.index));
  EXPECT(world.AlsoWoken() == SyncOutcome::kDone);
}

Sleeper sleeper;
void SleepAtBarrier(World& world) {
  sleeper = StartSleeper(world, 4, [&](SyncSpace& space) {
    uint32_t index = 0;
    return static_cast<int>(Opened(space, world.barrier)->WaitSync(kNever, &index));
  });
}
void ThirdArrives(World& world, bool) {
  auto theirs = Opened(*world.reaper, world.barrier);
  world.other = theirs;
  const SyncOutcome outcome = theirs->WaitAsync(&world.also_waiting);
  if (outcome == SyncOutcome::kPending) World::SleepIn(*world.reaper);
  // Nobody waits for the child when all have come.
  if (world.Woken() == SyncOutcome::kPending) world.Sleep();
  EXPECT(world.waiting.outcome == outcome);
}
bool IsWhole(const World& world) {
  return !world.barrier->IsBroken() && world.barrier->Waiting() == 0;
}

void AllWentThrough(World& world) {
  ReachedInTheEnd(world);
  if (world.also_waiting.outcome == SyncOutcome::kPending) world.AlsoWoken();
  EXPECT(world.also_waiting.outcome == SyncOutcome::kDone && IsWhole(world));
}

}  // namespace

TEST(AsyncArrivalSteps) {
  for (const bool action : {false, true}) {
    KillEverywhere({action ? "arrive last, async, at a barrier with an action"
                           : "arrive last at a barrier, async",
                    MakeBarrier(2, action), ActArrive, Told, Wait});
  }
  KillEverywhere({"arrive first at a barrier, async", MakeBarrier(3, false), ActArrive,
                  ToldThatItBroke, Wait});
  KillEverywhere(
      {"withdraw from a barrier", MakeBarrier(3, false), ActWithdraw, ToldThatItBroke, Wait});
  KillEverywhere({"go on when a barrier has opened", MakeBarrier(2, false), ActGoOn,
                  [](World& world, bool) {
                    EXPECT(world.waiting.outcome == SyncOutcome::kDone);
                    world.barrier->Reset();
                    EXPECT(!world.barrier->IsBroken() && world.barrier->Waiting() == 0);
                  },
                  [](World& world) {
                    EXPECT(world.barrier->WaitAsync(&world.waiting) == SyncOutcome::kDone);
                  }});
}

TEST(BreakSteps) {
  KillEverywhere({"break a barrier", MakeBarrier(3, false), ActBreak, ToldThatItBroke, Wait});
  KillEverywhere({"reset a barrier at which somebody waits", MakeBarrier(3, false), ActReset,
                  ToldThatItBroke, Wait});
}

TEST(ArrivalForASleeper) {
  for (const bool action : {false, true}) {
    const char* const what = action
                                 ? "arrive last, for one who is asleep, at a barrier with an action"
                                 : "arrive last, for one who is asleep";
    KillEverywhere({what, MakeBarrier(2, action), ActArrive,
                    [](World& world, bool over) {
                      const int code = CodeOf(sleeper);
                      EXPECT(code == static_cast<int>(SyncOutcome::kDone) ||
                             (code == static_cast<int>(SyncOutcome::kBroken) && !over));
                      ReapAll(*world.reaper);
                      world.barrier->Reset();
                      EXPECT(IsWhole(world));
                    },
                    SleepAtBarrier});
    HaltEverywhere({what, MakeBarrier(2, action), ActArrive, [](World&, bool) {}, SleepAtBarrier,
                    [](World& world) { SleeperHasIt(world, sleeper); }, true});
  }
}

TEST(AsyncArrivalHalted) {
  for (const bool action : {false, true}) {
    HaltEverywhere({action ? "arrive last, async, at a barrier with an action"
                           : "arrive last at a barrier, async",
                    MakeBarrier(2, action), ActArrive, ReachedOrAsleep, Wait, [](World& world) {
                      ReachedInTheEnd(world);
                      EXPECT(IsWhole(world));
                    }});
  }
  HaltEverywhere({"finish at a barrier at which others meet after a reset",
                  [](World& world) {
                    MakeBarrier(2, true)(world);
                    Wait(world);
                  },
                  ActFinish, OthersMeet, Nothing, TheirActionRunsOn});
  // The third one comes meanwhile: it opens the barrier, or waits for the child to come.
  HaltEverywhere({"arrive first at a barrier, async", MakeBarrier(3, false),
                  [](World& world, SyncSpace& space) {
                    auto mine = Opened(space, world.barrier);
                    AsyncWaiter waiter;
                    StepFromHere();
                    mine->WaitAsync(&waiter);
                    StepToHere();
                    std::vector<AsyncWaiter*> done;
                    if (waiter.outcome == SyncOutcome::kPending) space.Serve(&done);
                    if (waiter.outcome != SyncOutcome::kDone) _exit(1);
                  },
                  ThirdArrives, Wait, AllWentThrough});
  // The third one comes meanwhile: with it all have come, or the child had gone before.
  HaltEverywhere({"withdraw from a barrier", MakeBarrier(3, false), ActWithdraw, ThirdArrives, Wait,
                  [](World& world) {
                    const uint32_t waiting = world.barrier->Waiting();
                    EXPECT(waiting == 0 || waiting == 2);
                    const SyncOutcome expected =
                        waiting == 0 ? SyncOutcome::kDone : SyncOutcome::kPending;
                    EXPECT(world.also_waiting.outcome == expected);
                    EXPECT(world.waiting.outcome == expected);
                    EXPECT(!world.barrier->IsBroken());
                  }});
  HaltEverywhere(
      {"go on when a barrier has opened", MakeBarrier(2, false), ActGoOn,
       [](World& world, bool) {
         // The next phase is not the child's.
         auto theirs = Opened(*world.reaper, world.barrier);
         EXPECT(theirs->WaitAsync(&world.also_waiting) == SyncOutcome::kPending);
         world.other = theirs;
       },
       [](World& world) { EXPECT(world.barrier->WaitAsync(&world.waiting) == SyncOutcome::kDone); },
       [](World& world) { EXPECT(world.barrier->Waiting() == 1); }});
}

TEST_MAIN()
