// Whoever waits, halted before and after every step that others can see, while it is notified,
// given or let through; and then going on: what was meant for it is there, once.

#include "sync_step_acts.h"

using namespace mp;
using namespace mp::test;

namespace {

// Notifies as soon as there is anybody.
pid_t notifier = 0;
void NotifyInTheEnd(World& world) {
  notifier = Start([&] {
    auto space = JoinSpace(world.segment);
    auto condition = Opened(*space, world.condition);
    Until([&] { return condition->Notify(1) == 1; });
  });
}
void NotifierEnds() {
  if (notifier != 0) EXPECT(EndedWell(notifier));
  notifier = 0;
}

void WaitForNotification(World& world) {
  world.condition->WaitAsync(&world.waiting);
  world.Sleep();
}
void ActWaitForNotification(World& world, SyncSpace& space) {
  auto mine = Opened(space, world.condition);
  StepFromHere();
  if (mine->WaitSync(kNever, [] {}) != SyncOutcome::kDone) _exit(1);
  StepToHere();
}
std::function<void(World&)> MakeBarrier(uint32_t parties) {
  return [=](World& world) { world.barrier = world.waiter->Make<Barrier>(parties, false).value(); };
}
void WaitAtBarrier(World& world) {
  world.barrier->WaitAsync(&world.waiting);
  world.Sleep();
}
void Reached(World& world, SyncOutcome expected) {
  if (world.waiting.outcome == SyncOutcome::kPending) world.Woken();
  EXPECT(world.waiting.outcome == expected);
}
// Of the waiter, asleep while the child is halted.
void AsleepOrGotIt(World& world, bool) {
  if (world.Woken() == SyncOutcome::kPending) world.Sleep();
}

}  // namespace

TEST(NotifiedWhileHalted) {
  HaltEverywhere({"wait for a notification", MakeCondition, ActWaitForNotification,
                  [](World& world, bool) {
                    // It waits already, or comes to.
                    if (world.condition->Notify(1) == 0) NotifyInTheEnd(world);
                  },
                  Nothing,
                  [](World& world) {
                    NotifierEnds();
                    EXPECT(world.condition->Notify(Condition::kAll) == 0);
                  }});
  // Of two the halted one keeps its own, and the other one does not wait for it.
  HaltEverywhere({"wait for a notification, one of two", MakeCondition, ActWaitForNotification,
                  [](World& world, bool) {
                    const uint32_t notified = world.condition->Notify(Condition::kAll);
                    EXPECT(notified == 1 || notified == 2);
                    EXPECT(world.Woken() == SyncOutcome::kDone);
                    if (notified == 1) NotifyInTheEnd(world);
                  },
                  WaitForNotification,
                  [](World& world) {
                    NotifierEnds();
                    EXPECT(world.condition->Notify(Condition::kAll) == 0);
                  }});
  HaltEverywhere({"wait for a notification, in an event loop", MakeCondition,
                  [](World& world, SyncSpace& space) {
                    auto mine = Opened(space, world.condition);
                    AsyncWaiter waiter;
                    StepFromHere();
                    mine->WaitAsync(&waiter);
                    std::vector<AsyncWaiter*> done;
                    space.Serve(&done);
                    StepToHere();
                    Until([&] {
                      space.Serve(&done);
                      return waiter.outcome == SyncOutcome::kDone;
                    });
                  },
                  [](World& world, bool) {
                    if (world.condition->Notify(1) == 0) NotifyInTheEnd(world);
                  },
                  Nothing,
                  [](World& world) {
                    NotifierEnds();
                    EXPECT(world.condition->Notify(Condition::kAll) == 0);
                  }});
}

// The child had been notified: it takes that, or passes it on.
TEST(NotifiedAndHalted) {
  for (const bool cancels : {false, true}) {
    HaltEverywhere({cancels ? "cancel a notified wait" : "go on after a notification",
                    MakeCondition,
                    [=](World& world, SyncSpace& space) {
                      auto mine = Opened(space, world.condition);
                      AsyncWaiter waiter;
                      mine->WaitAsync(&waiter);
                      StepOutOfWait(space, *mine, &waiter, cancels);
                    },
                    AsleepOrGotIt,
                    [](World& world) {
                      EXPECT(world.condition->Notify(1) == 1);
                      WaitForNotification(world);
                    },
                    [=](World& world) {
                      if (!cancels) {
                        EXPECT(world.waiting.outcome == SyncOutcome::kPending);
                        EXPECT(world.condition->Notify(1) == 1);
                      }
                      Reached(world, SyncOutcome::kDone);
                      EXPECT(world.condition->Notify(Condition::kAll) == 0);
                    }});
  }
}

