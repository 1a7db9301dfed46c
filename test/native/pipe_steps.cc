// Pipes, killed at every step: the other side sees the end of the stream, or the broken pipe, after
// what was sent; an end that is sent is open here or there, or closed; nothing stays.

#include "pipe_step_ends.h"

using namespace mp;
using namespace mp::test;

namespace {

std::vector<std::string> TakeAll(MessageQueue& queue) {
  std::vector<std::string> texts;
  while (queue.TryTake(1, [&](const std::byte* bytes, uint64_t length) {
    texts.push_back(Short({reinterpret_cast<const char*>(bytes), length}));
  }) > 0) {
  }
  return texts;
}

// The right end is closed: what it had sent comes first.
void LeftIsAlone(QueueWorld& world, const std::vector<std::string>& sent) {
  EXPECT(TakeAll(*world.pipe.left->in()) == sent);
  EXPECT(world.pipe.left->in()->Look() == SyncOutcome::kClosed);
  EXPECT(TryPut(*world.pipe.left->out(), "nobody") == SyncOutcome::kBroken);
  EverythingGone(world);
}
// While the child has the right end open: it alone has it from here on.
void GiveUpRight(QueueWorld& world) {
  world.pipe.right.reset();
}

}  // namespace

TEST(CloseSteps) {
  KillEverywhere({"the last one to have an end closes it, for one that waits for messages",
                  MakePipe, ActCloseEnd,
                  [](QueueWorld& world, bool) {
                    EXPECT(world.Woken() == SyncOutcome::kClosed);
                    LeftIsAlone(world, {});
                  },
                  [](QueueWorld& world) {
                    GiveUpRight(world);
                    world.WaitAt(*world.pipe.left->in(), QueueRequest::Kind::kPoll);
                  }});
  KillEverywhere({"the same, for one that waits for room",
                  [](QueueWorld& world) {
                    MakePipe(world);
                    TryPut(*world.pipe.left->out(), std::string(kPipeBytes, 'x'));
                  },
                  ActCloseEnd,
                  [](QueueWorld& world, bool) {
                    EXPECT(world.Woken() == SyncOutcome::kBroken);
                    LeftIsAlone(world, {"unread"});
                  },
                  [](QueueWorld& world) {
                    TryPut(*world.pipe.right->out(), "unread");
                    GiveUpRight(world);
                    world.waiting.wanted.length = 1;
                    world.WaitAt(*world.pipe.left->out(), QueueRequest::Kind::kRoom);
                  }});
  KillEverywhere({"both ends go", MakePipe,
                  [](QueueWorld& world, MessageSpace& space) {
                    EndPtr right = OpenEnd(space, world.pipe.right->ref());
                    EndPtr left = OpenEnd(space, world.pipe.left->ref());
                    StepFromHere();
                    right.reset();
                    left.reset();
                    StepToHere();
                  },
                  [](QueueWorld& world, bool) {
                    // Who dies between an end and its queues leaves nothing: they are in its
                    // ledger.
                    EverythingGone(world);
                  },
                  [](QueueWorld& world) { world.pipe = {}; }});
  KillEverywhere(
      {"a reader that is not the last one goes", MakePipe, ActCloseEnd,
       [](QueueWorld& world, bool) {
         EXPECT(world.Woken() == SyncOutcome::kPending);
         EXPECT(TryPut(*world.pipe.left->out(), "still read") == SyncOutcome::kDone);
         EXPECT(TryTake(*world.pipe.right->in()) == "still read");
         world.pipe.left->in()->Cancel(&world.waiting);
         EverythingGone(world);
       },
       [](QueueWorld& world) { world.WaitAt(*world.pipe.left->in(), QueueRequest::Kind::kPoll); }});
}

TEST(MakeSteps) {
  KillEverywhere({"make a pipe", NothingOf,
                  [](QueueWorld&, MessageSpace& space) {
                    StepFromHere();
                    auto made = PipeEnd::MakePair(&space, false);
                    if (!made.ok()) _exit(1);
                    StepToHere();
                  },
                  [](QueueWorld& world, bool) { EverythingGone(world); }});
}

TEST(MessageSteps) {
  KillEverywhere({"send",
                  [](QueueWorld& world) {
                    MakePipe(world);
                    TryPut(*world.pipe.right->out(), "before");
                  },
                  [](QueueWorld& world, MessageSpace& space) {
                    EndPtr right = OpenEnd(space, world.pipe.right->ref());
                    const StagedMessage staged = StageText(*right->out(), "new");
                    Status error;
                    StepFromHere();
                    right->out()->TryPut(staged.block, &error);
                    StepToHere();
                  },
                  [](QueueWorld& world, bool over) {
                    EXPECT(TryTake(*world.pipe.left->in()) == "before");
                    const auto got = TakeAll(*world.pipe.left->in());
                    EXPECT(got.size() == 1 || (got.empty() && !over));
                    LeftIsAlone(world, {});
                  },
                  GiveUpRight});
  KillEverywhere({"send with nobody at the other side", MakePipe,
                  [](QueueWorld& world, MessageSpace& space) {
                    EndPtr right = OpenEnd(space, world.pipe.right->ref());
                    const StagedMessage staged = StageText(*right->out(), "new");
                    Status error;
                    StepFromHere();
                    if (right->out()->TryPut(staged.block, &error) != SyncOutcome::kBroken)
                      _exit(1);
                    right->out()->Drop(staged);
                    StepToHere();
                  },
                  [](QueueWorld& world, bool) { EverythingGone(world); },
                  [](QueueWorld& world) { world.pipe = {}; }});
  KillEverywhere({"receive, and the end of the stream", MakePipe,
                  [](QueueWorld& world, MessageSpace& space) {
                    EndPtr right = OpenEnd(space, world.pipe.right->ref());
                    StepFromHere();
                    if (TakeAll(*right->in()).size() != 2) _exit(1);
                    if (right->in()->Look() != SyncOutcome::kClosed) _exit(2);
                    StepToHere();
                  },
                  [](QueueWorld& world, bool) { EverythingGone(world); },
                  [](QueueWorld& world) {
                    TryPut(*world.pipe.left->out(), Long(0));
                    TryPut(*world.pipe.left->out(), Long(1));
                    world.pipe = {};
                  }});
}

