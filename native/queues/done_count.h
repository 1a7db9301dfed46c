#pragma once
// How many messages of a queue are finished, in one word that many swap, and of which every swap
// can be told from its being omitted, whoever has died: a swap that can be detected, after Attiya,
// Ben-Baruch and Hendler, "Nesting-Safe Recoverable Linearizability" (PODC 2018).
//
// The word names who made the last step, and which of its steps that was. Before somebody swaps it
// away, that is written down for the one it names. So a step was made if the word names it, or if
// it was written down.

#include "queues/queue_layout.h"

namespace mp {

constexpr uint32_t kDoneCountBits = 28;
constexpr uint64_t kDoneMask = (uint64_t{1} << kDoneCountBits) - 1;
constexpr uint32_t kDoneNumberMask = (1U << 26) - 1;

struct DoneWord {
  uint64_t count = 0;
  uint32_t id = 0;
  uint32_t number = 0;

  uint64_t packed() const {
    return (count & kDoneMask) | static_cast<uint64_t>(id) << kDoneCountBits |
           static_cast<uint64_t>(number) << (kDoneCountBits + 10);
  }
  static DoneWord Unpack(uint64_t word) {
    return {word & kDoneMask,
            static_cast<uint32_t>(word >> kDoneCountBits) & (kMaxParticipants - 1),
            static_cast<uint32_t>(word >> (kDoneCountBits + 10))};
  }
};

// The last step of a participant.
inline uint32_t LastDoneOf(const SharedQueue& queue, uint32_t id) {
  const DoneWord word = DoneWord::Unpack(queue.done.load(std::memory_order_seq_cst));
  if (word.id == id) return word.number;
  // Loaded after the word: written down before another name came into it.
  return queue.confirmed[id].load(std::memory_order_seq_cst);
}

// The number of the next step of a participant, which nobody else makes.
inline uint32_t NextDoneOf(const SharedQueue& queue, uint32_t id) {
  return (LastDoneOf(queue, id) + 1) & kDoneNumberMask;
}

// Writes down that a step was made, unless a later one of the same participant has been: of two
// numbers the later one is less than half of all numbers ahead.
inline void ConfirmDone(SharedQueue* queue, const DoneWord& made) {
  std::atomic<uint32_t>& confirmed = queue->confirmed[made.id];
  uint32_t seen = confirmed.load(std::memory_order_seq_cst);
  while (((made.number - seen) & kDoneNumberMask) - 1 < kDoneNumberMask / 2) {
    if (confirmed.compare_exchange_weak(seen, made.number)) return;
  }
}

// Messages that are not finished: `tail` is read after the word.
template <typename Tail>
uint64_t Unfinished(const SharedQueue& queue, Tail tail) {
  const uint64_t count = DoneWord::Unpack(queue.done.load(std::memory_order_seq_cst)).count;
  return (tail() - count) & kDoneMask;
}

// One more, as that step of that participant, which the caller has announced. False when no message
// is unfinished.
template <typename Tail>
bool CountDone(SharedQueue* queue, uint32_t id, uint32_t number, Tail tail) {
  uint64_t seen = queue->done.load(std::memory_order_seq_cst);
  for (;;) {
    const DoneWord last = DoneWord::Unpack(seen);
    if (((tail() - last.count) & kDoneMask) == 0) return false;
    // An own one needs no writing down: the next one says as much.
    if (last.id != id) ConfirmDone(queue, last);
    const DoneWord next{(last.count + 1) & kDoneMask, id, number};
    if (queue->done.compare_exchange_strong(seen, next.packed())) return true;
  }
}

}  // namespace mp
