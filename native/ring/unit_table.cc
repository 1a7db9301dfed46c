#include "ring/unit_table.h"

#include <algorithm>
#include <cerrno>

namespace mp {
namespace {

// Spans that a claim looks at before it takes unused units beyond all of them.
constexpr uint64_t kLooks = 1024;
constexpr uint64_t kEverywhere = ~uint64_t{0};
constexpr uint64_t kClassBits = 0xffff;

// Once through the table: how far to go on from a word.
uint64_t StepOver(const UnitWord& word) {
  return word.IsSpan() && word.count > 1 ? word.count : 1;
}

uint64_t BitOf(uint32_t size_class) {
  return uint64_t{1} << size_class;
}

}  // namespace

Span SpanOf(const Segment& segment, uint64_t first, const UnitWord& word) {
  if (first == 0 || first >= segment.units()) return {};
  const uint64_t room = segment.units() - first;
  if (word.state == UnitState::kRun) {
    if (word.count == 0 || word.count > room) return {};
    return {first, word.count, 1, word.count * kRefsPerUnit, kRunClass};
  }
  if (word.state != UnitState::kSlab || word.size_class >= kSlabClasses) return {};
  const SizeClass& its = kSizeClasses[word.size_class];
  if (word.count != its.units || word.count > room) return {};
  return {first, its.units, its.blocks, its.size, word.size_class};
}

bool IsAllFree(const Segment& segment, const Span& span) {
  for (uint32_t index = 0; index < span.blocks; index += 1) {
    const uint64_t seen = HeaderIn(segment, span, index).state.load(std::memory_order_acquire);
    if (StateOf(seen) != BlockState::kFree) return false;
  }
  return true;
}

uint32_t FirstGeneration(const Segment& segment, uint64_t first) {
  const uint64_t spans = segment.unit(first).spans.load(std::memory_order_relaxed);
  const uint64_t mixed = (spans * kMaxUnits + first) * 0x9e37'79b9'7f4a'7c15;
  return static_cast<uint32_t>(mixed >> 40) & kBlockGenerationMask;
}

// Before any unit carries the stamp: a reaper looks at the table only for who has said this.
void UnitTable::BeginUse() {
  if (in_use_) return;
  in_use_ = true;
  self_.row().uses.fetch_or(kHoldsSpans, std::memory_order_seq_cst);
}

void UnitTable::EndUse() {
  in_use_ = false;
  self_.row().uses.fetch_and(~uint64_t{kHoldsSpans}, std::memory_order_seq_cst);
}

Result<Span> UnitTable::Claim(uint32_t size_class, uint64_t units) {
  if (units >= segment().units()) return Status::Failed(ENOSPC, "Allocate");
  BeginUse();
  auto first = FindAndTake(units);
  if (!first.ok()) return first.status();
  const bool run = size_class == kRunClass;
  UnitWord word{UnitState::kPassing, 0, static_cast<uint32_t>(units), self_.stamp()};
  // Dead in here: passing, with whatever memory it has got.
  const Status reserved = segment().ReserveUnits(first.value(), units);
  if (!reserved.ok()) {
    Undo(segment(), first.value(), word);
    return reserved;
  }
  UnitEntry& entry = segment().unit(first.value());
  entry.spans.store(entry.spans.load(std::memory_order_relaxed) + 1, std::memory_order_relaxed);
  word.state = run ? UnitState::kRun : UnitState::kSlab;
  word.size_class = run ? 0 : static_cast<uint8_t>(size_class);
  // Release: who sees the span sees memory of zeros in it, and the count.
  entry.state.store(word.packed(), std::memory_order_release);
  return SpanOf(segment(), first.value(), word);
}

// Where the last search ended, so that searches do not begin anew among what is taken; bounded, and
// beyond the highest used unit when it finds nothing. Only where there is no room beyond,
// everything is looked at.
Result<uint64_t> UnitTable::FindAndTake(uint64_t units) {
  bool everywhere = false;
  for (;;) {
    if (everywhere) cursor_ = 1;
    uint64_t first = Search(units, everywhere ? kEverywhere : kLooks);
    if (first == 0) {
      const uint64_t used = std::max<uint64_t>(segment().units_used(), 1);
      const bool room = used + units <= segment().units();
      if (!room && everywhere) return Status::Failed(ENOSPC, "Allocate");
      if (!room) {
        everywhere = true;
        continue;
      }
      first = used;
    }
    if (const Status reached = ReachTo(first + units); !reached.ok()) return reached;
    if (Take(first, units)) return first;
  }
}

// So many free units one after another, from the cursor on, or 0. They are only looked at. What is
// free below the mark may go on above it.
uint64_t UnitTable::Search(uint64_t units, uint64_t looks) {
  const uint64_t used = segment().units_used();
  uint64_t length = 0;
  uint64_t at = cursor_;
  for (; at < used && length < units && looks > 0; looks -= 1) {
    const uint64_t word = segment().unit(at).state.load(std::memory_order_relaxed);
    // The whole word, as the swap that takes it: or damage would be tried for ever.
    length = word == 0 ? length + 1 : 0;
    at += word == 0 ? 1 : StepOver(UnitWord::Unpack(word));
  }
  cursor_ = at < used ? at : 1;
  const uint64_t first = at - length;
  const bool fits = length == units || (length > 0 && at >= used);
  return fits && first + units <= segment().units() ? first : 0;
}

// The mark goes up before the claim: nobody looks at what is above it. The table's memory comes
// before the mark: what is below it can be looked at.
Status UnitTable::ReachTo(uint64_t end) {
  std::atomic<uint64_t>& mark = segment().header().units_used;
  uint64_t used = mark.load(std::memory_order_relaxed);
  if (used >= end) return Status::Ok();
  const Status reserved = segment().ReserveUnitEntries(used, end - used);
  if (!reserved.ok()) return reserved;
  while (used < end && !mark.compare_exchange_weak(used, end)) {
  }
  return Status::Ok();
}

// All of them or none.
bool UnitTable::Take(uint64_t first, uint64_t units) {
  const UnitWord passing{UnitState::kPassing, 0, static_cast<uint32_t>(units), self_.stamp()};
  uint64_t free = 0;
  std::atomic<uint64_t>& head = segment().unit(first).state;
  // Acquire: what was there before has given its memory away.
  if (!head.compare_exchange_strong(free, passing.packed())) return false;
  for (uint64_t k = 1; k < units; k += 1) {
    const UnitWord tail{UnitState::kTail, 0, static_cast<uint32_t>(k), {}};
    free = 0;
    if (segment().unit(first + k).state.compare_exchange_strong(free, tail.packed())) continue;
    // Somebody else was faster. Nothing has been written to these: they are free as they are.
    for (uint64_t back = k - 1; back > 0; back -= 1) {
      segment().unit(first + back).state.store(0, std::memory_order_release);
    }
    head.store(0, std::memory_order_release);
    return false;
  }
  return true;
}

void UnitTable::Return(const Span& span) {
  const UnitWord passing{UnitState::kPassing, 0, span.units, self_.stamp()};
  segment().unit(span.first).state.store(passing.packed(), std::memory_order_seq_cst);
  Undo(segment(), span.first, passing);
  cursor_ = std::min(cursor_, span.first);
}

// Any number of times. A tail that leads here is of this span: no other begins here before the
// first unit is free. Others have, meanwhile, taken those that were freed by an earlier try.
void UnitTable::Undo(const Segment& segment, uint64_t first, const UnitWord& passing) {
  if (first == 0 || first >= segment.units()) return;
  const uint64_t count = std::clamp<uint64_t>(passing.count, 1, segment.units() - first);
  const auto is_ours = [&](uint64_t k) {
    const UnitWord tail{UnitState::kTail, 0, static_cast<uint32_t>(k), {}};
    return segment.unit(first + k).state.load(std::memory_order_acquire) == tail.packed();
  };
  for (uint64_t k = 0; k < count;) {
    uint64_t end = k == 0 ? 1 : k;
    while (end < count && is_ours(end)) end += 1;
    // What keeps its memory keeps its place.
    if (end > k && !segment.DiscardUnits(first + k, end - k).ok()) return;
    for (uint64_t tail = k == 0 ? 1 : k; tail < end; tail += 1) {
      segment.unit(first + tail).state.store(0, std::memory_order_release);
    }
    k = end + 1;
  }
  uint64_t seen = passing.packed();
  segment.unit(first).state.compare_exchange_strong(seen, 0);
}

bool UnitTable::AdoptAt(uint64_t first, const UnitWord& orphan) {
  BeginUse();
  UnitWord mine = orphan;
  mine.owner = self_.stamp();
  uint64_t seen = orphan.packed();
  // Acquire: the blocks are as their last owner left them.
  return segment().unit(first).state.compare_exchange_strong(seen, mine.packed());
}

Span UnitTable::Adopt(uint32_t size_class) {
  std::atomic<uint64_t>& hint = segment().header().orphans;
  uint64_t told = hint.load(std::memory_order_acquire);
  if ((told & BitOf(size_class)) == 0) return {};
  const uint64_t used = segment().units_used();
  if (orphan_cursor_ >= used) orphan_cursor_ = 1;
  const uint64_t start = orphan_cursor_;
  bool wrapped = false;
  for (uint64_t at = start; !wrapped || at < start;) {
    if (at >= used) {
      if (wrapped) break;
      wrapped = true;
      at = 1;
      continue;
    }
    const auto word = UnitWord::Unpack(segment().unit(at).state.load(std::memory_order_acquire));
    const Span span = word.owner ? Span{} : SpanOf(segment(), at, word);
    at += StepOver(word);
    if (!span || span.size_class != size_class || !AdoptAt(span.first, word)) continue;
    orphan_cursor_ = at;
    return span;
  }
  hint.compare_exchange_strong(told, told & ~BitOf(size_class));
  return {};
}

void UnitTable::MakeOrphan(const Span& span) {
  const bool run = span.size_class == kRunClass;
  const UnitWord orphan{run ? UnitState::kRun : UnitState::kSlab,
                        run ? uint8_t{0} : static_cast<uint8_t>(span.size_class),
                        span.units,
                        {}};
  segment().unit(span.first).state.store(orphan.packed(), std::memory_order_seq_cst);
}

void UnitTable::TellOfOrphans(const Segment& segment, uint64_t classes) {
  std::atomic<uint64_t>& hint = segment.header().orphans;
  uint64_t seen = hint.load(std::memory_order_relaxed);
  const auto told = [&] { return (seen | (classes & kClassBits)) + (kClassBits + 1); };
  while (!hint.compare_exchange_weak(seen, told())) {
  }
}

}  // namespace mp
