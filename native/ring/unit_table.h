#pragma once
// The units of the arena, and the spans that they make: slabs of equal blocks, runs of one block.
//
// A span is what its first unit says; the others only tell where that is. Who claims or returns one
// keeps its first unit in passing, with its stamp and the length, from the first step to the last:
//
//   claim:   first: free → passing(me, n) · others: free → tail(k) · memory · first: slab or
//   run(me) return:  first: slab or run(me) → passing(me, n) · memory away · others: → free ·
//   first: → free
//
// So whatever half of it a death leaves is undone in one way: memory away from those that are the
// span's, they become free, the first unit last. Memory of a free unit is zeros.

#include <cstdint>

#include "base/status.h"
#include "ring/size_class.h"
#include "shm/participant.h"

namespace mp {

enum class UnitState : uint8_t {
  kFree = 0,
  kPassing,  // first unit of a span that is being claimed or returned
  kSlab,     // first unit of one; without a stamp it is an orphan, to be adopted by anybody
  kRun,      // the same
  kTail,     // `count` units after the first one
};

// State 4, class 4, count 24, owner 32.
struct UnitWord {
  UnitState state = UnitState::kFree;
  uint8_t size_class = 0;
  uint32_t count = 0;
  Stamp owner;

  uint64_t packed() const {
    return static_cast<uint64_t>(owner.packed()) << 32 | static_cast<uint64_t>(count) << 8 |
           static_cast<uint64_t>(size_class) << 4 | static_cast<uint64_t>(state);
  }
  static UnitWord Unpack(uint64_t word) {
    return {static_cast<UnitState>(word & 0xf), static_cast<uint8_t>(word >> 4 & 0xf),
            static_cast<uint32_t>(word >> 8) & 0xff'ffff,
            Stamp::Unpack(static_cast<uint32_t>(word >> 32))};
  }
  bool IsSpan() const { return state == UnitState::kSlab || state == UnitState::kRun; }
};

// A span as it was when its word was read, with everything in range.
struct Span {
  uint64_t first = 0;  // 0 is none
  uint32_t units = 0;
  uint32_t blocks = 0;
  uint32_t size = 0;        // of a block, as in SizeClass
  uint32_t size_class = 0;  // kRunClass for runs
  explicit operator bool() const { return first != 0; }
};

// None when the word is not that of a slab or a run, or of one that cannot be there.
Span SpanOf(const Segment& segment, uint64_t first, const UnitWord& word);

inline BlockHeader& HeaderIn(const Segment& segment, const Span& span, uint32_t index) {
  const uint64_t within = uint64_t{index} * span.size * kBlockAlignment;
  return *reinterpret_cast<BlockHeader*>(segment.UnitMemory(span.first) + within);
}
inline BlockRef RefIn(const Span& span, uint32_t index) {
  return span.first * kRefsPerUnit + uint64_t{index} * span.size;
}
// All blocks are free; for an owner, or an orphan, that is to stay so.
bool IsAllFree(const Segment& segment, const Span& span);

// The first generation of the blocks of a span: not that of those which were there before.
uint32_t FirstGeneration(const Segment& segment, uint64_t first);

class UnitTable {
 public:
  explicit UnitTable(Participant* self) : self_(*self) {}

  // Says in the row that units carry, or may carry, the stamp; and that none does any more.
  void BeginUse();
  void EndUse();
  bool InUse() const { return in_use_; }

  // With memory, and owned. ENOSPC when there is no such space in one piece, or no memory.
  Result<Span> Claim(uint32_t size_class, uint64_t units);
  // All of its blocks must be free.
  void Return(const Span& span);
  // An orphan of the class becomes the caller's. None when there seems to be none.
  Span Adopt(uint32_t size_class);
  bool AdoptAt(uint64_t first, const UnitWord& orphan);
  void MakeOrphan(const Span& span);

  // Says that there may be orphans of these classes. After the fact: a search that finds none takes
  // the bits away again, unless they were set anew while it went on.
  static void TellOfOrphans(const Segment& segment, uint64_t classes);
  // Undoes what a claim or return of somebody dead has left, `passing` being its first unit's word.
  static void Undo(const Segment& segment, uint64_t first, const UnitWord& passing);

 private:
  Segment& segment() const { return self_.segment(); }
  Result<uint64_t> FindAndTake(uint64_t units);
  uint64_t Search(uint64_t units, uint64_t looks);
  Status ReachTo(uint64_t end);
  bool Take(uint64_t first, uint64_t units);

  Participant& self_;
  bool in_use_ = false;
  uint64_t cursor_ = 1;         // where the next search for free units begins
  uint64_t orphan_cursor_ = 1;  // and that for orphans
};

}  // namespace mp
