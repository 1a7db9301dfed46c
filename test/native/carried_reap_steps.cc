// References of the dead, and those that leave with a fork: who looks after them is killed and
// halted at every step.

#include "carried_support.h"

using namespace mp;
using namespace mp::test;

namespace {

// With the message in its hands, or having received it: then what it carries is to be let go of.
void DieReceiving(QueueWorld& world, bool received) {
  WaitStatus(Start([&] {
    auto space = JoinMessages(world.segment);
    QueuePtr queue = OpenQueue(*space, world.queue->ref());
    queue->TryTake(1, [&](const std::byte*, uint64_t, const Block& block) {
      const uint32_t generation = GenerationOf(block.header->state.load());
      const uint64_t taken = PackBlockState(BlockState::kTaken, generation, space->stamp());
      space->KeepsOneMore();
      if (received) block.header->state.store(taken | kIsSpent);
      kill(getpid(), SIGKILL);
    });
  }));
}

void DieDismantling(QueueWorld& world) {
  MakePlain<1>(world);
  inner = world.queue->ref();
  const pid_t last = Start([&] {
    auto theirs = JoinMessages(world.segment);
    QueuePtr queue = OpenQueue(*theirs, inner);
    theirs->store().SetDismantle([](const ObjectRef&, ObjectStore::Dismantling*) -> bool {
      for (;;) kill(getpid(), SIGKILL);
    });
    world.seen->store(1);
    while (world.seen->load() == 1) usleep(200);
    queue.reset();
  });
  while (world.seen->load() == 0) usleep(200);
  world.queue.reset();
  world.seen->store(2);
  WaitStatus(last);
}

// While who looks after the dead is halted: another one comes to do so, and others receive.
int received_meanwhile = 0;
void ReapAndReceive(QueueWorld& world, bool over) {
  ReapMeanwhile(world, over);
  received_meanwhile = 0;
  Received received;
  if (!TakeRefs(*world.getter, *world.queue, &received)) return;
  received_meanwhile = 1;
  AreWhole(world, received);
}
void RestIsThere(QueueWorld& world, int messages) {
  ReapToTheEnd(world);
  EXPECT(received_meanwhile + TakeWhole(world) == messages);
  NothingLeft(world);
}

}  // namespace

TEST(ReapSteps) {
  KillEverywhere({"put back what the dead was receiving",
                  [](QueueWorld& world) {
                    PutInnerPlain<2>(world);
                    DieReceiving(world, false);
                  },
                  ActReap,
                  [](QueueWorld& world, bool over) {
                    EXPECT(world.queue->Size() == 2);
                    ThereOrGone(world, over);
                  }});
  for (const int messages : {1, 2}) {
    KillEverywhere({messages == 1 ? "let go of what the dead had received" : "which another has",
                    [messages](QueueWorld& world) {
                      PutInner(world, kPlain, messages);
                      DieReceiving(world, true);
                    },
                    ActReap,
                    [messages](QueueWorld& world, bool over) {
                      EXPECT(static_cast<int>(world.queue->Size()) == messages - 1);
                      ThereOrGone(world, over);
                    }});
  }
}

TEST(ReapHalted) {
  HaltEverywhere({"put back what the dead was receiving",
                  [](QueueWorld& world) {
                    PutInnerPlain<2>(world);
                    DieReceiving(world, false);
                  },
                  ActReap, ReapAndReceive, NothingOf,
                  [](QueueWorld& world) { RestIsThere(world, 2); }, true});
  for (const int messages : {1, 2}) {
    HaltEverywhere({messages == 1 ? "let go of what the dead had received" : "which another has",
                    [messages](QueueWorld& world) {
                      PutInner(world, kPlain, messages);
                      DieReceiving(world, true);
                    },
                    ActReap, ReapAndReceive, NothingOf,
                    [messages](QueueWorld& world) { RestIsThere(world, messages - 1); }, true});
  }
  HaltEverywhere({"reap who has died dismantling", DieDismantling, ActReap, ReapMeanwhile,
                  NothingOf,
                  [](QueueWorld& world) {
                    ReapToTheEnd(world);
                    EXPECT(!Exists(world, inner));
                    world.Gone();
                  },
                  true});
}

// Dead while it dismantles a queue: whoever looks after that is killed in turn.
TEST(ReapOfWhoDismantledSteps) {
  KillEverywhere(
      {"reap who has died dismantling", DieDismantling, ActReap, [](QueueWorld& world, bool) {
         world.CleanedUp();
         EXPECT(!Exists(world, inner));
         world.Gone();
       }});
}

