#pragma once
// What a participant says in its row before it does it, so that its death can be told from its
// being done. Plain stores: each is followed by the swap that it is about, and a swap publishes
// what was stored before it.

#include "ring/block.h"
#include "shm/layout.h"

namespace mp {

constexpr uint32_t kAnnouncedQueue = 0;    // whose messages are being taken; 0 is none
constexpr uint32_t kAnnouncedTake = 1;     // which
constexpr uint32_t kAnnouncedPublish = 2;  // block that is being put into its slot; 0 is none
// Block that is being counted as done; or, with kIsTaken, the one that is being taken, or the one
// that lists those that are (its own payload, a word for each).
constexpr uint32_t kAnnouncedBlock = 3;
constexpr uint64_t kIsTaken = uint64_t{1} << 63;
// It is being counted among the abandoned.
constexpr uint64_t kIsForAbandoned = uint64_t{1} << 62;

constexpr uint64_t kBackLine = uint64_t{1} << 63;  // in a position: of the back line
constexpr uint32_t kMostAtOnce = 1024;

// A queue as it is named in blocks and rows: place 32 (in units of an object), generation 24.
using QueueName = uint64_t;

// Positions 47, of the back line 1 (uppermost), count less one 16.
struct AnnouncedTake {
  uint64_t first = 0;
  uint32_t count = 0;

  uint64_t packed() const { return (first & kBackLine) | (first & ~kBackLine) << 16 | (count - 1); }
  static AnnouncedTake Unpack(uint64_t word) {
    return {(word & kBackLine) | (word & ~kBackLine) >> 16,
            static_cast<uint32_t>(word & 0xffff) + 1};
  }
  bool Has(uint64_t position) const { return position - first < count; }
};

// `block` is the message, or of several the list.
inline void AnnounceTake(ParticipantRow* row, QueueName queue, AnnouncedTake take, BlockRef block) {
  row->ring_announced[kAnnouncedTake].store(take.packed(), std::memory_order_relaxed);
  row->ring_announced[kAnnouncedBlock].store(block | kIsTaken, std::memory_order_relaxed);
  row->ring_announced[kAnnouncedQueue].store(queue, std::memory_order_release);
}
inline void UnannounceTake(ParticipantRow* row) {
  row->ring_announced[kAnnouncedQueue].store(0, std::memory_order_release);
  row->ring_announced[kAnnouncedBlock].store(0, std::memory_order_release);
}
// After everything that was announced: dead before it, it is looked at again.
inline void Unannounce(ParticipantRow* row, uint32_t what) {
  row->ring_announced[what].store(0, std::memory_order_release);
}

// Block 34, step 26.
inline uint64_t PackAnnouncedDone(BlockRef block, uint32_t step) {
  return static_cast<uint64_t>(step) << 34 | block;
}

}  // namespace mp
