#pragma once
// A count that many participants change, in one word, of which every change can be told from its
// being omitted, whoever has died: a swap that can be detected, after Attiya, Ben-Baruch and
// Hendler, "Nesting-Safe Recoverable Linearizability" (PODC 2018).
//
// Each change is a step of its participant, which numbers its steps. The word names who made the
// last one, and its number. Before somebody swaps it away, that is written down in the row of the
// one it names. So a step was made if the word names it, or if it was written down.

#include <atomic>
#include <cstdint>

#include "shm/segment.h"

namespace mp {

constexpr uint32_t kCountBits = 28;
constexpr uint64_t kCountMask = (uint64_t{1} << kCountBits) - 1;
constexpr uint32_t kStepMask = (1U << 26) - 1;

struct CountWord {
  uint64_t count = 0;
  uint32_t id = 0;
  uint32_t step = 0;

  uint64_t packed() const {
    return (count & kCountMask) | static_cast<uint64_t>(id) << kCountBits |
           static_cast<uint64_t>(step) << (kCountBits + 10);
  }
  static CountWord Unpack(uint64_t word) {
    return {word & kCountMask, static_cast<uint32_t>(word >> kCountBits) & (kMaxParticipants - 1),
            static_cast<uint32_t>(word >> (kCountBits + 10))};
  }
};

// ParticipantRow::step: number 26, made 1.
constexpr uint32_t kStepMade = 1;
inline uint32_t PackStep(uint32_t step) {
  return step << 1;
}

// The number of the next step, of the participant itself or, when it is dead, of its reaper. What
// it had announced is settled: nobody asks for earlier ones any more. Numbers go on with whoever
// has the row next.
inline uint32_t NextStep(ParticipantRow* row) {
  const uint32_t last = row->step.load(std::memory_order_relaxed) >> 1;
  const uint32_t step = (last + 1) & kStepMask;
  row->step.store(PackStep(step), std::memory_order_seq_cst);
  return step;
}

// Before the word is swapped away. An earlier step than the last one is of no interest any more.
inline void ConfirmStep(const Segment& segment, const CountWord& made) {
  if (made.id == 0 || made.id >= segment.participants()) return;
  uint32_t unconfirmed = PackStep(made.step);
  segment.row(made.id).step.compare_exchange_strong(unconfirmed, unconfirmed | kStepMade);
}

// Asked of the last step of a participant, and of the word that it was to change.
inline bool WasMade(const Segment& segment, const std::atomic<uint64_t>& word, uint32_t id,
                    uint32_t step) {
  const CountWord last = CountWord::Unpack(word.load(std::memory_order_seq_cst));
  if (last.id == id && last.step == step) return true;
  // Loaded after the word: written down before another name came into it.
  return segment.row(id).step.load(std::memory_order_seq_cst) == (PackStep(step) | kStepMade);
}

// That participant's step of that number.
struct Step {
  uint32_t id;
  uint32_t number;
};

// `change(count, &next)`: false when it is not to be changed. False then.
template <typename Change>
bool MakeStep(const Segment& segment, std::atomic<uint64_t>* word, Step step, Change change) {
  uint64_t seen = word->load(std::memory_order_seq_cst);
  for (;;) {
    const CountWord last = CountWord::Unpack(seen);
    CountWord next{last.count, step.id, step.number};
    if (!change(last.count, &next.count)) return false;
    // An own one needs no writing down: it is settled.
    if (last.id != step.id) ConfirmStep(segment, last);
    if (word->compare_exchange_strong(seen, next.packed())) return true;
  }
}

}  // namespace mp
