// Pipes, and ends in messages, halted before and after every step that others can see: they go on,
// and what was sent, received or closed late is so once.

#include "pipe_step_ends.h"
#include "queue_step_acts.h"

using namespace mp;
using namespace mp::test;

namespace {

bool SendEnd(MessageQueue& queue, const ObjectRef& end) {
  Status error;
  return queue.TryPut(StageEnd(queue, end).block, &error) == SyncOutcome::kDone;
}
void ThroughIt(QueueWorld& world, const EndPtr& end) {
  EXPECT(TryPut(*end->out(), "through it") == SyncOutcome::kDone);
  EXPECT(TryTake(*world.other.left->in()) == "through it");
}
bool OtherIsClosed(const QueueWorld& world) {
  return world.other.left->in()->Look() == SyncOutcome::kClosed;
}
}  // namespace

TEST(MessagesHalted) {
  HaltEverywhere({"send to one that waits", MakePipe,
                  [](QueueWorld& world, MessageSpace& space) {
                    EndPtr right = OpenEnd(space, world.pipe.right->ref());
                    const StagedMessage staged = StageText(*right->out(), "new");
                    Status error;
                    StepFromHere();
                    if (right->out()->TryPut(staged.block, &error) != SyncOutcome::kDone) _exit(1);
                    StepToHere();
                  },
                  AsleepOrServed,
                  [](QueueWorld& world) {
                    world.pipe.right.reset();
                    world.WaitAt(*world.pipe.left->in(), QueueRequest::Kind::kPoll);
                  },
                  [](QueueWorld& world) {
                    if (world.waiting.outcome == SyncOutcome::kPending) world.Woken();
                    EXPECT(world.waiting.outcome == SyncOutcome::kDone);
                    EXPECT(TryTake(*world.pipe.left->in()) == "new");
                    EXPECT(world.pipe.left->in()->Look() == SyncOutcome::kClosed);
                    EverythingGone(world);
                  }});
  HaltEverywhere({"receive to the end of the stream", MakePipe,
                  [](QueueWorld& world, MessageSpace& space) {
                    space.pool();
                    EndPtr right = OpenEnd(space, world.pipe.right->ref());
                    StepFromHere();
                    for (int i = 0; i < 2; i += 1) {
                      if (Short(TryTake(*right->in())) != std::to_string(i)) _exit(1);
                    }
                    StepToHere();
                    Until([&] { return right->in()->Look() == SyncOutcome::kClosed; });
                    if (!TryTake(*right->in()).empty()) _exit(2);
                  },
                  // The other side closes, behind what it has sent.
                  [](QueueWorld& world, bool) { world.pipe = {}; },
                  [](QueueWorld& world) {
                    TryPut(*world.pipe.left->out(), Long(0));
                    TryPut(*world.pipe.left->out(), Long(1));
                    world.pipe.right.reset();
                  },
                  EverythingGone});
  HaltEverywhere({"send where nobody is left, or somebody", MakePipe,
                  [](QueueWorld& world, MessageSpace& space) {
                    EndPtr right = OpenEnd(space, world.pipe.right->ref());
                    const StagedMessage staged = StageText(*right->out(), "new");
                    Status error;
                    StepFromHere();
                    const SyncOutcome outcome = right->out()->TryPut(staged.block, &error);
                    StepToHere();
                    if (outcome == SyncOutcome::kBroken) right->out()->Drop(staged);
                    if (outcome == SyncOutcome::kPending) _exit(1);
                  },
                  [](QueueWorld& world, bool) { world.pipe = {}; }, NothingOf, EverythingGone});
}

TEST(MakeHalted) {
  // Others make pipes and give them up meanwhile.
  HaltEverywhere({"make a pipe", MakePipe,
                  [](QueueWorld&, MessageSpace& space) {
                    StepFromHere();
                    auto made = PipeEnd::MakePair(&space, true);
                    StepToHere();
                    if (!made.ok()) _exit(1);
                    PipeEnd::Pair& pair = made.value();
                    if (TryPut(*pair.left->out(), "there") != SyncOutcome::kDone) _exit(2);
                    if (TryTake(*pair.right->in()) != "there") _exit(3);
                    pair.left.reset();
                    if (pair.right->in()->Look() != SyncOutcome::kClosed) _exit(4);
                    if (TryPut(*pair.right->out(), "nobody") != SyncOutcome::kBroken) _exit(5);
                  },
                  [](QueueWorld& world, bool) {
                    for (int i = 0; i < 3; i += 1) {
                      auto made = PipeEnd::MakePair(world.reaper.get(), i != 1);
                      if (!EXPECT(made.ok())) return;
                      world.other = std::move(made.value());
                      EXPECT(TryPut(*world.other.right->out(), "through it") == SyncOutcome::kDone);
                      EXPECT(TryTake(*world.other.left->in()) == "through it");
                      world.other = {};
                    }
                    EXPECT(TryPut(*world.pipe.left->out(), "there") == SyncOutcome::kDone);
                    EXPECT(TryTake(*world.pipe.right->in()) == "there");
                  },
                  NothingOf, EverythingGone});
}

