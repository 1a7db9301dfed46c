// Queues, killed and halted at every step: what was put is there once, what was not is not, what
// was being taken comes back, and nobody waits for the dead or the halted.

#include <algorithm>

#include "queue_step_world.h"

using namespace mp;
using namespace mp::test;

namespace {

using Texts = std::vector<std::string>;
constexpr QueueShape kPlain{};
constexpr QueueShape kRedelivers{0, 0, OnConsumerDied::kRedeliver};
constexpr QueueShape kCounts{0, 0, OnConsumerDied::kCount};

template <int kMessages>
void MakePlain(QueueWorld& world) {
  world.Make(kPlain);
  for (int i = 0; i < kMessages; i += 1) TryPut(*world.queue, Long(i));
}
template <int kMessages>
void MakeRedelivering(QueueWorld& world) {
  world.Make(kRedelivers);
  for (int i = 0; i < kMessages; i += 1) TryPut(*world.queue, Long(i));
}

void ActPut(QueueWorld& world, MessageSpace& space) {
  QueuePtr queue = OpenQueue(space, world.queue->ref());
  const StagedMessage staged = StageText(*queue, "new");
  Status error;
  StepFromHere();
  if (queue->TryPut(staged.block, &error) != SyncOutcome::kDone) _exit(1);
  StepToHere();
}
template <uint32_t kMost>
void ActTake(QueueWorld& world, MessageSpace& space) {
  space.pool();
  QueuePtr queue = OpenQueue(space, world.queue->ref());
  StepFromHere();
  const uint32_t count = queue->TryTake(
      kMost, [&](const std::byte*, uint64_t) { world.seen->store(world.seen->load() + 1); });
  if (count == 0) _exit(1);
  StepToHere();
}
void ActTaskDone(QueueWorld& world, MessageSpace& space) {
  QueuePtr queue = OpenQueue(space, world.queue->ref());
  for (int i = 0; i < 2; i += 1) {
    if (Short(TryTake(*queue)) != std::to_string(i)) _exit(1);
  }
  StepFromHere();
  if (!queue->TaskDone()) _exit(2);
  StepToHere();
}

// The last of what was there before is followed by what the child has put, or not.
template <int kBefore>
void PutOrNot(QueueWorld& world, bool over) {
  Texts expected;
  for (int i = 0; i < kBefore; i += 1) expected.push_back(std::to_string(i));
  const Texts got = world.TakeAll();
  const bool put = got.size() > expected.size();
  if (put) expected.emplace_back("new");
  EXPECT(put || !over);
  EXPECT(got == expected);
  EXPECT(TryPut(*world.queue, "after") == SyncOutcome::kDone);
  EXPECT(TryTake(*world.queue) == "after");
}
template <int kBefore>
void PutOrNotAndGone(QueueWorld& world, bool over) {
  PutOrNot<kBefore>(world, over);
  world.Gone();
}

// What the child has not seen comes back, in order; what it has seen may.
template <int kMessages>
void UnseenComesBack(QueueWorld& world, bool) {
  const int seen = world.seen->load();
  const Texts got = world.TakeAll();
  const int first = kMessages - static_cast<int>(got.size());
  EXPECT(first >= 0 && first <= seen);
  for (size_t i = 0; i < got.size(); i += 1) {
    EXPECT(got[i] == std::to_string(static_cast<size_t>(first) + i));
  }
  world.Gone();
}

// All that was not said to be done is there once more, in order.
template <int kMessages>
void AllComesBack(QueueWorld& world, bool) {
  EXPECT(world.queue->Unfinished() == world.queue->Size());
  const Texts got = world.TakeAll();
  const int first = kMessages - static_cast<int>(got.size());
  EXPECT(first == 0 || first == 1);
  for (size_t i = 0; i < got.size(); i += 1) {
    EXPECT(got[i] == std::to_string(static_cast<size_t>(first) + i));
  }
  EXPECT(world.queue->Unfinished() == got.size());
  for (size_t i = 0; i < got.size(); i += 1) EXPECT(world.queue->TaskDone());
  EXPECT(!world.queue->TaskDone());
  world.Gone();
}

}  // namespace