TEST(PermitsForTheHalted) {
  HaltEverywhere({"acquire an empty semaphore", MakeSemaphore,
                  [](World& world, SyncSpace& space) {
                    auto mine = Opened(space, world.semaphore);
                    StepFromHere();
                    if (mine->AcquireSync(kNever) != SyncOutcome::kDone) _exit(1);
                    StepToHere();
                  },
                  [](World& world, bool) { EXPECT(world.semaphore->Release().ok()); }, Nothing,
                  [](World& world) { EXPECT(world.semaphore->Value() == 0); }});
  for (const bool cancels : {false, true}) {
    HaltEverywhere({cancels ? "cancel a wait for a permit that is reserved" : "accept a permit",
                    MakeSemaphore,
                    [=](World& world, SyncSpace& space) {
                      auto mine = Opened(space, world.semaphore);
                      AsyncWaiter waiter;
                      mine->AcquireAsync(&waiter);
                      StepOutOfWait(space, *mine, &waiter, cancels);
                    },
                    AsleepOrGotIt,
                    [](World& world) {
                      EXPECT(world.semaphore->Release().ok());
                      world.semaphore->AcquireAsync(&world.waiting);
                      world.Sleep();
                    },
                    [=](World& world) {
                      if (!cancels) {
                        EXPECT(world.waiting.outcome == SyncOutcome::kPending);
                        EXPECT(world.semaphore->Release().ok());
                      }
                      Reached(world, SyncOutcome::kDone);
                      EXPECT(world.semaphore->Value() == 0);
                    }});
  }
}

TEST(EventForTheHalted) {
  const auto act = [](World& world, SyncSpace& space) {
    auto mine = Opened(space, world.event);
    StepFromHere();
    if (mine->WaitSync(kNever) != SyncOutcome::kDone) _exit(1);
    StepToHere();
  };
  HaltEverywhere({"wait for an event", MakeEvent, act,
                  [](World& world, bool) { EXPECT(world.event->Set().ok()); }});
  // Cleared before it looks: it waited when the event was set.
  HaltEverywhere(
      {"look for an event that was set and cleared", MakeEvent,
       [](World& world, SyncSpace& space) {
         auto mine = Opened(space, world.event);
         AsyncWaiter waiter;
         mine->WaitAsync(&waiter);
         std::vector<AsyncWaiter*> done;
         StepFromHere();
         if (!space.Serve(&done)) _exit(1);
         StepToHere();
       },
       [](World& world, bool) { EXPECT(world.event->Set().ok() && world.event->Clear().ok()); },
       [](World& world) { EXPECT(world.event->Set().ok() && world.event->Clear().ok()); }});
}

TEST(BarrierWithTheHalted) {
  const auto act = [](World& world, SyncSpace& space) {
    auto mine = Opened(space, world.barrier);
    uint32_t index = 0;
    StepFromHere();
    if (mine->WaitSync(kNever, &index) != SyncOutcome::kDone) _exit(1);
    StepToHere();
  };
  HaltEverywhere({"arrive first at a barrier", MakeBarrier(2), act,
                  [](World& world, bool) {
                    if (world.barrier->WaitAsync(&world.waiting) == SyncOutcome::kPending) {
                      world.Sleep();
                    }
                  },
                  Nothing,
                  [](World& world) {
                    Reached(world, SyncOutcome::kDone);
                    EXPECT(!world.barrier->IsBroken() && world.barrier->Waiting() == 0);
                  }});
  const auto act_late = [](World& world, SyncSpace& space) {
    auto mine = Opened(space, world.barrier);
    uint32_t index = 0;
    StepFromHere();
    if (mine->WaitSync(0, &index) != SyncOutcome::kBroken) _exit(1);
    StepToHere();
  };
  const auto broken = [](World& world) {
    Reached(world, SyncOutcome::kBroken);
    EXPECT(world.barrier->IsBroken());
    world.barrier->Reset();
    EXPECT(!world.barrier->IsBroken() && world.barrier->Waiting() == 0);
  };
  KillEverywhere({"have no more time at a barrier", MakeBarrier(3), act_late,
                  [=](World& world, bool) { broken(world); }, WaitAtBarrier});
  HaltEverywhere({"have no more time at a barrier", MakeBarrier(3), act_late,
                  [](World& world, bool over) {
                    const SyncOutcome outcome = world.Woken();
                    EXPECT(outcome == SyncOutcome::kBroken ||
                           (outcome == SyncOutcome::kPending && !over));
                    if (outcome == SyncOutcome::kPending) world.Sleep();
                  },
                  WaitAtBarrier, broken});
}

TEST(RungAndHalted) {
  HaltEverywhere(
      {"look and disarm, having been rung", MakeHeldLock,
       [](World& world, SyncSpace& space) {
         auto lock = Opened(space, world.lock);
         AsyncWaiter waiter;
         lock->AcquireAsync(&waiter);
         space.participant().Doorbell();
         space.participant().ArmDoorbell();
         std::vector<AsyncWaiter*> done;
         StepFromHere();
         if (!space.Serve(&done)) _exit(1);
         if (!space.participant().DisarmDoorbell()) _exit(2);
         StepToHere();
         if (!lock->Release().ok()) _exit(3);
       },
       [](World& world, bool) { EXPECT(world.lock->TryAcquire() == SyncOutcome::kPending); },
       [](World& world) { EXPECT(world.lock->Release().ok()); }, LockIsUsable});
}

TEST_MAIN()
