// Barriers whose parties wait in their event loops, killed at every step.

#include "step_world.h"

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
  if ((*mine)->WaitAsync(waiter) == SyncOutcome::kLeader) (*mine)->Finish();
  StepToHere();
}
template <typename Act>
void Alone(World& world, SyncSpace& space, Act act) {
  auto mine = Opened(space, world.barrier);
  StepFromHere();
  act(*mine);
  StepToHere();
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
  KillEverywhere({"withdraw from a barrier", MakeBarrier(3, false),
                  [](World& world, SyncSpace& space) {
                    Arrive(world, space,
                           [](Barrier& mine, AsyncWaiter* waiter) { mine.Cancel(waiter); });
                  },
                  ToldThatItBroke, Wait});
  KillEverywhere({"go on when a barrier has opened", MakeBarrier(2, false),
                  [](World& world, SyncSpace& space) {
                    Arrive(world, space, [&](Barrier&, AsyncWaiter*) {
                      std::vector<AsyncWaiter*> done;
                      space.Serve(&done);
                    });
                  },
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
  KillEverywhere({"break a barrier", MakeBarrier(3, false),
                  [](World& world, SyncSpace& space) {
                    Alone(world, space, [](Barrier& mine) { mine.Break(); });
                  },
                  ToldThatItBroke, Wait});
  KillEverywhere({"reset a barrier at which somebody waits", MakeBarrier(3, false),
                  [](World& world, SyncSpace& space) {
                    Alone(world, space, [](Barrier& mine) { mine.Reset(); });
                  },
                  ToldThatItBroke, Wait});
}

TEST_MAIN()
