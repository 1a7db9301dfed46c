// Events, and whoever sets, clears or waits for one killed and halted at every step.

#include "sync_step_acts.h"

using namespace mp;
using namespace mp::test;

namespace {

Sleeper sleeper;

void ActSet(World& world, SyncSpace& space) {
  Alone(space, world.event, [](Event& mine) { mine.Set(); });
}
void ActClear(World& world, SyncSpace& space) {
  Alone(space, world.event, [](Event& mine) { mine.Clear(); });
}
void SleepForEvent(World& world) {
  sleeper = StartSleeper(world, 4, [&](SyncSpace& space) {
    return static_cast<int>(Opened(space, world.event)->WaitSync(kNever));
  });
}
void BothWaitForEvent(World& world) {
  BothWait(world, world.event, kWait);
}
void MakeSetEvent(World& world) {
  MakeEvent(world);
  EXPECT(world.event->Set().ok());
}

}  // namespace

TEST(EventSteps) {
  KillEverywhere({"wait for an event, up to sleeping", MakeEvent,
                  [](World& world, SyncSpace& space) {
                    auto mine = Opened(space, world.event);
                    StepFromHere();
                    mine->WaitSync(kNever);
                    StepToHere();
                  },
                  [](World& world, bool) {
                    EXPECT(world.event->Set().ok());
                    EXPECT(world.event->WaitSync(kNever) == SyncOutcome::kDone);
                  }});
  KillEverywhere({"set an event for two participants", MakeEvent, ActSet,
                  [](World& world, bool over) {
                    const bool set = world.event->IsSet();
                    const SyncOutcome all = set ? SyncOutcome::kDone : SyncOutcome::kPending;
                    EXPECT(world.Woken() == all && world.AlsoWoken() == all);
                    EXPECT(set || !over);
                  },
                  BothWaitForEvent});
  KillEverywhere({"set an event for a sync waiter", MakeEvent, ActSet,
                  [](World& world, bool over) {
                    EXPECT(world.event->IsSet() || !over);
                    if (!world.event->IsSet()) EXPECT(world.event->Set().ok());
                    EXPECT(CodeOf(sleeper) == static_cast<int>(SyncOutcome::kDone));
                  },
                  SleepForEvent});
  KillEverywhere({"wait for an event, async", MakeEvent,
                  [](World& world, SyncSpace& space) { ActWait(space, world.event, kWait); },
                  [](World& world, bool) {
                    EXPECT(world.Woken() == SyncOutcome::kPending);
                    world.Sleep();
                    EXPECT(world.event->Set().ok());
                    EXPECT(world.Woken() == SyncOutcome::kDone);
                  },
                  [](World& world) {
                    world.event->WaitAsync(&world.waiting);
                    world.Sleep();
                  }});
  KillEverywhere({"clear an event", MakeSetEvent, ActClear, [](World& world, bool over) {
                    EXPECT(!world.event->IsSet() || !over);
                    EXPECT(world.event->Set().ok());
                    EXPECT(world.event->WaitSync(kNever) == SyncOutcome::kDone);
                  }});
  KillEverywhere({"clear an event before its waiter has looked", MakeEvent, ActClear,
                  [](World& world, bool over) {
                    EXPECT(!world.event->IsSet() || !over);
                    EXPECT(world.Woken() == SyncOutcome::kDone);
                  },
                  [](World& world) {
                    world.event->WaitAsync(&world.waiting);
                    world.Sleep();
                    EXPECT(world.event->Set().ok());
                  }});
}

TEST(EventHalted) {
  // Nobody waits, but somebody comes: that one sees the flag, or is seen.
  HaltEverywhere({"set an event for which nobody waits", MakeEvent, ActSet,
                  [](World& world, bool over) {
                    EXPECT(world.event->IsSet() || !over);
                    if (world.event->WaitAsync(&world.waiting) == SyncOutcome::kPending) {
                      world.Sleep();
                    }
                  },
                  Nothing, ReachedInTheEnd});
  HaltEverywhere({"set an event for two participants", MakeEvent, ActSet, EachAsleepOrWoken,
                  BothWaitForEvent, BothWokenInTheEnd});
  HaltEverywhere({"set an event for a sync waiter", MakeEvent, ActSet, [](World&, bool) {},
                  SleepForEvent, [](World& world) { SleeperHasIt(world, sleeper); }, true});
  // Set anew meanwhile: if the child had cleared it, then it stays set.
  HaltEverywhere({"clear an event", MakeSetEvent, ActClear,
                  [](World& world, bool over) {
                    const bool set = world.event->IsSet();
                    EXPECT(!set || !over);
                    const SyncOutcome outcome = world.event->WaitAsync(&world.waiting);
                    EXPECT(outcome == (set ? SyncOutcome::kDone : SyncOutcome::kPending));
                    if (!set) world.Sleep();
                    EXPECT(world.event->Set().ok());
                    if (!set) EXPECT(world.Woken() == SyncOutcome::kDone && world.rung);
                    world.said->store(set);
                  },
                  Nothing,
                  [](World& world) { EXPECT(world.event->IsSet() == (world.said->load() == 0)); }});
  HaltEverywhere(
      {"clear an event before its waiter has looked", MakeEvent, ActClear,
       [](World& world, bool) { EXPECT(world.Woken() == SyncOutcome::kDone && world.rung); },
       [](World& world) {
         world.event->WaitAsync(&world.waiting);
         world.Sleep();
         EXPECT(world.event->Set().ok());
       },
       [](World& world) { EXPECT(!world.event->IsSet()); }});
  HaltEverywhere({"wait for an event, async", MakeEvent,
                  [](World& world, SyncSpace& space) {
                    auto mine = Opened(space, world.event);
                    AsyncWaiter waiter;
                    StepFromHere();
                    mine->WaitAsync(&waiter);
                    StepToHere();
                    std::vector<AsyncWaiter*> done;
                    Until(
                        [&] { return waiter.outcome == SyncOutcome::kDone || space.Serve(&done); });
                  },
                  [](World& world, bool) { EXPECT(world.event->Set().ok()); }});
}

TEST_MAIN()
