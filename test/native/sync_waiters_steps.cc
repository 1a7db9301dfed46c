// Several who wait, blocked or in their event loops, and whoever wakes them killed at every step.

#include "step_world.h"

using namespace mp;
using namespace mp::test;

namespace {

pid_t sleeper;

void MakeCondition(World& world) {
  world.condition = world.waiter->Make<Condition>().value();
}
void MakeEvent(World& world) {
  world.event = world.waiter->Make<Event>().value();
}
void MakeSemaphore(World& world) {
  world.semaphore = world.waiter->Make<Semaphore>(0U, kMaxPermits).value();
}
constexpr auto kWait = [](auto& object, AsyncWaiter* waiter) { object.WaitAsync(waiter); };

void ActSet(World& world, SyncSpace& space) {
  auto mine = Opened(space, world.event);
  StepFromHere();
  mine->Set();
  StepToHere();
}
void ActClear(World& world, SyncSpace& space) {
  auto mine = Opened(space, world.event);
  StepFromHere();
  mine->Clear();
  StepToHere();
}
template <typename Object, typename Wait>
void ActWait(SyncSpace& space, const std::shared_ptr<Object>& theirs, Wait wait) {
  auto* const mine = new std::shared_ptr<Object>(Opened(space, theirs));
  auto* const waiter = new AsyncWaiter;
  StepFromHere();
  wait(**mine, waiter);
  StepToHere();
}

}  // namespace

TEST(NotifySteps) {
  for (const uint32_t count : {2U, Condition::kAll}) {
    KillEverywhere({count == 2 ? "notify two participants" : "notify all participants",
                    MakeCondition,
                    [&](World& world, SyncSpace& space) {
                      auto mine = Opened(space, world.condition);
                      StepFromHere();
                      mine->Notify(count);
                      StepToHere();
                    },
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
                    [](World& world) { BothWait(world, world.condition, kWait); }});
  }
  KillEverywhere({"notify a sync waiter", MakeCondition,
                  [](World& world, SyncSpace& space) {
                    auto mine = Opened(space, world.condition);
                    StepFromHere();
                    mine->Notify(1);
                    StepToHere();
                  },
                  [](World& world, bool over) {
                    const uint32_t late = world.condition->Notify(1);
                    EXPECT(late == 0 || !over);
                    EXPECT(CodeOf(sleeper) == static_cast<int>(SyncOutcome::kDone));
                    EXPECT(world.condition->Notify(Condition::kAll) == 0);
                  },
                  [](World& world) {
                    sleeper = StartSleeper(world, 4, [&](SyncSpace& space) {
                      auto mine = Opened(space, world.condition);
                      return static_cast<int>(mine->WaitSync(kNever, [] {}));
                    });
                  }});
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
                  [](World& world) { BothWait(world, world.event, kWait); }});
  KillEverywhere({"set an event for a sync waiter", MakeEvent, ActSet,
                  [](World& world, bool over) {
                    EXPECT(world.event->IsSet() || !over);
                    if (!world.event->IsSet()) EXPECT(world.event->Set().ok());
                    EXPECT(CodeOf(sleeper) == static_cast<int>(SyncOutcome::kDone));
                  },
                  [](World& world) {
                    sleeper = StartSleeper(world, 4, [&](SyncSpace& space) {
                      return static_cast<int>(Opened(space, world.event)->WaitSync(kNever));
                    });
                  }});
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
  const auto make_set = [](World& world) {
    MakeEvent(world);
    world.event->Set();
  };
  KillEverywhere({"clear an event", make_set, ActClear, [](World& world, bool over) {
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
