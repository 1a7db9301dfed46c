#pragma once
// Blocks for messages, out of spans that this participant owns. Nobody else takes blocks there, so
// taking one is a look and a store; whoever is done with one frees it by a single swap and touches
// nothing else. There are no shared lists and no counters: the owner goes round through its spans,
// and finds what was taken longest ago free again.
//
// Used by the thread of its participant alone, and not in a forked child. Free and At may be called
// for blocks of anybody.

#include <cstdint>
#include <deque>

#include "base/status.h"
#include "ring/block.h"
#include "ring/size_class.h"
#include "ring/unit_table.h"
#include "shm/participant.h"

namespace mp {

// What the queues know of blocks that the dead have left.
class BlockJudge {
 public:
  // Owned by the dead: linked to a queue as a part of it? Then it becomes attached, else free.
  virtual bool IsPartOfQueue(BlockRef ref, const Block& block) = 0;
  // Taken or returning in the name of the dead, `seen` being its state. May be asked again.
  virtual void Settle(BlockRef ref, const Block& block, uint64_t seen) = 0;

 protected:
  ~BlockJudge() = default;
};

class BlockPool {
 public:
  explicit BlockPool(Participant* self);
  // Releases, unless this is a forked child, or the participant has left: then its blocks are left
  // to a reaper.
  ~BlockPool();
  BlockPool(const BlockPool&) = delete;
  BlockPool& operator=(const BlockPool&) = delete;

  // A block for so many bytes, owned. ENOSPC when the arena is full, ENOMEM or ENOSPC when there is
  // no memory for it.
  Result<BlockRef> Allocate(uint64_t payload_bytes) {
    if (payload_bytes > kLargestSlabPayload) return AllocateRun(payload_bytes);
    const uint32_t size_class = ClassFor(payload_bytes);
    const BlockRef ref = TakeNext(&lanes_[size_class]);
    if (ref != 0) return ref;
    return AllocateFromNextSlab(size_class);
  }

  // Null for what cannot be a block now. What is one may be free.
  Block At(BlockRef ref) const { return At(segment_, ref); }
  static Block At(const Segment& segment, BlockRef ref);

  // False when the block is not as it was seen any more.
  bool Free(BlockRef ref, uint64_t seen_state) {
    const Block block = At(ref);
    return block && Free(block, seen_state);
  }
  static bool Free(const Block& block, uint64_t seen_state) {
    // Release: what was read of the payload has been read.
    return block.header->state.compare_exchange_strong(seen_state, FreedBlockState(seen_state),
                                                       std::memory_order_acq_rel,
                                                       std::memory_order_relaxed);
  }

  // To be set before the first block that is kept is marked as taken or returning; and unset when
  // there is none any more: who leaves with it set is looked after as the dead are.
  void SetKeepsBlocks(bool keeps);

  // Gives back all memory that is free, that of spans without an owner as well.
  void Trim();
  // Only that of its own spans: what that costs goes by what it holds.
  void TrimOwn();
  // Before the participant leaves: what is owned becomes free, what is still in queues lives on in
  // spans without an owner.
  void Release();
  uint64_t UnitsHeld() const { return units_held_; }

  // By a reaper, for one that certainly runs no more; as often as it takes. False when something is
  // left for a later look.
  static bool Recover(Participant& self, Stamp dead, BlockJudge& judge);

  // visit(ref, block, state) for every block that is not free. What others change meanwhile is
  // visited or not.
  template <typename Visit>
  static void ForEachBlock(const Segment& segment, Visit visit);

 private:
  // Spans of one class; of runs, those of a length between two powers of two.
  struct Lane {
    // The blocks of the current span that are still to be looked at.
    std::byte* next = nullptr;
    std::byte* end = nullptr;
    uint64_t step = 0;
    BlockRef ref = 0;  // of `next`
    uint64_t ref_step = 0;
    uint32_t first_generation = 0;
    // The current one is the last of them, the first is the one that was current longest ago.
    std::deque<Span> spans;
  };
  static constexpr uint32_t kRunLanes = 25;
  static constexpr uint32_t kLanes = kSlabClasses + kRunLanes;

