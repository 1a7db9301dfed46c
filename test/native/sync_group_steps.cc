// Conditions, events and barriers, killed at every step.

#include <cerrno>

#include "sync_step_acts.h"

using namespace mp;
using namespace mp::test;

TEST(ConditionSteps) {
  const auto make = [](World& world) {
    world.condition = world.waiter->Make<Condition>().value();
    MakeLock(world);
  };
  const auto wait = [](World& world) {
    world.condition->WaitAsync(&world.waiting);
    world.Sleep();
  };
  // The waiter was notified, or still can be.
  const auto reached = [](World& world, bool over) {
    const SyncOutcome outcome = world.Woken();
    EXPECT(outcome == SyncOutcome::kDone || (outcome == SyncOutcome::kPending && !over));
    if (outcome == SyncOutcome::kPending) {
      std::vector<AsyncWaiter*> done;
      EXPECT(world.condition->Notify(1) == 1);
      EXPECT(world.waiter->Serve(&done));
    }
    EXPECT(world.condition->Notify(Condition::kAll) == 0);
  };
  KillEverywhere({"wait on a condition and release its lock", make,
                  [](World& world, SyncSpace& space) {
                    auto mine = Opened(space, world.condition);
                    auto lock = Opened(space, world.lock);
                    lock->TryAcquire();
                    StepFromHere();
                    mine->WaitSync(kNever, [&] { lock->Release(); });
                    StepToHere();
                  },
                  [&](World& world, bool) {
                    LockIsUsable(world);
                    EXPECT(world.condition->Notify(Condition::kAll) == 0);
                  }});
  for (const uint32_t count : {1U, Condition::kAll}) {
    KillEverywhere({count == 1 ? "notify one" : "notify all", make,
                    [&](World& world, SyncSpace& space) {
                      auto mine = Opened(space, world.condition);
                      StepFromHere();
                      mine->Notify(count);
                      StepToHere();
                    },
                    reached, wait});
  }
  for (const bool cancels : {false, true}) {
    KillEverywhere({cancels ? "cancel a notified wait" : "go on after a notification", make,
                    [&](World& world, SyncSpace& space) {
                      auto* const mine =
                          new std::shared_ptr<Condition>(Opened(space, world.condition));
                      auto* const waiter = new AsyncWaiter;
                      (*mine)->WaitAsync(waiter);
                      StepOutOfWait(space, **mine, waiter, cancels);
                    },
                    [&](World& world, bool over) { reached(world, cancels && over); },
                    [&](World& world) {
                      EXPECT(world.condition->Notify(1) == 1);
                      wait(world);
                    }});
  }
}

TEST(EventSteps) {
  KillEverywhere(
      {"set an event", [](World& world) { world.event = world.waiter->Make<Event>().value(); },
       [](World& world, SyncSpace& space) {
         auto mine = Opened(space, world.event);
         StepFromHere();
         mine->Set();
         StepToHere();
       },
       [](World& world, bool over) {
         const SyncOutcome outcome = world.Woken();
         EXPECT(outcome == (world.event->IsSet() ? SyncOutcome::kDone : SyncOutcome::kPending));
         EXPECT(outcome == SyncOutcome::kDone || !over);
       },
       [](World& world) {
         world.event->WaitAsync(&world.waiting);
         world.Sleep();
       }});
}

TEST(BarrierSteps) {
  const auto arrive = [](World& world, SyncSpace& space) {
    auto mine = Opened(space, world.barrier);
    uint32_t index = 0;
    StepFromHere();
    const SyncOutcome outcome = mine->WaitSync(kNever, &index);
    if (outcome == SyncOutcome::kLeader) mine->Finish(index);
    StepToHere();
    for (;;) pause();
  };
  const auto wait = [](World& world) {
    world.barrier->WaitAsync(&world.waiting);
    world.Sleep();
  };
  const auto told = [](World& world, bool over) {
    const SyncOutcome outcome = world.Woken();
    EXPECT(outcome == SyncOutcome::kDone || (outcome == SyncOutcome::kBroken && !over));
    EXPECT(world.barrier->IsBroken());
    world.barrier->Reset();
    EXPECT(!world.barrier->IsBroken() && world.barrier->Waiting() == 0);
  };
  for (const bool action : {false, true}) {
    const auto make = [action](World& world) {
      world.barrier = world.waiter->Make<Barrier>(2U, action).value();
    };
    KillEverywhere({action ? "arrive last at a barrier with an action" : "arrive last at a barrier",
                    make, arrive, told, wait});
  }
  KillEverywhere(
      {"arrive first at a barrier, up to sleeping",
       [](World& world) { world.barrier = world.waiter->Make<Barrier>(3U, false).value(); }, arrive,
       [&](World& world, bool) { told(world, false); }, wait});
}

TEST_MAIN()