TEST(PutSteps) {
  KillEverywhere({"put into an empty queue", MakePlain<0>, ActPut, PutOrNotAndGone<0>});
  KillEverywhere({"put for one that waits",
                  [](QueueWorld& world) {
                    MakePlain<0>(world);
                    world.WaitFor(QueueRequest::Kind::kGet);
                  },
                  ActPut,
                  [](QueueWorld& world, bool over) {
                    const SyncOutcome outcome = world.Woken();
                    EXPECT(outcome == SyncOutcome::kDone ||
                           (outcome == SyncOutcome::kPending && !over));
                    EXPECT(world.TakeAll().empty());
                  }});
  // The 64th message does not fit the first ring.
  KillEverywhere({"put into a full ring", MakePlain<63>, ActPut, PutOrNotAndGone<63>});
  KillEverywhere({"put where somebody else has put meanwhile", MakePlain<1>, ActPut,
                  [](QueueWorld& world, bool over) {
                    const Texts got = world.TakeAll();
                    const Texts without = {"0", "mine"};
                    const Texts with = {"0", "mine", "new"};
                    EXPECT(got == with || (got == without && !over));
                    world.Gone();
                  },
                  [](QueueWorld& world) { TryPut(*world.queue, "mine"); }});
  KillEverywhere({"put, bounded in bytes",
                  [](QueueWorld& world) {
                    world.Make({0, 8});
                    TryPut(*world.queue, "0");
                    TryPut(*world.queue, "1");
                  },
                  ActPut,
                  [](QueueWorld& world, bool over) {
                    // What a death has left counts for nothing.
                    const bool put = world.queue->Size() == 3;
                    EXPECT(put || !over);
                    EXPECT(TryPut(*world.queue, put ? "four" : "sevenxy") == SyncOutcome::kPending);
                    EXPECT(TryPut(*world.queue, put ? "xyz" : "sixsix") == SyncOutcome::kDone);
                    world.TakeAll();
                    world.Gone();
                  }});
  KillEverywhere({"wait for room, up to sleeping",
                  [](QueueWorld& world) {
                    world.Make({1});
                    TryPut(*world.queue, "0");
                  },
                  [](QueueWorld& world, MessageSpace& space) {
                    QueuePtr queue = OpenQueue(space, world.queue->ref());
                    QueueRequest request;
                    request.kind = QueueRequest::Kind::kPut;
                    request.staged = StageText(*queue, "new").block;
                    StepFromHere();
                    queue->RunSync(&request, kNever);
                    StepToHere();
                  },
                  PutOrNotAndGone<1>});
}

TEST(TakeSteps) {
  KillEverywhere({"take", MakePlain<2>, ActTake<1>, UnseenComesBack<2>});
  KillEverywhere({"take three of four", MakePlain<4>, ActTake<3>, UnseenComesBack<4>});
  KillEverywhere({"take, and another one after it", MakePlain<2>, ActTake<1>, UnseenComesBack<3>,
                  [](QueueWorld& world) { TryPut(*world.queue, "2"); }});
  KillEverywhere({"take for one that waits for room",
                  [](QueueWorld& world) {
                    world.Make({1});
                    TryPut(*world.queue, "0");
                    world.waiting.wanted.kind = QueueRequest::Kind::kPut;
                    world.waiting.wanted.staged = StageText(*world.queue, "1").block;
                    world.queue->RunAsync(&world.waiting);
                    world.Sleep();
                  },
                  ActTake<1>,
                  [](QueueWorld& world, bool over) {
                    if (world.Woken() == SyncOutcome::kPending) {
                      EXPECT(!over);
                      EXPECT(Short(TryTake(*world.queue)) == "0");
                      std::vector<AsyncWaiter*> done;
                      EXPECT(world.getter->Serve(&done));
                    }
                    EXPECT(world.TakeAll().back() == "1");
                    world.Gone();
                  }});
  KillEverywhere({"take what is kept", MakeRedelivering<2>, ActTake<1>, AllComesBack<2>});
  KillEverywhere({"take several that are kept", MakeRedelivering<4>, ActTake<3>, AllComesBack<4>});
  KillEverywhere({"take what came back",
                  [](QueueWorld& world) {
                    MakeRedelivering<3>(world);
                    const pid_t pid = Start([&] {
                      auto space = JoinMessages(world.segment);
                      QueuePtr queue = OpenQueue(*space, world.queue->ref());
                      TryTake(*queue);
                      TryTake(*queue);
                      kill(getpid(), SIGKILL);
                    });
                    WaitStatus(pid);
                    while (world.reaper->reaper().Run().pending != 0) usleep(200);
                  },
                  ActTake<1>,
                  // What comes back a second time does so behind what came back before.
                  [](QueueWorld& world, bool) {
                    EXPECT(world.queue->Unfinished() == 3);
                    Texts got = world.TakeAll();
                    EXPECT(got.back() == "2");
                    std::sort(got.begin(), got.end());
                    EXPECT((got == Texts{"0", "1", "2"}));
                    for (int i = 0; i < 3; i += 1) EXPECT(world.queue->TaskDone());
                    world.Gone();
                  }});
}

