// Whoever wakes others, halted before and after every step that they can see, and then going on: it
// is not taken for dead, and what it was about to do is done in the end, once.

#include "sync_step_acts.h"

using namespace mp;
using namespace mp::test;

namespace {

void StillAsleep(World& world, bool) {
  EXPECT(world.Woken() == SyncOutcome::kPending);
  world.Sleep();
}

void WaitForBarrier(World& world) {
  world.barrier->WaitAsync(&world.waiting);
  world.Sleep();
}

}  // namespace

TEST(WakingHalted) {
  for (const uint32_t count : {1U, Condition::kAll}) {
    HaltEverywhere({count == 1 ? "notify one" : "notify all",
                    [](World& world) { world.condition = world.waiter->Make<Condition>().value(); },
                    [&](World& world, SyncSpace& space) {
                      Alone(space, world.condition, [&](Condition& mine) {
                        if (mine.Notify(count) != 1) _exit(1);
                      });
                    },
                    ReachedOrAsleep,
                    [](World& world) {
                      world.condition->WaitAsync(&world.waiting);
                      world.Sleep();
                    },
                    ReachedInTheEnd});
  }
  HaltEverywhere({"release a permit",
                  [](World& world) {
                    world.semaphore = world.waiter->Make<Semaphore>(0U, kMaxPermits).value();
                  },
                  [](World& world, SyncSpace& space) {
                    Alone(space, world.semaphore, [](Semaphore& mine) {
                      if (!mine.Release().ok()) _exit(1);
                    });
                  },
                  ReachedOrAsleep,
                  [](World& world) {
                    world.semaphore->AcquireAsync(&world.waiting);
                    world.Sleep();
                  },
                  [](World& world) {
                    ReachedInTheEnd(world);
                    EXPECT(world.semaphore->Value() == 0);
                  }});
  HaltEverywhere({"set an event",
                  [](World& world) { world.event = world.waiter->Make<Event>().value(); },
                  [](World& world, SyncSpace& space) {
                    Alone(space, world.event, [](Event& mine) {
                      if (!mine.Set().ok()) _exit(1);
                    });
                  },
                  ReachedOrAsleep,
                  [](World& world) {
                    world.event->WaitAsync(&world.waiting);
                    world.Sleep();
                  },
                  ReachedInTheEnd});
}

TEST(BarrierHalted) {
  for (const bool action : {false, true}) {
    HaltEverywhere(
        {action ? "arrive last at a barrier with an action" : "arrive last at a barrier",
         [=](World& world) { world.barrier = world.waiter->Make<Barrier>(2U, action).value(); },
         [=](World& world, SyncSpace& space) {
           Alone(space, world.barrier, [=](Barrier& mine) {
             uint32_t index = 0;
             const SyncOutcome outcome = mine.WaitSync(kNever, &index);
             if (outcome != (action ? SyncOutcome::kLeader : SyncOutcome::kDone)) _exit(1);
             if (action ? !mine.Finish(index) : index != 1) _exit(2);
           });
         },
         ReachedOrAsleep, WaitForBarrier, ReachedInTheEnd});
  }
  for (const bool resets : {false, true}) {
    HaltEverywhere(
        {resets ? "reset a barrier" : "break a barrier",
         [](World& world) { world.barrier = world.waiter->Make<Barrier>(3U, false).value(); },
         [=](World& world, SyncSpace& space) {
           Alone(space, world.barrier,
                 [=](Barrier& mine) { resets ? mine.Reset() : mine.Break(); });
         },
         [](World& world, bool over) {
           const SyncOutcome outcome = world.Woken();
           EXPECT(outcome == SyncOutcome::kBroken || (outcome == SyncOutcome::kPending && !over));
           if (outcome == SyncOutcome::kPending) world.Sleep();
         },
         WaitForBarrier,
         [=](World& world) {
           const bool told = world.waiting.outcome == SyncOutcome::kBroken;
           EXPECT(told || world.Woken() == SyncOutcome::kBroken);
           EXPECT(world.barrier->IsBroken() == !resets && world.barrier->Waiting() == 0);
         }});
  }
}

// The child was given the lock and does not run: it is the child's all the same.
TEST(GrantHalted) {
  const auto give = [](World& world) {
    EXPECT(world.lock->Release().ok());
    WaitForLock(world);
  };
  for (const bool cancels : {false, true}) {
    HaltEverywhere({cancels ? "cancel a wait for a lock that has been given" : "accept a lock",
                    MakeHeldLock,
                    [=](World& world, SyncSpace& space) {
                      auto lock = Opened(space, world.lock);
                      AsyncWaiter waiter;
                      lock->AcquireAsync(&waiter);
                      StepOutOfWait(space, *lock, &waiter, cancels);
                      if (!cancels && !lock->Release().ok()) _exit(1);
                    },
                    cancels ? ReachedOrAsleep : StillAsleep, give, LockReachedInTheEnd});
  }
}

TEST_MAIN()