TEST(CloseHalted) {
  HaltEverywhere({"close an end for one that waits for messages", MakePipe, ActCloseEnd,
                  AsleepOrServed,
                  [](QueueWorld& world) {
                    world.pipe.right.reset();
                    world.WaitAt(*world.pipe.left->in(), QueueRequest::Kind::kPoll);
                  },
                  [](QueueWorld& world) {
                    ServedInTheEnd(world, SyncOutcome::kClosed);
                    EverythingGone(world);
                  }});
  HaltEverywhere({"close an end for one that waits for room",
                  [](QueueWorld& world) {
                    MakePipe(world);
                    TryPut(*world.pipe.left->out(), std::string(kPipeBytes, 'x'));
                  },
                  ActCloseEnd, AsleepOrServed,
                  [](QueueWorld& world) {
                    world.pipe.right.reset();
                    world.waiting.wanted.length = 1;
                    world.WaitAt(*world.pipe.left->out(), QueueRequest::Kind::kRoom);
                  },
                  [](QueueWorld& world) {
                    ServedInTheEnd(world, SyncOutcome::kBroken);
                    EverythingGone(world);
                  }});
  // Both go, the one here and the other one there.
  HaltEverywhere({"close an end while the other goes", MakePipe, ActCloseEnd,
                  [](QueueWorld& world, bool) { world.pipe = {}; }, NothingOf, EverythingGone});
}

TEST(EndsInMessagesHalted) {
  HaltEverywhere({"send an end", MakePipes,
                  [](QueueWorld& world, MessageSpace& space) {
                    EndPtr right = OpenEnd(space, world.pipe.right->ref());
                    EndPtr sent = OpenEnd(space, world.other.right->ref());
                    const StagedMessage staged = StageEnd(*right->out(), sent->ref());
                    Status error;
                    StepFromHere();
                    if (right->out()->TryPut(staged.block, &error) != SyncOutcome::kDone) _exit(1);
                    StepToHere();
                  },
                  [](QueueWorld& world, bool) {
                    // It is open here, there or on its way, all the time.
                    EXPECT(!OtherIsClosed(world));
                    EXPECT(TryPut(*world.other.left->out(), "first") == SyncOutcome::kDone);
                  },
                  [](QueueWorld& world) { world.other.right.reset(); },
                  [](QueueWorld& world) {
                    std::vector<EndPtr> ends;
                    EXPECT(TakeEnds(*world.getter, *world.pipe.left->in(), &ends) == 1);
                    if (!EXPECT(ends.size() == 1)) return;
                    EXPECT(TryTake(*ends[0]->in()) == "first");
                    ThroughIt(world, ends[0]);
                    ends.clear();
                    EXPECT(OtherIsClosed(world));
                    EverythingGone(world);
                  }});
  HaltEverywhere({"receive an end",
                  [](QueueWorld& world) {
                    MakePipes(world);
                    EXPECT(SendEnd(*world.pipe.left->out(), world.other.right->ref()));
                    world.other.right.reset();
                  },
                  [](QueueWorld& world, MessageSpace& space) {
                    space.pool();
                    EndPtr right = OpenEnd(space, world.pipe.right->ref());
                    std::vector<EndPtr> ends;
                    StepFromHere();
                    if (TakeEnds(space, *right->in(), &ends) != 1 || ends.size() != 1) _exit(1);
                    StepToHere();
                    if (TryTake(*ends[0]->in()) != "first") _exit(2);
                    if (TryPut(*ends[0]->out(), "back") != SyncOutcome::kDone) _exit(3);
                  },
                  [](QueueWorld& world, bool) {
                    EXPECT(!OtherIsClosed(world));
                    EXPECT(TryPut(*world.other.left->out(), "first") == SyncOutcome::kDone);
                  },
                  NothingOf,
                  [](QueueWorld& world) {
                    EXPECT(TryTake(*world.other.left->in()) == "back");
                    EXPECT(OtherIsClosed(world));
                    EverythingGone(world);
                  }});
  // Of two messages with the same end: the one that others take must not count for the child's.
  HaltEverywhere({"receive an end that another receives too",
                  [](QueueWorld& world) {
                    MakePipes(world);
                    for (int i = 0; i < 2; i += 1) {
                      EXPECT(SendEnd(*world.pipe.left->out(), world.other.right->ref()));
                    }
                    world.other.right.reset();
                  },
                  [](QueueWorld& world, MessageSpace& space) {
                    space.pool();
                    EndPtr right = OpenEnd(space, world.pipe.right->ref());
                    std::vector<EndPtr> ends;
                    StepFromHere();
                    const uint32_t taken = TakeEnds(space, *right->in(), &ends);
                    ends.clear();
                    StepToHere();
                    if (taken != 1) _exit(1);
                  },
                  [](QueueWorld& world, bool) {
                    std::vector<EndPtr> ends;
                    EXPECT(TakeEnds(*world.getter, *world.pipe.right->in(), &ends) == 1);
                    if (EXPECT(ends.size() == 1)) ThroughIt(world, ends[0]);
                  },
                  NothingOf,
                  [](QueueWorld& world) {
                    EXPECT(TryTake(*world.pipe.right->in()).empty());
                    EXPECT(OtherIsClosed(world));
                    EverythingGone(world);
                  }});
}

TEST_MAIN()