// A parent, its child, and what leaves ahead of the fork.
TEST(ForkSteps) {
  static ForkDeparture departure;
  const auto make = [](QueueWorld& world) {
    world.Make(kPlain);
    world.other = PipeEnd::MakePair(world.getter.get(), false).value();
  };
  const auto gone = [](QueueWorld& world) {
    world.queue.reset();
    world.other = {};
    world.CleanedUp();
    EXPECT(MessagesIn(*world.segment) == 0);
    EXPECT(PlacesInUse(*world.segment) <= 0);
  };
  const auto give_up = [](QueueWorld& world) {
    world.other.right.reset();
    world.queue->CloseSide();
  };
  const auto both_closed = [&](QueueWorld& world) {
    EXPECT(OtherIsClosed(world));
    EXPECT(world.queue->Look() == SyncOutcome::kClosed);
    gone(world);
  };
  // While the child has not come to let go of them.
  const auto open = [](QueueWorld& world, bool) {
    const bool both = !OtherIsClosed(world) && world.queue->Look() == SyncOutcome::kPending;
    EXPECT(both || world.seen->load() == 1);
  };
  const auto act_depart = [](QueueWorld& world, MessageSpace& space) {
    QueuePtr queue = OpenQueue(space, world.queue->ref());
    auto end = PipeEnd::Open(&space, world.other.right->ref()).value();
    EndDeparture(&space, DepartAhead(&space, {queue->ref()}));
    StepFromHere();
    EndDeparture(&space, DepartAhead(&space, {queue->ref(), end->ref()}));
    world.seen->store(1);
    queue.reset();
    end.reset();
    StepToHere();
  };
  const auto depart = [&](QueueWorld& world) {
    make(world);
    departure = DepartAhead(world.getter.get(), {world.queue->ref(), world.other.right->ref()});
    world.other.right.reset();
    world.queue->CloseSide();
  };
  const auto act_take_over = [](QueueWorld& world, MessageSpace& space) {
    space.pool();
    StepFromHere();
    if (!TakeOver(&space, &departure)) _exit(1);
    QueuePtr queue = OpenQueue(space, world.queue->ref());
    LandBehind(&space, departure);
    StepToHere();
  };
  KillEverywhere({"depart ahead of a fork, and not fork", make, act_depart,
                  [&](QueueWorld& world, bool) { both_closed(world); }, give_up});
  HaltEverywhere(
      {"depart ahead of a fork, and not fork", make, act_depart, open, give_up, both_closed});
  KillEverywhere({"take over what has left ahead, and land it", depart, act_take_over,
                  [&](QueueWorld& world, bool) {
                    // As the parent does when its child has ended.
                    EndDeparture(world.getter.get(), departure);
                    both_closed(world);
                  }});
  HaltEverywhere(
      {"take over what has left ahead, and land it", depart, act_take_over,
       [](QueueWorld& world, bool) { EXPECT(world.queue->Look() == SyncOutcome::kPending); },
       NothingOf,
       [&](QueueWorld& world) {
         EndDeparture(world.getter.get(), departure);
         both_closed(world);
       }});
}

// The parent has died; its child has not come so far yet.
TEST(WhatHasLeftForAChildWaitsForIt) {
  for (const bool child_lives : {true, false}) {
    QueueWorld world;
    world.Make(kPlain);
    ForkDeparture* const shared = static_cast<ForkDeparture*>(mmap(
        nullptr, sizeof(ForkDeparture), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0));
    const pid_t child = Start([] {
      for (;;) pause();
    });
    WaitStatus(Start([&] {
      auto parent = JoinMessages(world.segment);
      QueuePtr queue = OpenQueue(*parent, world.queue->ref());
      *shared = DepartAhead(parent.get(), {queue->ref()});
      *ChildNumberOf(*world.segment, *shared) = child;
      kill(getpid(), SIGKILL);
    }));
    world.queue->CloseSide();
    if (!child_lives) KillAndWait(child);
    const Reaper::Report report = world.reaper->reaper().Run();
    EXPECT((report.pending == 1) == child_lives);
    EXPECT((world.queue->Look() == SyncOutcome::kClosed) != child_lives);
    // It comes.
    EXPECT(TakeOver(world.reaper.get(), shared) == child_lives);
    if (child_lives) {
      LandBehind(world.reaper.get(), *shared);
      KillAndWait(child);
    }
    EXPECT(world.queue->Look() == SyncOutcome::kClosed);
    world.Gone();
    munmap(shared, sizeof *shared);
  }
}

TEST_MAIN()
