// Whoever puts, takes, waits or closes, halted before and after every step that
// others can see: they go on, the ring goes round meanwhile, and what is done late is done once.

#include "queue_step_acts.h"

using namespace mp;
using namespace mp::test;

namespace {

constexpr int kLap = 70;  // more than a ring has slots
constexpr uint64_t kBound = 4;

// With slots that were all filled before.
template <int kMessages>
void MakeWrapped(QueueWorld& world) {
  world.Make({kBound});
  for (int i = 0; i < kLap + 5; i += 1) {
    TryPut(*world.queue, "before");
    if (TryTake(*world.queue) != "before") _exit(1);
  }
  for (int i = 0; i < kMessages; i += 1) TryPut(*world.queue, Long(i));
}

// All that others have put and got while the child was halted.
Texts got;
int put = 0;
// A lap goes by. One is there at the end.
void Lap(QueueWorld& world) {
  for (int i = 0; i < kLap; i += 1) {
    put += TryPut(*world.queue, "lap " + std::to_string(i)) == SyncOutcome::kDone;
    const std::string text = Short(TryTake(*world.queue));
    if (!text.empty()) got.push_back(text);
  }
  put += TryPut(*world.queue, "last") == SyncOutcome::kDone;
}
template <int kMessages>
void LapGoesBy(QueueWorld& world, bool) {
  got.clear();
  put = kMessages;
  Lap(world);
}
// Each is somebody's once, the child's `seen` with those of the others.
void EachOnce(QueueWorld& world) {
  for (const std::string& text : world.TakeAll()) got.push_back(text);
  EXPECT(static_cast<int>(got.size()) + world.seen->load() == put);
  while (world.queue->TaskDone()) {
  }
  world.Gone();
}

// Says whether there was room for it.
void ActPutIfRoom(QueueWorld& world, MessageSpace& space) {
  QueuePtr queue = OpenQueue(space, world.queue->ref());
  const StagedMessage staged = StageText(*queue, "new");
  Status error;
  StepFromHere();
  const SyncOutcome outcome = queue->TryPut(staged.block, &error);
  StepToHere();
  if (outcome == SyncOutcome::kPending) queue->Drop(staged);
  // As a message that the child has put, and not got.
  world.seen->store(outcome == SyncOutcome::kDone ? -1 : 0);
}
// The child's comes once, if there was room, and never are there more than there may be.
template <int kMessages>
void NewOnce(QueueWorld& world) {
  EXPECT(world.queue->Size() <= kBound);
  EachOnce(world);
}

void ActPutTwo(QueueWorld& world, MessageSpace& space) {
  QueuePtr queue = OpenQueue(space, world.queue->ref());
  StagedMessage staged[2];
  for (StagedMessage& each : staged) each = StageText(*queue, "new");
  Status error;
  int done = 0;
  StepFromHere();
  for (const StagedMessage& each : staged) {
    if (queue->Publish(each.block, &error) != SyncOutcome::kDone) break;
    done += 1;
  }
  queue->TellGetters(static_cast<uint32_t>(done));
  StepToHere();
  for (int i = done; i < 2; i += 1) queue->Drop(staged[i]);
  world.seen->store(-done);
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

void AsleepOrServed(QueueWorld& world, bool) {
  if (world.Woken() == SyncOutcome::kPending) world.Sleep();
}
void ServedInTheEnd(QueueWorld& world, SyncOutcome expected) {
  if (world.waiting.outcome == SyncOutcome::kPending) world.Woken();
  EXPECT(world.waiting.outcome == expected);
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
  HaltEverywhere({"put two where a lap goes by", MakeWrapped<1>, ActPutTwo, LapGoesBy<1>, NothingOf,
                  NewOnce<1>});
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
