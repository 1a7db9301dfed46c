#pragma once
// What is done to queues at every step, and what must hold afterwards.

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

}  // namespace mp::test
