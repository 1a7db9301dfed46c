// Several who wait, blocked or in their event loops, and whoever wakes them killed and halted at
// every step.

#include "sync_step_acts.h"

using namespace mp;
using namespace mp::test;

namespace {

Sleeper sleeper;

void SleepForNotification(World& world) {
  sleeper = StartSleeper(world, 4, [&](SyncSpace& space) {
    auto mine = Opened(space, world.condition);
    return static_cast<int>(mine->WaitSync(kNever, [] {}));
  });
}
template <uint32_t kCount>
void ActNotify(World& world, SyncSpace& space) {
  Alone(space, world.condition, [](Condition& mine) { mine.Notify(kCount); });
}
void BothWaitForNotification(World& world) {
  BothWait(world, world.condition, kWait);
}
}  // namespace

TEST(NotifySteps) {
  for (const uint32_t count : {2U, Condition::kAll}) {
    KillEverywhere({count == 2 ? "notify two participants" : "notify all participants",
                    MakeCondition, count == 2 ? ActNotify<2> : ActNotify<Condition::kAll>,
                    [](World& world, bool over) {
                      const bool first = world.Woken() == SyncOutcome::kDone;
                      const bool second = world.AlsoWoken() == SyncOutcome::kDone;
                      EXPECT((first && second) || !over);
                      // Whoever was not notified still can be, and nobody twice.
                      const uint32_t left = (first ? 0 : 1) + (second ? 0 : 1);
                      EXPECT(world.condition->Notify(Condition::kAll) == left);
                      std::vector<AsyncWaiter*> done;
                      EXPECT(first || world.waiter->Serve(&done));
                      EXPECT(second || world.reaper->Serve(&done));
                      EXPECT(done.size() == left);
                      EXPECT(world.condition->Notify(Condition::kAll) == 0);
                    },
                    BothWaitForNotification});
  }
  KillEverywhere({"notify a sync waiter", MakeCondition, ActNotify<1>,
                  [](World& world, bool over) {
                    const uint32_t late = world.condition->Notify(1);
                    EXPECT(late == 0 || !over);
                    EXPECT(CodeOf(sleeper) == static_cast<int>(SyncOutcome::kDone));
                    EXPECT(world.condition->Notify(Condition::kAll) == 0);
                  },
                  SleepForNotification});
}

TEST(NotifiedSteps) {
  const auto wait = [](World& world) {
    world.condition->WaitAsync(&world.waiting);
    world.Sleep();
  };
  KillEverywhere({"wait for a notification, async", MakeCondition,
                  [](World& world, SyncSpace& space) { ActWait(space, world.condition, kWait); },
                  [](World& world, bool) {
                    EXPECT(world.Woken() == SyncOutcome::kPending);
                    world.Sleep();
                    EXPECT(world.condition->Notify(Condition::kAll) == 1);
                    EXPECT(world.Woken() == SyncOutcome::kDone);
                  },
                  wait});
  // Its time is over: what had been given to it goes on, and the other one has it.
  KillEverywhere({"have no more time for a notification that has come", MakeCondition,
                  [](World& world, SyncSpace& space) {
                    auto* const mine =
                        new std::shared_ptr<Condition>(Opened(space, world.condition));
                    auto* const waiter = new AsyncWaiter;
                    (*mine)->WaitAsync(waiter);
                    StepFromHere();
                    (*mine)->Expire(waiter);
                    StepToHere();
                  },
                  [](World& world, bool) {
                    EXPECT(world.Woken() == SyncOutcome::kDone);
                    EXPECT(world.condition->Notify(Condition::kAll) == 0);
                  },
                  [=](World& world) {
                    EXPECT(world.condition->Notify(1) == 1);
                    wait(world);
                  }});
}

