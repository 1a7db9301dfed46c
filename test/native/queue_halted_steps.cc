// Whoever puts, takes, waits or closes, halted before and after every step that
// others can see: they go on, the ring goes round meanwhile, and what is done late is done once.

#include "queue_step_acts.h"

using namespace mp;
using namespace mp::test;

namespace {

// The child's comes once, if there was room, and never are there more than there may be.
template <int kMessages>
void NewOnce(QueueWorld& world) {
  EXPECT(world.queue->Size() <= kBound);
  EachOnce(world);
}

void ActGetSync(QueueWorld& world, MessageSpace& space) {
  QueuePtr queue = OpenQueue(space, world.queue->ref());
  QueueRequest request;
  request.kind = QueueRequest::Kind::kGet;
  StepFromHere();
  if (queue->RunSync(&request, kNever) != SyncOutcome::kDone) _exit(1);
  StepToHere();
}
void ActPutSync(QueueWorld& world, MessageSpace& space) {
  QueuePtr queue = OpenQueue(space, world.queue->ref());
  QueueRequest request;
  request.kind = QueueRequest::Kind::kPut;
  request.staged = StageText(*queue, "new").block;
  StepFromHere();
  if (queue->RunSync(&request, kNever) != SyncOutcome::kDone) _exit(1);
  StepToHere();
}

void WaitAndCancel(QueueWorld& world, QueueRequest::Kind kind) {
  QueueWaiter gone;
  gone.wanted.kind = kind;
  gone.wanted.length = 1;
  EXPECT(world.queue->RunAsync(&gone) == SyncOutcome::kPending);
  EXPECT(gone.object->Cancel(&gone));
}
void MakeEmptyWaitedFor(QueueWorld& world) {
  MakePlain<0>(world);
  world.WaitFor(QueueRequest::Kind::kGet);
}

}  // namespace

TEST(PutHalted) {
  HaltEverywhere({"put where a lap goes by", MakeWrapped<0>, ActPutIfRoom, LapGoesBy<0>, NothingOf,
                  NewOnce<0>});
  HaltEverywhere({"put the last one that fits, where a lap goes by", MakeWrapped<3>, ActPutIfRoom,
                  LapGoesBy<3>, NothingOf, NewOnce<3>});
  HaltEverywhere({"put two where a lap goes by", MakeWrapped<1>, ActPutSeveral<2>, LapGoesBy<1>,
                  NothingOf, NewOnce<1>});
  HaltEverywhere({"put for one that waits", MakeEmptyWaitedFor, ActPut, AsleepOrServed, NothingOf,
                  [](QueueWorld& world) {
                    ServedInTheEnd(world, SyncOutcome::kDone);
                    EXPECT(world.TakeAll().empty());
                    world.Gone();
                  }});
  HaltEverywhere({"put, bounded in bytes",
                  [](QueueWorld& world) {
                    world.Make({0, 8});
                    TryPut(*world.queue, "0");
                  },
                  ActPutIfRoom,
                  [](QueueWorld& world, bool) {
                    got.clear();
                    put = 1;
                    for (int i = 0; i < 10; i += 1) {
                      put += TryPut(*world.queue, "mine") == SyncOutcome::kDone;
                      if (i % 2 == 0) continue;
                      const std::string text = TryTake(*world.queue);
                      if (!text.empty()) got.push_back(text);
                    }
                  },
                  NothingOf,
                  [](QueueWorld& world) {
                    uint64_t bytes = 0;
                    for (const std::string& text : world.TakeAll()) {
                      got.push_back(text);
                      bytes += text.size();
                    }
                    EXPECT(bytes <= 8);
                    EachOnce(world);
                  }});
}

TEST(TakeHalted) {
  HaltEverywhere({"take two where a lap goes by", MakeWrapped<4>, ActTake<2>, LapGoesBy<4>,
                  NothingOf, EachOnce});
  HaltEverywhere({"take one where a lap goes by", MakeWrapped<1>, ActTake<1>, LapGoesBy<1>,
                  NothingOf, EachOnce});
  HaltEverywhere({"take two that are kept", MakeRedelivering<3>,
                  [](QueueWorld& world, MessageSpace& space) {
                    space.pool();
                    QueuePtr queue = OpenQueue(space, world.queue->ref());
                    StepFromHere();
                    const uint32_t count = queue->TryTake(2, [&](const std::byte*, uint64_t) {
                      world.seen->store(world.seen->load() + 1);
                    });
                    StepToHere();
                    for (uint32_t i = 0; i < count; i += 1) queue->TaskDone();
                  },
                  [](QueueWorld& world, bool) {
                    got.clear();
                    put = 3;
                    Lap(world);
                  },
                  NothingOf, EachOnce});
  HaltEverywhere({"take for one that waits for room",
                  [](QueueWorld& world) {
                    world.Make({1});
                    TryPut(*world.queue, "0");
                    world.waiting.wanted.kind = QueueRequest::Kind::kPut;
                    world.waiting.wanted.staged = StageText(*world.queue, "1").block;
                    world.queue->RunAsync(&world.waiting);
                    world.Sleep();
                  },
                  ActTake<1>, AsleepOrServed, NothingOf,
                  [](QueueWorld& world) {
                    ServedInTheEnd(world, SyncOutcome::kDone);
                    EXPECT(world.TakeAll() == Texts{"1"});
                    world.Gone();
                  }});
}

