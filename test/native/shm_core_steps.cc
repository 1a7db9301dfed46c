// Places, membership, doorbell and reaper, killed at every step, and halted.

#include <poll.h>

#include <cerrno>

#include "shm/segment_name.h"
#include "sync_step_acts.h"

using namespace mp;
using namespace mp::test;

TEST(DoorbellSteps) {
  KillEverywhere({"arm, look and disarm", MakeHeldLock,
                  [](World& world, SyncSpace& space) {
                    auto* const mine = new std::shared_ptr<Lock>(Opened(space, world.lock));
                    auto* const waiter = new AsyncWaiter;
                    (*mine)->AcquireAsync(waiter);
                    space.participant().Doorbell();
                    std::vector<AsyncWaiter*> done;
                    StepFromHere();
                    space.participant().ArmDoorbell();
                    space.Serve(&done);
                    space.participant().DisarmDoorbell();
                    StepToHere();
                  },
                  [](World& world, bool) {
                    EXPECT(world.lock->Release().ok());
                    LockIsUsable(world);
                  }});
}

// As an event loop does it, and really asleep at the doorbell: what is given meanwhile has been
// seen by then, or rings it.
TEST(DoorbellHalted) {
  HaltEverywhere({"arm, look, sleep and disarm", MakeHeldLock,
                  [](World& world, SyncSpace& space) {
                    auto mine = Opened(space, world.lock);
                    AsyncWaiter waiter;
                    mine->AcquireAsync(&waiter);
                    pollfd bell{space.participant().Doorbell().value(), POLLIN, 0};
                    std::vector<AsyncWaiter*> done;
                    StepFromHere();
                    while (waiter.outcome == SyncOutcome::kPending) {
                      space.participant().ArmDoorbell();
                      if (!space.Serve(&done)) poll(&bell, 1, -1);
                      space.participant().DisarmDoorbell();
                      space.Serve(&done);
                    }
                    StepToHere();
                    if (!mine->Release().ok()) _exit(1);
                  },
                  [](World& world, bool) {
                    EXPECT(world.lock->Release().ok());
                    WaitForLock(world);
                  },
                  Nothing,
                  [](World& world) {
                    EXPECT(world.Woken() == SyncOutcome::kDone);
                    EXPECT(world.lock->Release().ok());
                    LockIsUsable(world);
                  }});
}

TEST(ReaperSteps) {
  KillEverywhere({"reap",
                  [](World& world) {
                    MakeLock(world);
                    world.bounded = world.waiter->Make<BoundedSemaphore>(1U).value();
                    world.condition = world.waiter->Make<Condition>().value();
                    world.barrier = world.waiter->Make<Barrier>(2U, false).value();
                  },
                  [](World& world, SyncSpace& space) {
                    // The first to die, in row 4, with one of each and more than its row lists.
                    WaitStatus(Start([&] {
                      auto victim = JoinSpace(world.segment);
                      auto lock = Opened(*victim, world.lock);
                      auto bounded = Opened(*victim, world.bounded);
                      auto condition = Opened(*victim, world.condition);
                      auto barrier = Opened(*victim, world.barrier);
                      std::vector<std::shared_ptr<Lock>> more;
                      for (uint32_t i = 0; i < kInlineLedgerEntries; i += 1) {
                        more.push_back(victim->Make<Lock>().value());
                      }
                      more.resize(1);
                      lock->TryAcquire();
                      bounded->TryAcquire();
                      AsyncWaiter waiters[2];
                      condition->WaitAsync(&waiters[0]);
                      condition->Notify(1);
                      barrier->WaitAsync(&waiters[1]);
                      kill(getpid(), SIGKILL);
                    }));
                    StepFromHere();
                    space.reaper().Run();
                    StepToHere();
                  },
                  [](World& world, bool) {
                    EXPECT(world.lock->TryAcquire() == SyncOutcome::kAbandoned);
                    LockIsUsable(world);
                    EXPECT(world.bounded->Value() == 1);
                    EXPECT(world.barrier->IsBroken());
                    // Passed on, perhaps twice, to the one that waited.
                    EXPECT(world.Woken() == SyncOutcome::kDone);
                  },
                  [](World& world) {
                    world.condition->WaitAsync(&world.waiting);
                    world.Sleep();
                  }});
}