TEST(NotifyHalted) {
  for (const uint32_t count : {2U, Condition::kAll}) {
    HaltEverywhere({count == 2 ? "notify two participants" : "notify all participants",
                    MakeCondition, count == 2 ? ActNotify<2> : ActNotify<Condition::kAll>,
                    EachAsleepOrWoken, BothWaitForNotification, [](World& world) {
                      BothWokenInTheEnd(world);
                      EXPECT(world.condition->Notify(Condition::kAll) == 0);
                    }});
  }
  HaltEverywhere({"notify a sync waiter", MakeCondition, ActNotify<1>, [](World&, bool) {},
                  SleepForNotification,
                  [](World& world) {
                    SleeperHasIt(world, sleeper);
                    EXPECT(world.condition->Notify(Condition::kAll) == 0);
                  },
                  true});
  // One more than the child meant comes to wait, and is not notified in place of another.
  HaltEverywhere({"notify one while another comes", MakeCondition, ActNotify<1>,
                  [](World& world, bool) {
                    auto theirs = Opened(*world.reaper, world.condition);
                    theirs->WaitAsync(&world.also_waiting);
                    world.other = theirs;
                    World::SleepIn(*world.reaper);
                  },
                  [](World& world) {
                    world.condition->WaitAsync(&world.waiting);
                    world.Sleep();
                  },
                  [](World& world) {
                    world.Woken();
                    world.AlsoWoken();
                    EXPECT(world.waiting.outcome == SyncOutcome::kDone ||
                           world.also_waiting.outcome == SyncOutcome::kDone);
                    EXPECT(world.condition->Notify(Condition::kAll) == 1);
                  }});
}

TEST(ConditionHalted) {
  static pid_t notifier;
  // Whoever gets the lock from who waits can notify it: it counted as waiting by then.
  HaltEverywhere({"wait on a condition and release its lock",
                  [](World& world) {
                    MakeCondition(world);
                    MakeLock(world);
                  },
                  [](World& world, SyncSpace& space) {
                    auto mine = Opened(space, world.condition);
                    auto lock = Opened(space, world.lock);
                    lock->TryAcquire();
                    StepFromHere();
                    if (mine->WaitSync(kNever, [&] { lock->Release(); }) != SyncOutcome::kDone)
                      _exit(1);
                    StepToHere();
                  },
                  [](World& world, bool) {
                    notifier = 0;
                    if (world.lock->TryAcquire() == SyncOutcome::kDone) {
                      EXPECT(world.condition->Notify(1) == 1);
                      EXPECT(world.lock->Release().ok());
                      return;
                    }
                    notifier = Start([&] {
                      auto space = JoinSpace(world.segment);
                      auto lock = Opened(*space, world.lock);
                      auto condition = Opened(*space, world.condition);
                      lock->AcquireSync(kNever);
                      if (condition->Notify(1) != 1 || !lock->Release().ok()) _exit(1);
                    });
                  },
                  Nothing,
                  [](World& world) {
                    EXPECT(notifier == 0 || EndedWell(notifier));
                    EXPECT(!world.lock->IsLocked());
                    EXPECT(world.condition->Notify(Condition::kAll) == 0);
                  }});
  HaltEverywhere({"have no more time for a notification that has come", MakeCondition,
                  [](World& world, SyncSpace& space) {
                    auto mine = Opened(space, world.condition);
                    AsyncWaiter waiter;
                    mine->WaitAsync(&waiter);
                    StepFromHere();
                    mine->Expire(&waiter);
                    StepToHere();
                  },
                  ReachedOrAsleep,
                  [](World& world) {
                    EXPECT(world.condition->Notify(1) == 1);
                    world.condition->WaitAsync(&world.waiting);
                    world.Sleep();
                  },
                  [](World& world) {
                    ReachedInTheEnd(world);
                    EXPECT(world.condition->Notify(Condition::kAll) == 0);
                  }});
}

TEST(SemaphoreSteps) {
  const auto wait = [](auto& object, AsyncWaiter* waiter) { object.AcquireAsync(waiter); };
  KillEverywhere({"release two permits to two participants", MakeSemaphore,
                  [](World& world, SyncSpace& space) {
                    auto mine = Opened(space, world.semaphore);
                    StepFromHere();
                    if (!mine->Release(2).ok()) _exit(1);
                    StepToHere();
                  },
                  [](World& world, bool over) {
                    // Both or neither: who accepts the first sees to the second.
                    const SyncOutcome first = world.Woken();
                    EXPECT(world.AlsoWoken() == first);
                    EXPECT(first == SyncOutcome::kDone || !over);
                    EXPECT(world.semaphore->Value() == 0);
                  },
                  [&](World& world) { BothWait(world, world.semaphore, wait); }});
  KillEverywhere({"wait for a permit, async", MakeSemaphore,
                  [&](World& world, SyncSpace& space) { ActWait(space, world.semaphore, wait); },
                  [](World& world, bool) {
                    EXPECT(world.semaphore->Release().ok());
                    EXPECT(world.semaphore->Value() == 1);
                    EXPECT(world.semaphore->TryAcquire() == SyncOutcome::kDone);
                  }});
}

TEST_MAIN()