// An end that is sent is open at its sender, in the message, or at its receiver: never nowhere, and
// never for good.
TEST(TravelSteps) {
  const auto other_is_closed = [](QueueWorld& world) {
    return world.other.left->in()->Look() == SyncOutcome::kClosed;
  };
  KillEverywhere({"send an end and close it", MakePipes,
                  [](QueueWorld& world, MessageSpace& space) {
                    EndPtr right = OpenEnd(space, world.pipe.right->ref());
                    EndPtr sent = OpenEnd(space, world.other.right->ref());
                    const StagedMessage staged = StageEnd(*right->out(), sent->ref());
                    Status error;
                    StepFromHere();
                    if (right->out()->TryPut(staged.block, &error) != SyncOutcome::kDone) _exit(1);
                    sent.reset();
                    StepToHere();
                  },
                  [&](QueueWorld& world, bool over) {
                    std::vector<EndPtr> ends;
                    const uint32_t taken = TakeEnds(*world.getter, *world.pipe.left->in(), &ends);
                    EXPECT(taken == ends.size());
                    EXPECT(taken == 1 || !over);
                    if (taken == 1) {
                      EXPECT(TryPut(*ends[0]->out(), "through it") == SyncOutcome::kDone);
                      EXPECT(TryTake(*world.other.left->in()) == "through it");
                      ends.clear();
                    }
                    EXPECT(other_is_closed(world));
                    EverythingGone(world);
                  },
                  [](QueueWorld& world) {
                    GiveUpRight(world);
                    world.other.right.reset();
                  }});
  KillEverywhere({"receive an end",
                  [](QueueWorld& world) {
                    MakePipes(world);
                    const StagedMessage staged =
                        StageEnd(*world.pipe.left->out(), world.other.right->ref());
                    Status error;
                    world.pipe.left->out()->TryPut(staged.block, &error);
                    world.other.right.reset();
                  },
                  [](QueueWorld& world, MessageSpace& space) {
                    EndPtr right = OpenEnd(space, world.pipe.right->ref());
                    std::vector<EndPtr> ends;
                    StepFromHere();
                    if (TakeEnds(space, *right->in(), &ends) != 1) _exit(1);
                    StepToHere();
                  },
                  [&](QueueWorld& world, bool over) {
                    // Not taken, or put back: it carries the end still.
                    std::vector<EndPtr> ends;
                    if (TakeEnds(*world.getter, *world.pipe.right->in(), &ends) == 1) {
                      EXPECT(!over);
                      if (!EXPECT(ends.size() == 1)) return;
                      EXPECT(TryPut(*ends[0]->out(), "through it") == SyncOutcome::kDone);
                      EXPECT(TryTake(*world.other.left->in()) == "through it");
                      ends.clear();
                    }
                    EXPECT(other_is_closed(world));
                    EverythingGone(world);
                  }});
}

TEST(ReapSteps) {
  KillEverywhere({"look after the last one to have an end",
                  [](QueueWorld& world) {
                    MakePipe(world);
                    const pid_t dead = Start([&] {
                      auto space = JoinMessages(world.segment);
                      EndPtr right = OpenEnd(*space, world.pipe.right->ref());
                      kill(getpid(), SIGSTOP);
                      for (;;) pause();
                    });
                    int status = 0;
                    waitpid(dead, &status, WUNTRACED);
                    GiveUpRight(world);
                    KillAndWait(dead);
                  },
                  ActReap, [](QueueWorld& world, bool) { LeftIsAlone(world, {}); }});
}

TEST(HaltedSteps) {
  HaltEverywhere(
      {"close an end that others have", MakePipe, ActCloseEnd, [](QueueWorld& world, bool) {
         for (int i = 0; i < 10; i += 1) {
           EXPECT(TryPut(*world.pipe.left->out(), "there") == SyncOutcome::kDone);
           EXPECT(TryTake(*world.pipe.right->in()) == "there");
         }
       }});
  HaltEverywhere({"close an end", MakePipe, ActCloseEnd,
                  [](QueueWorld& world, bool over) {
                    EXPECT(TryTake(*world.pipe.left->in()) == "before");
                    const SyncOutcome sent = TryPut(*world.pipe.left->out(), "there");
                    EXPECT(sent == SyncOutcome::kBroken || (sent == SyncOutcome::kDone && !over));
                  },
                  [](QueueWorld& world) {
                    TryPut(*world.pipe.right->out(), "before");
                    GiveUpRight(world);
                  }});
}

TEST_MAIN()