TEST(MembershipSteps) {
  const auto alone = [](World& world, bool) { EXPECT(JoinSpace(world.segment)->stamp().id == 3); };
  KillEverywhere({"join", Nothing,
                  [](World& world, SyncSpace&) {
                    StepFromHere();
                    auto second = Participant::Join(world.segment);
                    StepToHere();
                    for (;;) pause();
                  },
                  alone});
  KillEverywhere({"join by name", Nothing,
                  [](World& world, SyncSpace&) {
                    const std::string name = NameOf(*world.segment);
                    StepFromHere();
                    auto segment = AttachByName(name);
                    auto again = std::make_shared<Segment>(std::move(segment.value()));
                    auto second = Participant::Join(again);
                    StepToHere();
                    for (;;) pause();
                  },
                  alone});
  KillEverywhere({"leave", Nothing,
                  [](World& world, SyncSpace&) {
                    auto second = Participant::Join(world.segment);
                    StepFromHere();
                    second.value()->Leave();
                    StepToHere();
                  },
                  alone});
}

// Others come and go meanwhile, and nobody gets the row of who is on its way.
TEST(MembershipHalted) {
  const auto others = [](World& world, bool) {
    auto first = JoinSpace(world.segment);
    auto second = JoinSpace(world.segment);
    EXPECT(first->stamp().id > 3 && second->stamp().id > first->stamp().id);
    EXPECT(world.reaper->reaper().Run().recovered == 0);
  };
  const auto empty = [](World& world) {
    ReapAll(*world.reaper);
    world.CleanedUp();
  };
  for (const bool leaves : {false, true}) {
    HaltEverywhere({leaves ? "leave" : "join", Nothing,
                    [=](World& world, SyncSpace&) {
                      if (!leaves) StepFromHere();
                      auto second = Participant::Join(world.segment);
                      if (!second.ok()) _exit(1);
                      if (leaves) StepFromHere();
                      if (leaves) second.value()->Leave();
                      StepToHere();
                    },
                    others, Nothing, empty});
  }
}

TEST(AMillionObjectsLeaveNothing) {
  World world;
  world.Ready();
  for (int i = 0; i < 1'000'000; i += 1) world.waiter->Make<Lock>();
  world.CleanedUp();
  EXPECT(PlacesInUse(*world.segment) == 0);
}

TEST(Places) {
  KillEverywhere({"make an object", Nothing,
                  [](World&, SyncSpace& space) {
                    StepFromHere();
                    auto made = space.Make<Lock>();
                    StepToHere();
                    for (;;) pause();
                  },
                  [](World&, bool) {}});
  KillEverywhere({"open and drop an object", MakeLock,
                  [](World& world, SyncSpace& space) {
                    StepFromHere();
                    space.Open<Lock>(world.lock->ref());
                    StepToHere();
                  },
                  [](World& world, bool) { LockIsUsable(world); }});
  KillEverywhere({"drop the last of an object", Nothing,
                  [](World&, SyncSpace& space) {
                    auto lock = space.Make<Lock>().value();
                    StepFromHere();
                    lock.reset();
                    StepToHere();
                  },
                  [](World&, bool) {}});
  KillEverywhere({"make an object beyond the row's ledger", Nothing,
                  [](World&, SyncSpace& space) {
                    auto* const held = new std::vector<std::shared_ptr<Lock>>;
                    for (uint32_t i = 0; i < kInlineLedgerEntries; i += 1) {
                      held->push_back(space.Make<Lock>().value());
                    }
                    StepFromHere();
                    held->push_back(space.Make<Lock>().value());
                    StepToHere();
                  },
                  [](World&, bool) {}});
}

// Others make objects, and let go of them, meanwhile.
TEST(PlacesHalted) {
  const auto others = [](World& world, bool) {
    std::vector<std::shared_ptr<Lock>> made;
    for (uint32_t i = 0; i < kInlineLedgerEntries; i += 1) {
      made.push_back(world.reaper->Make<Lock>().value());
      EXPECT(made.back()->TryAcquire() == SyncOutcome::kDone);
      EXPECT(made.back()->Release().ok());
    }
  };
  const auto nothing = [](World& world) {
    ReapAll(*world.reaper);
    EXPECT(PlacesTaken(*world.segment) == 0 && PlacesInUse(*world.segment) <= 1);
  };
  HaltEverywhere({"make an object beyond the row's ledger, and drop it", Nothing,
                  [](World&, SyncSpace& space) {
                    std::vector<std::shared_ptr<Lock>> held;
                    for (uint32_t i = 0; i < kInlineLedgerEntries; i += 1) {
                      held.push_back(space.Make<Lock>().value());
                    }
                    StepFromHere();
                    auto made = space.Make<Lock>();
                    if (!made.ok()) _exit(1);
                    made.value().reset();
                    StepToHere();
                  },
                  others, Nothing, nothing});
}

TEST_MAIN()
