#pragma once
// First in, first out: a line of slots in shared memory, one word each, as one process sees it.
//
//   slot: lap 30, block 34. Slot i of a ring of n is for the positions base + i, + n, + 2n …; a lap
//   counts how often the ring was gone round, from 1. Block 1 is the end mark: the next position is
//   the first one of the next ring.
//
// Who puts swaps the slot, who gets swaps the head: each is one step, and who dies before or after
// it leaves the line whole. The head says who has taken the last one, and before somebody swaps
// that away it is written down: so of the dead it can be told whether they have taken what they
// were about to (shm/step.h does the same). The tail follows the slots, and whoever finds it
// behind helps it on. A slot is refilled only when the head has passed it, so the slots at and
// behind the head are what they were when they were read as long as the head is.

#include <cerrno>
#include <cstdint>
#include <utility>
#include <vector>

#include "queues/announcement.h"
#include "queues/queue_layout.h"
#include "ring/block_pool.h"

namespace mp {

constexpr uint32_t kSmallestRing = 6;
constexpr BlockRef kEndMark = 1;

class Line {
 public:
  // Which of a queue it is.
  struct Name {
    QueueName queue;
    uint64_t line;        // kBackLine or 0
    uint32_t first_ring;  // logarithm of the slots of the first ring
  };
  Line(const Segment* segment, SharedLine* shared, const Name& name)
      : segment_(*segment),
        shared_(*shared),
        queue_(name.queue),
        line_(name.line),
        first_ring_(name.first_ring) {
    rings_.reserve(kMaxRings);
  }

  // At this instant, or a little more.
  uint64_t Size() const {
    const uint64_t head = this->head();
    const uint64_t end = End();
    return end > head ? end - head : 0;
  }
  // Behind the last message: the tail, or one more where it has not followed its slot yet.
  uint64_t End() const {
    const uint64_t position = tail();
    const BlockRef block = InSlot(position);
    return block == 0 || block == kEndMark ? position : position + 1;
  }
  uint64_t tail() const { return shared_.tail.load(std::memory_order_seq_cst); }
  uint64_t head() const { return PositionOf(shared_.head.load(std::memory_order_seq_cst)); }

  // What is at the head.
  struct First {
    uint64_t position = 0;
    BlockRef block = 0;  // 0: nothing is there
    uint64_t head = 0;   // the word
  };
  First Peek();
  // Up to `most` messages: `announce(position, blocks, count)` says so, and they are that
  // participant's when the answer is not 0.
  template <typename Announce>
  uint32_t Take(uint32_t id, uint32_t most, BlockRef* blocks, Announce announce);
  // Whether the last take that a dead participant announced, up to that position, was made.
  bool WasTaken(uint32_t id, uint64_t end) const;
  // By whoever dismantles the queue.
  void Skip(const First& first) {
    shared_.head.store((first.position + 1) << kTakerBits, std::memory_order_seq_cst);
  }

  // kBroken: the words contradict each other. Somebody has written to them who should not.
  enum class Published : uint8_t { kDone, kFull, kNoRing, kBroken };
  enum class Admission : uint8_t { kGo, kFull, kAgain };
  // `admit(position, head)` decides whether it may be there, and writes into the block what depends
  // on the position. kNoRing: Grow, and try again.
  template <typename Admit>
  Published Publish(BlockRef block, Admit admit);
  // The same, with as many rings as it takes. `error` says why not: EBADMSG for damage.
  template <typename Admit>
  Published PublishOrGrow(BlockPool* pool, BlockRef block, Admit admit, Status* error);
  // Adds a ring, and ends the last one when it is full. By anybody; a death leaves a block of the
  // dead that is linked or is not (IsLinked).
  Status Grow(BlockPool* pool);

  // Helps on a tail that somebody dead has left behind.
  void CatchUp();

  // The block in the slot of a position, or 0 when it was never filled or is another's by now.
  BlockRef InSlot(uint64_t position) const;
  // What stands in a ring's own block tells which it is.
  bool IsLinked(BlockRef ref, uint64_t ring) const {
    return ring < kMaxRings && shared_.rings[ring].block.load(std::memory_order_seq_cst) == ref;
  }
  uint64_t line() const { return line_; }

 private:
  struct Ring {
    std::atomic<uint64_t>* slots = nullptr;
    uint64_t base = 0;
    uint32_t log = 0;

    uint64_t size() const { return uint64_t{1} << log; }
    std::atomic<uint64_t>& SlotFor(uint64_t position) const {
      return slots[(position - base) & (size() - 1)];
    }
    uint64_t LapFor(uint64_t position) const { return (((position - base) >> log) + 1) & kLapMask; }
  };
  // Something of this changes before a ring is missing once more.
  struct Where {
    uint64_t head = ~uint64_t{0};
    uint64_t tail = 0;
    size_t rings = 0;
    bool operator==(const Where&) const = default;
  };
  static constexpr uint32_t kTakerBits = 10;
  static uint64_t PositionOf(uint64_t head) { return head >> kTakerBits; }
  static uint32_t TakerOf(uint64_t head) {
    return static_cast<uint32_t>(head & ((1U << kTakerBits) - 1));
  }
  void Confirm(uint64_t head);
  static constexpr uint64_t kLapMask = (uint64_t{1} << 30) - 1;
  static constexpr uint64_t kRefMask = (uint64_t{1} << 34) - 1;
  static uint64_t LapOf(uint64_t slot) { return slot >> 34; }
  static uint64_t LapBefore(uint64_t lap) { return (lap - 1) & kLapMask; }
  static BlockRef RefOf(uint64_t slot) { return slot & kRefMask; }
  static uint64_t PackSlot(uint64_t lap, BlockRef ref) { return lap << 34 | ref; }