TEST(FinishSteps) {
  KillEverywhere({"say that one of two is done", MakeRedelivering<2>, ActTaskDone,
                  [](QueueWorld& world, bool over) {
                    EXPECT(world.queue->Unfinished() == 1 || !over);
                    AllComesBack<2>(world, over);
                  }});
  KillEverywhere({"say that one is done, the dead's are counted",
                  [](QueueWorld& world) {
                    world.Make(kCounts);
                    TryPut(*world.queue, "0");
                    TryPut(*world.queue, "1");
                    TryPut(*world.queue, "2");
                    world.WaitFor(QueueRequest::Kind::kJoin);
                  },
                  ActTaskDone,
                  [](QueueWorld& world, bool) {
                    EXPECT(world.queue->Unfinished() == 1);
                    EXPECT(world.Woken() == SyncOutcome::kPending);
                    EXPECT(Short(TryTake(*world.queue)) == "2");
                    EXPECT(world.queue->TaskDone());
                    std::vector<AsyncWaiter*> done;
                    EXPECT(world.getter->Serve(&done));
                    world.Gone();
                  }});
  KillEverywhere({"the last one is done, for one that waits",
                  [](QueueWorld& world) {
                    world.Make(kCounts);
                    TryPut(*world.queue, "0");
                    TryPut(*world.queue, "1");
                    if (TryTake(*world.queue) != "0") _exit(1);
                    world.queue->TaskDone();
                    world.WaitFor(QueueRequest::Kind::kJoin);
                  },
                  [](QueueWorld& world, MessageSpace& space) {
                    QueuePtr queue = OpenQueue(space, world.queue->ref());
                    if (TryTake(*queue) != "1") _exit(1);
                    StepFromHere();
                    if (!queue->TaskDone()) _exit(2);
                    StepToHere();
                  },
                  // Done by the child, or counted because it is dead.
                  [](QueueWorld& world, bool) {
                    EXPECT(world.Woken() == SyncOutcome::kDone);
                    world.Gone();
                  }});
}

TEST(EndSteps) {
  KillEverywhere({"the last one to put closes its side",
                  [](QueueWorld& world) {
                    MakePlain<0>(world);
                    world.queue->CloseSide();
                  },
                  [](QueueWorld& world, MessageSpace& space) {
                    QueuePtr queue = OpenQueue(space, world.queue->ref());
                    StepFromHere();
                    queue->CloseSide();
                    StepToHere();
                  },
                  [](QueueWorld& world, bool) {
                    const SyncOutcome outcome = world.Woken();
                    EXPECT(outcome == SyncOutcome::kClosed);
                  },
                  [](QueueWorld& world) { world.WaitFor(QueueRequest::Kind::kGet); }});
  // With messages in it, one of which carries the only reference to another queue.
  KillEverywhere({"the last handle goes",
                  [](QueueWorld& world) {
                    MakePlain<2>(world);
                    QueuePtr inner = MakeQueue(*world.getter);
                    TryPut(*inner, "inside");
                    const StagedMessage staged = world.queue->Stage(0, 1).value();
                    world.getter->store().Depart(inner->ref());
                    *staged.carried = {inner->ref().offset, inner->ref().generation,
                                       static_cast<uint32_t>(inner->ref().kind)};
                    Status error;
                    world.queue->TryPut(staged.block, &error);
                  },
                  [](QueueWorld& world, MessageSpace& space) {
                    QueuePtr queue = OpenQueue(space, world.queue->ref());
                    StepFromHere();
                    queue.reset();
                    StepToHere();
                  },
                  [](QueueWorld& world, bool) {
                    // Whoever dies with a reference in its hands leaves what it is to, until the
                    // segment ends.
                    EXPECT(MessagesIn(*world.segment) <= 1);
                    EXPECT(BlocksIn(*world.segment, BlockState::kAttached) <= 1);
                    EXPECT(world.segment->chunk(0).used.load() <= 1);
                  },
                  [](QueueWorld& world) { world.queue.reset(); }});
}

