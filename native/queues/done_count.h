#pragma once
// How many messages of a queue are finished: a count whose every step can be told from its being
// omitted (shm/step.h), so each is counted once, whoever has died.

#include "queues/queue_layout.h"
#include "shm/step.h"

namespace mp {

// Messages that are not finished: `tail` is read after the word.
template <typename Tail>
uint64_t Unfinished(const SharedQueue& queue, Tail tail) {
  const uint64_t count = CountWord::Unpack(queue.done.load(std::memory_order_seq_cst)).count;
  return (tail() - count) & kCountMask;
}

// One more, as that step, which the caller has announced. False when no message
// is unfinished.
template <typename Tail>
bool CountDone(const Segment& segment, SharedQueue* queue, Step step, Tail tail) {
  return MakeStep(segment, &queue->done, step, [&tail](uint64_t count, uint64_t* next) {
    *next = (count + 1) & kCountMask;
    return ((tail() - count) & kCountMask) != 0;
  });
}

// The same for one that its taker, who is dead, has abandoned.
inline void CountAbandoned(const Segment& segment, SharedQueue* queue, Step step) {
  MakeStep(segment, &queue->abandoned, step, [](uint64_t count, uint64_t* next) {
    *next = (count + 1) & kCountMask;
    return true;
  });
}

}  // namespace mp