  // The ring of a position that was read before; null while there is none.
  const Ring* RingFor(uint64_t position) const {
    if (LooksAtNextBase()) LearnRings();
    for (size_t at = rings_.size(); at > 0; at -= 1) {
      if (rings_[at - 1].base <= position) return &rings_[at - 1];
    }
    return nullptr;
  }
  bool LooksAtNextBase() const {
    return rings_.size() < kMaxRings &&
           shared_.rings[rings_.size()].base.load(std::memory_order_acquire) != 0;
  }
  void LearnRings() const;
  // The next ring begins where the mark was found.
  void NoteBase(const Ring& before, uint64_t position);
  // It is full but for the slot that is kept for the mark.
  bool IsFull(const Ring& ring, uint64_t position, uint64_t head) const {
    return position - (head > ring.base ? head : ring.base) >= ring.size() - 1;
  }

  const Segment& segment_;
  SharedLine& shared_;
  QueueName queue_;
  uint64_t line_;
  uint32_t first_ring_;
  mutable std::vector<Ring> rings_;  // as far as they are known
  // Where the head was when a put last looked; it may have moved on. To look at each put would take
  // its cache line from those who get, at each message; who has a bound in bytes has to.
  uint64_t known_head_ = 0;
};

inline Line::First Line::Peek() {
  for (;;) {
    const uint64_t word = shared_.head.load(std::memory_order_seq_cst);
    const uint64_t position = PositionOf(word);
    const Ring* const ring = RingFor(position);
    if (ring == nullptr) return {};
    const uint64_t seen = ring->SlotFor(position).load(std::memory_order_seq_cst);
    if (LapOf(seen) != ring->LapFor(position)) {
      // Of the lap before: empty, unless others have filled and emptied it meanwhile.
      if (head() == position) return {};
      continue;
    }
    if (RefOf(seen) == kEndMark) {
      NoteBase(*ring, position);
      // Damage: there is no ring behind the mark.
      if (RingFor(position) == ring) return {};
      continue;
    }
    return {position, RefOf(seen), word};
  }
}

template <typename Announce>
uint32_t Line::Take(uint32_t id, uint32_t most, BlockRef* blocks, Announce announce) {
  for (;;) {
    const First first = Peek();
    if (first.block == 0) return 0;
    const Ring& ring = *RingFor(first.position);
    uint32_t count = 1;
    blocks[0] = first.block;
    for (; count < most; count += 1) {
      const uint64_t position = first.position + count;
      // A slot of the next round is one that was read already.
      if (count == ring.size()) break;
      const uint64_t seen = ring.SlotFor(position).load(std::memory_order_acquire);
      if (LapOf(seen) != ring.LapFor(position) || RefOf(seen) == kEndMark) break;
      blocks[count] = RefOf(seen);
    }
    announce(first.position, blocks, &count);
    if (TakerOf(first.head) != id) Confirm(first.head);
    uint64_t head = first.head;
    const uint64_t next = (first.position + count) << kTakerBits | id;
    // Dead before it: nothing was taken. Dead after it: announced, and known to be taken.
    if (shared_.head.compare_exchange_strong(head, next)) return count;
  }
}

template <typename Admit>
Line::Published Line::Publish(BlockRef block, Admit admit) {
  for (;;) {
    uint64_t position = tail();
    const Ring* const ring = RingFor(position);
    if (ring == nullptr) return Published::kNoRing;
    std::atomic<uint64_t>& slot = ring->SlotFor(position);
    const uint64_t lap = ring->LapFor(position);
    uint64_t seen = slot.load(std::memory_order_seq_cst);
    if (LapOf(seen) == lap) {
      if (RefOf(seen) == kEndMark) {
        NoteBase(*ring, position);
        if (RingFor(position) == ring) return Published::kBroken;
      } else {
        shared_.tail.compare_exchange_strong(position, position + 1);
      }
      continue;
    }
    // The tail was read long ago: by now it, or this slot, is another.
    if (LapOf(seen) != LapBefore(lap) || known_head_ > position) {
      known_head_ = head();
      const bool lags = known_head_ <= position && LapOf(seen) == LapBefore(lap);
      if (!lags && tail() == position && slot.load() == seen) return Published::kBroken;
      continue;
    }
    const Admission admission = admit(position, known_head_);
    if (admission != Admission::kGo || IsFull(*ring, position, known_head_)) {
      const uint64_t last = std::exchange(known_head_, head());
      if (known_head_ != last) continue;
      if (admission == Admission::kFull) return Published::kFull;
      if (admission == Admission::kGo) return Published::kNoRing;
      if (tail() == position) return Published::kBroken;
      continue;
    }
    // The moment. Dead before it: the block is announced, and in no slot. After it: it is in the
    // line, and whoever comes next helps the tail on.
    if (!slot.compare_exchange_strong(seen, PackSlot(lap, block))) continue;
    shared_.tail.compare_exchange_strong(position, position + 1);
    return Published::kDone;
  }
}

template <typename Admit>
Line::Published Line::PublishOrGrow(BlockPool* pool, BlockRef block, Admit admit, Status* error) {
  Where last;
  for (;;) {
    const Published published = Publish(block, admit);
    if (published == Published::kDone || published == Published::kFull) return published;
    const Where now{head(), tail(), rings_.size()};
    const bool damaged = published == Published::kBroken || now == last;
    *error = damaged ? Status::Failed(EBADMSG, "Put") : Grow(pool);
    if (!error->ok()) return published;
    last = now;
  }
}

}  // namespace mp