  // The next free block of the current span, or 0.
  BlockRef TakeNext(Lane* lane) {
    while (lane->next != lane->end) {
      auto* const header = reinterpret_cast<BlockHeader*>(lane->next);
      const BlockRef ref = lane->ref;
      lane->next += lane->step;
      lane->ref += lane->ref_step;
      // Acquire: whoever freed it has read what it wanted to.
      const uint64_t seen = header->state.load(std::memory_order_acquire);
      if (StateOf(seen) != BlockState::kFree) continue;
      // A word of zeros was never used since the span began.
      const uint32_t generation = seen == 0 ? lane->first_generation : GenerationOf(seen);
      // No swap: only the owner of the span takes free blocks, and nobody changes one that is free.
      // Dead before it: free. After it: owned by the dead, in a span of the dead.
      header->state.store(PackBlockState(BlockState::kOwned, generation, stamp_),
                          std::memory_order_release);
      return ref;
    }
    return 0;
  }

  Result<BlockRef> AllocateFromNextSlab(uint32_t size_class);
  Result<BlockRef> AllocateRun(uint64_t payload_bytes);
  Result<Span> Obtain(uint32_t size_class, uint64_t units);
  bool AdoptFor(uint32_t size_class);
  BlockRef TakeRun(Lane* lane, uint64_t units);
  bool HasRoom(const Span& span) const;
  void MakeCurrent(Lane* lane);
  static void DropCurrent(Lane* lane);
  Lane& LaneOf(const Span& span);
  void Keep(const Span& span);
  void GiveBackOne(Lane* lane);
  void ShrinkAlso(Lane* lane);
  void FreeOwned(const Span& span) const;
  static void RecoverSpan(Participant& self, const Span& span, Stamp dead, BlockJudge& judge);
  static void SettleKept(const Segment& segment, Stamp dead, BlockJudge& judge);

  Participant& self_;
  const Segment& segment_;
  const Stamp stamp_;
  UnitTable table_;
  Lane lanes_[kLanes];
  uint64_t units_held_ = 0;
  uint64_t run_units_ = 0;
  uint64_t run_turns_ = 0;  // since a look at what could be given back
  uint32_t slab_turns_ = 0;
  uint32_t shrink_turn_ = 0;
};

inline Block BlockPool::At(const Segment& segment, BlockRef ref) {
  uint64_t unit = ref / kRefsPerUnit;
  if (unit == 0 || unit >= segment.units()) return {};
  // Acquire: the span's memory is there for who sees the span.
  auto word = UnitWord::Unpack(segment.unit(unit).state.load(std::memory_order_acquire));
  uint64_t within = ref % kRefsPerUnit;
  if (word.state == UnitState::kTail) {
    // Slabs are of a few units; in a run nothing begins but at its first.
    if (word.count >= unit || word.count >= kSizeClasses.back().units) return {};
    unit -= word.count;
    within += uint64_t{word.count} * kRefsPerUnit;
    word = UnitWord::Unpack(segment.unit(unit).state.load(std::memory_order_acquire));
  }
  uint64_t capacity = 0;
  if (word.state == UnitState::kSlab) {
    if (word.size_class >= kSlabClasses) return {};
    const SizeClass& its = kSizeClasses[word.size_class];
    if (its.IndexOf(static_cast<uint32_t>(within)) >= its.blocks) return {};
    if (its.units > segment.units() - unit) return {};
    capacity = its.capacity();
  } else if (word.state == UnitState::kRun) {
    if (within != 0 || word.count == 0 || word.count > segment.units() - unit) return {};
    capacity = uint64_t{word.count} * kUnitSize - sizeof(BlockHeader);
  } else {
    return {};
  }
  std::byte* const at = segment.UnitMemory(unit) + within * kBlockAlignment;
  return {reinterpret_cast<BlockHeader*>(at), at + sizeof(BlockHeader), capacity};
}

template <typename Visit>
void BlockPool::ForEachBlock(const Segment& segment, Visit visit) {
  for (uint64_t at = 1; at < segment.units_used();) {
    const uint64_t packed = segment.unit(at).state.load(std::memory_order_acquire);
    const Span span = SpanOf(segment, at, UnitWord::Unpack(packed));
    for (uint32_t index = 0; index < span.blocks; index += 1) {
      const BlockRef ref = RefIn(span, index);
      BlockHeader& header = HeaderIn(segment, span, index);
      const uint64_t seen = header.state.load(std::memory_order_acquire);
      if (StateOf(seen) == BlockState::kFree) continue;
      // A span in which a block is not free stays what it is. If it is another now, then so were
      // these bytes, perhaps, when they were read.
      const Block block = At(segment, ref);
      if (!block || header.state.load(std::memory_order_acquire) != seen) continue;
      visit(ref, block, seen);
    }
    at += span ? span.units : 1;
  }
}

}  // namespace mp
