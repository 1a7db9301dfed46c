// Queues whose tail lags behind what somebody has put who is dead, or halted in between: killed and
// halted at every step.

#include <optional>

#include "queue_step_acts.h"

using namespace mp;
using namespace mp::test;

namespace {

uint64_t TailOf(const QueueWorld& world) {
  const auto* const place = world.segment->ObjectAt<SharedQueue>(world.queue->ref().offset);
  return place->main.tail.load();
}

// Between the slot and the tail; counted at once. Nobody has looked after it.
std::optional<Stepped> putter;
template <int kMessages>
void MakeHeldUp(QueueWorld& world) {
  MakeRedelivering<kMessages>(world);
  putter.emplace([&] {
    auto space = JoinMessages(world.segment);
    QueuePtr queue = OpenQueue(*space, world.queue->ref());
    const StagedMessage staged = StageText(*queue, Long(kMessages));
    Status error;
    StepFromHere();
    queue->TryPut(staged.block, &error);
    StepToHere();
  });
  while (world.queue->Size() == kMessages) {
    if (putter->Step(1) != StepEnd::kHalted) _exit(2);
  }
  EXPECT(TailOf(world) == kMessages);
  EXPECT(world.queue->Unfinished() == kMessages + 1);
}
template <int kMessages>
void MakeLagging(QueueWorld& world) {
  MakeHeldUp<kMessages>(world);
  putter->Kill();
}
// The putter too, at last.
void EachOnceWithThePutter(QueueWorld& world) {
  putter->Continue();
  EXPECT(putter->Reap() == 0);
  EachOnce(world);
}
// The dead are looked after while the child is halted.
template <int kMessages>
void ReapAndLap(QueueWorld& world, bool over) {
  world.reaper->reaper().Run();
  LapGoesBy<kMessages>(world, over);
}

}  // namespace

TEST(LaggingSteps) {
  KillEverywhere({"put behind a tail that lags", MakeLagging<1>, ActPut, AllAndPerhapsNew<2>});
  KillEverywhere({"take with a tail that lags", MakeLagging<0>, ActTake<1>, AllComesBack<1>});
  KillEverywhere(
      {"say that one is done with a tail that lags", MakeLagging<1>, ActTaskDone, AllComesBack<2>});
}

// Behind somebody dead, who is looked after meanwhile.
TEST(LaggingHalted) {
  HaltEverywhere({"put behind a tail that lags", MakeLagging<1>, ActPutIfRoom, ReapAndLap<2>,
                  NothingOf, EachOnce, true});
  HaltEverywhere({"take with a tail that lags, and be done", MakeLagging<1>, ActTakeAndFinish<2>,
                  ReapAndLap<2>, NothingOf, EachOnce, true});
}

// Two are halted, at this step and at that: the others go on, and then the one, and then the other.
TEST(HeldUpHalted) {
  HaltEverywhere({"put behind somebody who is halted", MakeHeldUp<1>, ActPutIfRoom, LapGoesBy<2>,
                  NothingOf, EachOnceWithThePutter});
  HaltEverywhere({"put two behind somebody who is halted", MakeHeldUp<0>, ActPutSeveral<2>,
                  LapGoesBy<1>, NothingOf, EachOnceWithThePutter});
  HaltEverywhere({"put behind somebody who is halted at the end of a ring",
                  MakeHeldUp<kRingSlots - 2>, ActPutIfRoom, LapGoesBy<kRingSlots - 1>, NothingOf,
                  EachOnceWithThePutter});
  HaltEverywhere({"take behind somebody who is halted, and be done", MakeHeldUp<1>,
                  ActTakeAndFinish<2>, LapGoesBy<2>, NothingOf, EachOnceWithThePutter});
}

TEST_MAIN()
