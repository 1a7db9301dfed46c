// Pipes that are full, and whoever receives, for those who wait for room in an event loop or
// asleep: killed and halted at every step.

#include "pipe_step_acts.h"
#include "step_sleeper.h"

using namespace mp;
using namespace mp::test;

namespace {

using Make = void (*)(QueueWorld&);
using Act = void (*)(QueueWorld&, MessageSpace&);

// In the getter's event loop.
template <size_t kLength>
void WaitForRoom(QueueWorld& world) {
  world.waiting.wanted.length = kLength;
  world.WaitAt(*world.pipe.right->out(), QueueRequest::Kind::kRoom);
}
// As soon as there is room the one that waits has been told.
template <size_t kLength>
void ToldOfRoom(QueueWorld& world) {
  while (world.queue->LookForRoom(kLength) == SyncOutcome::kPending) {
    EXPECT(world.Woken() == SyncOutcome::kPending);
    world.Sleep();
    if (!EXPECT(TakeOne(world))) return;
  }
  if (world.waiting.outcome == SyncOutcome::kPending) world.Woken();
  EXPECT(world.waiting.outcome == SyncOutcome::kDone);
  EXPECT(PutOfLength(*world.pipe.right->out(), "new", kLength) == SyncOutcome::kDone);
}
// What the child has not seen is there, in order, and then what there was room for.
void UnseenAndNew(QueueWorld& world) {
  while (TakeOne(world)) {
  }
  const int first = there + 1 - static_cast<int>(got.size());
  EXPECT(first >= 0 && first <= world.seen->load());
  for (int i = first; i < there; i += 1) EXPECT(got[i - first] == std::to_string(i));
  EXPECT(!got.empty() && got.back() == "new");
  world.Gone();
}

// Room for the one that waits comes with the child's take, or with those of others.
template <size_t kLength>
void Receives(const char* what, Make make, Act act) {
  KillEverywhere({what, make, act,
                  [](QueueWorld& world, bool) {
                    ToldOfRoom<kLength>(world);
                    UnseenAndNew(world);
                  },
                  WaitForRoom<kLength>});
  HaltEverywhere({what, make, act, AsleepOrServed, WaitForRoom<kLength>, [](QueueWorld& world) {
                    ToldOfRoom<kLength>(world);
                    UnseenAndNew(world);
                  }});
}

Sleeper sleeper;
template <size_t kLength>
void Sleep(QueueWorld& world) {
  sleeper = FallAsleep(*world.segment, 4, [&] {
    auto space = JoinMessages(world.segment);
    EndPtr right = OpenEnd(*space, world.pipe.right->ref());
    QueueRequest request;
    request.kind = QueueRequest::Kind::kRoom;
    request.length = kLength;
    const SyncOutcome outcome = right->out()->RunSync(&request, kNever);
    if (outcome != SyncOutcome::kDone) return 1;
    return PutOfLength(*right->out(), "new", kLength) == SyncOutcome::kDone ? 0 : 2;
  });
}

}  // namespace

TEST(ReceiveSteps) {
  Receives<kShort>("receive from a full pipe", MakeFilled<kPipeMessages>, ActReceive<1>);
  Receives<kShort>("receive several from a full pipe", MakeFilled<kPipeMessages>, ActReceive<3>);
  Receives<2 * kQuarter>("receive from a pipe that has gone round, too little for who waits",
                         MakeGoneRound<4, kQuarter>, ActReceive<1>);
  Receives<2 * kQuarter>("receive several from a pipe that has gone round",
                         MakeGoneRound<4, kQuarter>, ActReceive<3>);
  Receives<kShort>("receive what is longer than the bound", MakeGoneRound<1, 2 * kPipeBytes>,
                   ActReceive<1>);
}

TEST(ReceiveForASleeper) {
  KillEverywhere({"receive for one who is asleep until there is room", MakeFilled<4, kQuarter>,
                  ActReceive<1>,
                  [](QueueWorld& world, bool) {
                    if (world.queue->LookForRoom(kShort) == SyncOutcome::kPending) TakeOne(world);
                    EXPECT(WasRung(*world.segment, sleeper));
                    EXPECT(CodeOf(sleeper) == 0);
                    UnseenAndNew(world);
                  },
                  Sleep<kShort>});
  HaltEverywhere({"receive for one who is asleep until there is room", MakeFilled<4, kQuarter>,
                  ActReceive<1>, [](QueueWorld&, bool) {}, Sleep<kShort>,
                  [](QueueWorld& world) {
                    EXPECT(WasRung(*world.segment, sleeper));
                    EXPECT(CodeOf(sleeper) == 0);
                    ReapToTheEnd(world);
                    UnseenAndNew(world);
                  },
                  true});
}

// Nobody else reads: there is room, or the pipe is broken.
TEST(LastReaderSteps) {
  const auto wait = [](QueueWorld& world) {
    WaitForRoom<kShort>(world);
    GiveUpReader(world);
  };
  KillEverywhere(
      {"the last one to read receives from a full pipe", MakeFilled<4, kQuarter>, ActReceive<1>,
       [](QueueWorld& world, bool) {
         EXPECT(world.Woken() == SyncOutcome::kBroken);
         EXPECT(PutOfLength(*world.pipe.right->out(), "new", kShort) == SyncOutcome::kBroken);
         world.Gone();
       },
       wait});
  HaltEverywhere({"the last one to read receives from a full pipe", MakeFilled<4, kQuarter>,
                  ActReceive<1>, AsleepOrServed, wait, [](QueueWorld& world) {
                    const bool was_served = world.waiting.outcome != SyncOutcome::kPending;
                    ServedInTheEnd(world, was_served ? SyncOutcome::kDone : SyncOutcome::kBroken);
                    world.Gone();
                  }});
}

TEST_MAIN()
