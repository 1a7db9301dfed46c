#pragma once
// What is done to queues at every step, and what must hold afterwards.

#include <algorithm>
#include <string>
#include <vector>

#include "queue_step_world.h"

namespace mp::test {

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

inline void ActPut(QueueWorld& world, MessageSpace& space) {
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
// And is done with them.
template <uint32_t kMost>
void ActTakeAndFinish(QueueWorld& world, MessageSpace& space) {
  space.pool();
  QueuePtr queue = OpenQueue(space, world.queue->ref());
  StepFromHere();
  const uint32_t count = queue->TryTake(kMost, [](const std::byte*, uint64_t) {});
  for (uint32_t i = 0; i < count; i += 1) {
    if (!queue->TaskDone()) _exit(1);
  }
  StepToHere();
  world.seen->store(static_cast<int>(count));
}
inline void ActTaskDone(QueueWorld& world, MessageSpace& space) {
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

// Nobody but the child puts.
inline void MakeForOneToPut(QueueWorld& world) {
  MakePlain<0>(world);
  world.queue->CloseSide();
}
inline void ActCloseSide(QueueWorld& world, MessageSpace& space) {
  QueuePtr queue = OpenQueue(space, world.queue->ref());
  StepFromHere();
  queue->CloseSide();
  StepToHere();
}

inline void ReapMeanwhile(QueueWorld& world, bool) {
  world.reaper->reaper().Run();
}
inline void ReapToTheEnd(QueueWorld& world) {
  while (world.reaper->reaper().Run().pending != 0) usleep(200);
}

constexpr int kRingSlots = 64;
constexpr uint64_t kBound = 4;

// With slots that were all filled before, and `kMessages` of which there is room for four.
template <int kMessages>
void MakeWrapped(QueueWorld& world) {
  world.Make({kBound});
  for (int i = 0; i < kRingSlots + 10; i += 1) {
    TryPut(*world.queue, "before");
    if (TryTake(*world.queue) != "before") _exit(1);
  }
  for (int i = 0; i < kMessages; i += 1) TryPut(*world.queue, Long(i));
}

// All that were there, and what the child has put or not.
template <int kBefore>
void AllAndPerhapsNew(QueueWorld& world, bool over) {
  const uint64_t size = world.queue->Size();
  const Texts got = world.TakeAll();
  Texts expected;
  for (int i = 0; i < kBefore; i += 1) expected.push_back(std::to_string(i));
  if (got.size() > expected.size()) expected.emplace_back("new");
  EXPECT(got == expected && size == got.size());
  EXPECT(got.size() > kBefore || !over);
  EXPECT(!world.queue->Keeps() || world.queue->Unfinished() == got.size());
  while (world.queue->TaskDone()) {
  }
  world.Gone();
}

// In one go, as putMany does, and told once. Says how many there was room for.
template <int kMessages>
void ActPutSeveral(QueueWorld& world, MessageSpace& space) {
  QueuePtr queue = OpenQueue(space, world.queue->ref());
  StagedMessage staged[kMessages];
  for (StagedMessage& each : staged) each = StageText(*queue, "new");
  Status error;
  uint32_t put = 0;
  StepFromHere();
  for (const StagedMessage& each : staged) {
    if (queue->Publish(each.block, &error) != SyncOutcome::kDone) break;
    put += 1;
  }
  queue->TellGetters(put);
  StepToHere();
  // As messages that the child has put, and not got.
  world.seen->store(-static_cast<int>(put));
  for (uint32_t i = put; i < kMessages; i += 1) queue->Drop(staged[i]);
}
inline void ActPutIfRoom(QueueWorld& world, MessageSpace& space) {
  ActPutSeveral<1>(world, space);
}

// ---- while the child is halted

constexpr int kLap = 70;  // more than a ring has slots

// All that others have put and got while the child was halted.
inline Texts got;
inline int put = 0;
// A lap goes by. One is there at the end.
inline void Lap(QueueWorld& world) {
  for (int i = 0; i < kLap; i += 1) {
    put += TryPut(*world.queue, "lap" + std::to_string(i)) == SyncOutcome::kDone;
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
inline void EachOnce(QueueWorld& world) {
  for (const std::string& text : world.TakeAll()) got.push_back(text);
  EXPECT(static_cast<int>(got.size()) + world.seen->load() == put);
  std::sort(got.begin(), got.end());
  const auto twice = std::adjacent_find(got.begin(), got.end());
  EXPECT(twice == got.end() || *twice == "new" || *twice == "mine");
  while (world.queue->TaskDone()) {
  }
  world.Gone();
}

inline void AsleepOrServed(QueueWorld& world, bool) {
  if (world.Woken() == SyncOutcome::kPending) world.Sleep();
}
inline void ServedInTheEnd(QueueWorld& world, SyncOutcome expected) {
  if (world.waiting.outcome == SyncOutcome::kPending) world.Woken();
  EXPECT(world.waiting.outcome == expected);
}

}  // namespace mp::test