namespace {

// In the child: the second one to look after the dead.
void ActReap(QueueWorld&, MessageSpace& space) {
  space.pool();
  StepFromHere();
  space.reaper().Run();
  StepToHere();
}
// Dead, with some of its messages kept and one just being taken.
template <typename Body>
void Die(QueueWorld& world, Body body) {
  WaitStatus(Start([&] {
    auto space = JoinMessages(world.segment);
    QueuePtr queue = OpenQueue(*space, world.queue->ref());
    body(*queue);
    kill(getpid(), SIGKILL);
  }));
}

}  // namespace

TEST(ReapSteps) {
  KillEverywhere({"put back what the dead had taken",
                  [](QueueWorld& world) {
                    MakeRedelivering<3>(world);
                    Die(world, [](MessageQueue& queue) {
                      TryTake(queue);
                      TryTake(queue);
                    });
                  },
                  ActReap, AllComesBack<3>});
  KillEverywhere({"count what the dead had taken",
                  [](QueueWorld& world) {
                    world.Make(kCounts);
                    for (int i = 0; i < 3; i += 1) TryPut(*world.queue, Long(i));
                    Die(world, [](MessageQueue& queue) {
                      TryTake(queue);
                      TryTake(queue);
                    });
                  },
                  ActReap,
                  [](QueueWorld& world, bool) {
                    EXPECT(world.queue->Unfinished() == 1);
                    EXPECT(Short(TryTake(*world.queue)) == "2");
                    EXPECT(world.queue->TaskDone());
                    EXPECT(!world.queue->TaskDone());
                    world.Gone();
                  }});
  KillEverywhere({"put back what the dead was just taking",
                  [](QueueWorld& world) {
                    MakePlain<3>(world);
                    Die(world, [](MessageQueue& queue) {
                      queue.TryTake(2, [](const std::byte*, uint64_t) { kill(getpid(), SIGKILL); });
                    });
                  },
                  ActReap, UnseenComesBack<3>});
}

TEST(HaltedSteps) {
  HaltEverywhere({"put", MakePlain<1>, ActPut, [](QueueWorld& world, bool) {
                    for (int i = 0; i < 100; i += 1) {
                      EXPECT(TryPut(*world.queue, "mine") == SyncOutcome::kDone);
                    }
                    int mine = 0;
                    for (const std::string& text : world.TakeAll()) mine += text == "mine";
                    EXPECT(mine == 100);
                  }});
  HaltEverywhere({"put into a full ring", MakePlain<63>, ActPut, [](QueueWorld& world, bool) {
                    for (int i = 0; i < 100; i += 1) {
                      EXPECT(TryPut(*world.queue, "mine") == SyncOutcome::kDone);
                    }
                    int mine = 0;
                    for (const std::string& text : world.TakeAll()) mine += text == "mine";
                    EXPECT(mine == 100);
                  }});
  HaltEverywhere({"take", MakePlain<3>, ActTake<1>, [](QueueWorld& world, bool) {
                    for (int i = 0; i < 100; i += 1) {
                      EXPECT(TryPut(*world.queue, std::to_string(3 + i)) == SyncOutcome::kDone);
                    }
                    // The one that the child has taken is its own; one more is left for it.
                    Texts got;
                    for (int i = 0; i < 100; i += 1) got.push_back(Short(TryTake(*world.queue)));
                    for (size_t i = 1; i < got.size(); i += 1) {
                      EXPECT(std::stoi(got[i]) == std::stoi(got[i - 1]) + 1);
                    }
                  }});
  HaltEverywhere(
      {"say that one is done", MakeRedelivering<3>, ActTaskDone, [](QueueWorld& world, bool) {
         EXPECT(Short(TryTake(*world.queue)) == "2");
         EXPECT(world.queue->TaskDone());
         EXPECT(world.queue->Unfinished() == 1 || world.queue->Unfinished() == 2);
       }});
}

TEST_MAIN()
