// Those who are blocked at a queue, asleep, and whoever brings what they wait for killed and halted
// at every step.

#include "queue_step_acts.h"
#include "step_sleeper.h"

using namespace mp;
using namespace mp::test;

namespace {

Sleeper sleeper;
// With the outcome as its exit code.
template <QueueRequest::Kind kKind>
void Sleep(QueueWorld& world) {
  sleeper = FallAsleep(*world.segment, 4, [&] {
    auto space = JoinMessages(world.segment);
    QueuePtr queue = OpenQueue(*space, world.queue->ref());
    QueueRequest request;
    request.kind = kKind;
    if (kKind == QueueRequest::Kind::kPut) request.staged = StageText(*queue, "theirs").block;
    const SyncOutcome outcome = queue->RunSync(&request, kNever);
    if (kKind == QueueRequest::Kind::kGet && queue->Keeps()) queue->TaskDone();
    return static_cast<int>(outcome);
  });
}
void EndsWith(SyncOutcome outcome) {
  EXPECT(CodeOf(sleeper) == static_cast<int>(outcome));
}
void RungInTheEnd(const QueueWorld& world, SyncOutcome outcome) {
  EXPECT(WasRung(*world.segment, sleeper));
  EndsWith(outcome);
}
void Goes(QueueWorld& world, const Texts& left) {
  EXPECT(world.TakeAll() == left);
  while (world.queue->TaskDone()) {
  }
  ReapToTheEnd(world);
  world.Gone();
}
void WhileHalted(QueueWorld&, bool) {}

void MakeFull(QueueWorld& world) {
  world.Make({1});
  TryPut(*world.queue, "0");
}
void MakeUnfinished(QueueWorld& world) {
  world.Make(kCounts);
  TryPut(*world.queue, "0");
}
void ActFinish(QueueWorld& world, MessageSpace& space) {
  QueuePtr queue = OpenQueue(space, world.queue->ref());
  if (TryTake(*queue) != "0") _exit(1);
  StepFromHere();
  if (!queue->TaskDone()) _exit(2);
  StepToHere();
}

}  // namespace

TEST(PutForASleeper) {
  KillEverywhere({"put for one who is asleep", MakePlain<0>, ActPut,
                  [](QueueWorld& world, bool over) {
                    // The one of the two, and the other one is left.
                    EXPECT(TryPut(*world.queue, "after") == SyncOutcome::kDone);
                    EndsWith(SyncOutcome::kDone);
                    const Texts left = world.TakeAll();
                    EXPECT(left.size() == 1 || (left.empty() && !over));
                    ReapToTheEnd(world);
                    world.Gone();
                  },
                  Sleep<QueueRequest::Kind::kGet>});
  HaltEverywhere({"put for one who is asleep", MakePlain<0>, ActPut, WhileHalted,
                  Sleep<QueueRequest::Kind::kGet>,
                  [](QueueWorld& world) {
                    RungInTheEnd(world, SyncOutcome::kDone);
                    Goes(world, {});
                  },
                  true});
}

TEST(TakeForASleeper) {
  KillEverywhere({"take for one who is asleep until there is room", MakeFull, ActTake<1>,
                  [](QueueWorld& world, bool over) {
                    const std::string first = TryTake(*world.queue);
                    EXPECT(first == "0" ? !over : first.empty() || first == "theirs");
                    EndsWith(SyncOutcome::kDone);
                    const Texts left = world.TakeAll();
                    EXPECT(left.size() == (first == "theirs" ? 0 : 1));
                    ReapToTheEnd(world);
                    world.Gone();
                  },
                  Sleep<QueueRequest::Kind::kPut>});
  HaltEverywhere({"take for one who is asleep until there is room", MakeFull, ActTake<1>,
                  WhileHalted, Sleep<QueueRequest::Kind::kPut>,
                  [](QueueWorld& world) {
                    RungInTheEnd(world, SyncOutcome::kDone);
                    Goes(world, {"theirs"});
                  },
                  true});
}

TEST(FinishForASleeper) {
  KillEverywhere({"the last one is done, for one who is asleep", MakeUnfinished, ActFinish,
                  [](QueueWorld& world, bool) {
                    // Done by the child, or counted because it is dead.
                    EndsWith(SyncOutcome::kDone);
                    EXPECT(world.queue->Unfinished() == 0);
                    Goes(world, {});
                  },
                  Sleep<QueueRequest::Kind::kJoin>});
  HaltEverywhere({"the last one is done, for one who is asleep", MakeUnfinished, ActFinish,
                  WhileHalted, Sleep<QueueRequest::Kind::kJoin>,
                  [](QueueWorld& world) {
                    RungInTheEnd(world, SyncOutcome::kDone);
                    Goes(world, {});
                  },
                  true});
}

// A sleeper that could put would be one more.
TEST(CloseForASleeper) {
  const auto sleep = [](QueueWorld& world) {
    sleeper = FallAsleep(*world.segment, 4, [&] {
      auto space = JoinMessages(world.segment);
      QueuePtr queue = OpenQueue(*space, world.queue->ref());
      queue->CloseSide();
      QueueRequest request;
      request.kind = QueueRequest::Kind::kGet;
      return static_cast<int>(queue->RunSync(&request, kNever));
    });
  };
  KillEverywhere({"the last one to put closes its side, for one who is asleep", MakeForOneToPut,
                  ActCloseSide,
                  [](QueueWorld& world, bool) {
                    EndsWith(SyncOutcome::kClosed);
                    Goes(world, {});
                  },
                  sleep});
  HaltEverywhere({"the last one to put closes its side, for one who is asleep", MakeForOneToPut,
                  ActCloseSide, WhileHalted, sleep,
                  [](QueueWorld& world) {
                    RungInTheEnd(world, SyncOutcome::kClosed);
                    Goes(world, {});
                  },
                  true});
}

TEST_MAIN()