// What comes meanwhile is there when the child goes on, and another one does not wait for it.
TEST(WaitersHalted) {
  HaltEverywhere({"get from an empty queue", MakePlain<0>, ActGetSync,
                  [](QueueWorld& world, bool) { TryPut(*world.queue, "new"); }, NothingOf,
                  [](QueueWorld& world) {
                    EXPECT(world.TakeAll().empty());
                    world.Gone();
                  }});
  HaltEverywhere({"get beside another that waits", MakePlain<0>, ActGetSync,
                  [](QueueWorld& world, bool) {
                    TryPut(*world.queue, "one");
                    TryPut(*world.queue, "two");
                    // One of the two wake-ups is its own.
                    EXPECT(world.Woken() == SyncOutcome::kDone);
                  },
                  [](QueueWorld& world) { world.WaitFor(QueueRequest::Kind::kGet); },
                  [](QueueWorld& world) {
                    EXPECT(world.TakeAll().empty());
                    world.Gone();
                  }});
  HaltEverywhere({"wait for room",
                  [](QueueWorld& world) {
                    world.Make({1});
                    TryPut(*world.queue, "0");
                  },
                  ActPutSync, [](QueueWorld& world, bool) { EXPECT(TryTake(*world.queue) == "0"); },
                  NothingOf,
                  [](QueueWorld& world) {
                    EXPECT(world.TakeAll() == Texts{"new"});
                    world.Gone();
                  }});
}

// Somebody may wait there, says the set's word, and nobody does: the child takes that back.
// Meanwhile somebody has what it brought, and another one comes to wait, who is told of the next
// all the same.
TEST(NobodyWaitsAnyMore) {
  HaltEverywhere({"put where nobody waits any more", MakePlain<0>, ActPut,
                  [](QueueWorld& world, bool over) {
                    if (over) return;
                    if (TryTake(*world.queue) == "new") world.WaitFor(QueueRequest::Kind::kGet);
                  },
                  [](QueueWorld& world) { WaitAndCancel(world, QueueRequest::Kind::kGet); },
                  [](QueueWorld& world) {
                    EXPECT(world.TakeAll().size() == (world.waiting.object == nullptr ? 1 : 0));
                    world.Gone();
                  },
                  false,
                  [](QueueWorld& world) {
                    if (world.waiting.object == nullptr) return;
                    QueuePtr theirs = OpenQueue(*world.reaper, world.queue->ref());
                    EXPECT(TryPut(*theirs, "mine") == SyncOutcome::kDone);
                    EXPECT(world.Woken() == SyncOutcome::kDone && world.rung);
                  }});
  HaltEverywhere({"take where nobody waits for room any more",
                  [](QueueWorld& world) {
                    world.Make({1});
                    TryPut(*world.queue, "0");
                  },
                  ActTake<1>,
                  [](QueueWorld& world, bool over) {
                    if (over) return;
                    QueuePtr theirs = OpenQueue(*world.reaper, world.queue->ref());
                    if (TryPut(*theirs, "mine") == SyncOutcome::kDone) {
                      world.WaitFor(QueueRequest::Kind::kRoom);
                    }
                  },
                  [](QueueWorld& world) { WaitAndCancel(world, QueueRequest::Kind::kRoom); },
                  [](QueueWorld& world) {
                    EXPECT(world.TakeAll().empty());
                    world.Gone();
                  },
                  false,
                  [](QueueWorld& world) {
                    if (world.waiting.object == nullptr) return;
                    QueuePtr theirs = OpenQueue(*world.reaper, world.queue->ref());
                    EXPECT(TryTake(*theirs) == "mine");
                    EXPECT(world.Woken() == SyncOutcome::kDone && world.rung);
                  }});
}

TEST(EndsHalted) {
  HaltEverywhere({"the last one to put closes its side", MakeForOneToPut, ActCloseSide,
                  AsleepOrServed,
                  [](QueueWorld& world) { world.WaitFor(QueueRequest::Kind::kGet); },
                  [](QueueWorld& world) { ServedInTheEnd(world, SyncOutcome::kClosed); }});
  HaltEverywhere({"the last handle goes while another opens it",
                  [](QueueWorld& world) { MakePlain<2>(world); },
                  [](QueueWorld& world, MessageSpace& space) {
                    QueuePtr queue = OpenQueue(space, world.queue->ref());
                    StepFromHere();
                    queue.reset();
                    StepToHere();
                  },
                  [](QueueWorld& world, bool) {
                    // It goes with all that is in it, or stays with all of it.
                    auto opened = world.reaper->Open<MessageQueue>(world.queue->ref());
                    world.queue.reset();
                    if (opened.ok()) EXPECT(Short(TryTake(*opened.value())) == "0");
                  },
                  NothingOf,
                  [](QueueWorld& world) {
                    world.CleanedUp();
                    EXPECT(MessagesIn(*world.segment) == 0);
                    EXPECT(BlocksIn(*world.segment, BlockState::kAttached) == 0);
                    EXPECT(PlacesInUse(*world.segment) <= 0);
                  }});
}

TEST_MAIN()
