#include "ring/block_pool.h"

#include <algorithm>
#include <bit>
#include <cerrno>

namespace mp {
namespace {

// Spans that an allocation looks at before it gets a new one.
constexpr size_t kLooks = 16;
// Blocks of a slab that are looked at to tell whether a quarter of it is free.
constexpr uint32_t kSamples = 16;
// What stays for the next messages though nobody needs it now: of small blocks little, so that they
// stay in the cache; of runs enough that a steady flow of large messages gets no new memory.
constexpr uint64_t kKeptUnitsOfSlabs = 16;
constexpr uint64_t kKeptUnitsOfLargeSlabs = 64;
constexpr uint64_t kKeptUnitsOfRuns = 256;
// Every so many slabs of few blocks that are used again, a look at what could be given back. Not at
// each: what comes in bursts would get new memory in every burst, which costs a slab's few messages
// more than all the rest.
constexpr uint32_t kTurnsPerShrink = 8;
// So many runs that are used again earn one unit of a run that is given back: to get it anew in the
// next burst takes 25 us, which is 2 us for each of them.
constexpr uint64_t kTurnsPerUnit = 12;
constexpr uint32_t kFewBlocks = 32;

}  // namespace

BlockPool::BlockPool(Participant* self)
    : self_(*self), segment_(self->segment()), stamp_(self->stamp()), table_(self) {}

BlockPool::~BlockPool() {
  if (self_.IsMine() && !self_.HasLeft()) Release();
}

BlockPool::Lane& BlockPool::LaneOf(const Span& span) {
  if (span.size_class != kRunClass) return lanes_[span.size_class];
  return lanes_[kSlabClasses + std::bit_width(span.units) - 1];
}

void BlockPool::Keep(const Span& span) {
  LaneOf(span).spans.push_back(span);
  units_held_ += span.units;
  if (span.size_class == kRunClass) run_units_ += span.units;
}

// The last span, from its first block on.
void BlockPool::MakeCurrent(Lane* lane) {
  const Span& span = lane->spans.back();
  lane->next = segment_.UnitMemory(span.first);
  lane->ref = RefIn(span, 0);
  lane->step = span.size * kBlockAlignment;
  lane->ref_step = span.size;
  lane->end = lane->next + span.blocks * lane->step;
  lane->first_generation = FirstGeneration(segment_, span.first);
}

void BlockPool::DropCurrent(Lane* lane) {
  lane->next = nullptr;
  lane->end = nullptr;
}

// A quarter of it seems to be free. What is free stays so until the owner takes it: whoever goes
// through a span of which this is true finds a block.
bool BlockPool::HasRoom(const Span& span) const {
  const uint32_t samples = std::min(span.blocks, kSamples);
  uint32_t free = 0;
  for (uint32_t sample = 0; sample < samples; sample += 1) {
    const uint32_t index = sample * span.blocks / samples;
    const uint64_t seen = HeaderIn(segment_, span, index).state.load(std::memory_order_acquire);
    if (StateOf(seen) != BlockState::kFree) continue;
    free += 1;
    if (free * 4 >= samples) return true;
  }
  return false;
}

// Round and round: the first in line was current longest ago. One that is mostly taken is passed
// over, and looked at again in the next round; a bounded number of them, so that blocks which stay
// taken for long cost no more than that, and every round grows by a small part of them at most.
Result<BlockRef> BlockPool::AllocateFromNextSlab(uint32_t size_class) {
  Lane& lane = lanes_[size_class];
  DropCurrent(&lane);
  const size_t looks = std::min(lane.spans.size(), kLooks);
  bool found = false;
  for (size_t look = 0; look < looks && !found; look += 1) {
    const Span candidate = lane.spans.front();
    lane.spans.pop_front();
    lane.spans.push_back(candidate);
    found = HasRoom(candidate);
  }
  if (found) {
    slab_turns_ += 1;
    const bool few = kSizeClasses[size_class].blocks <= kFewBlocks;
    if (!few || slab_turns_ % kTurnsPerShrink == 0) ShrinkAlso(&lane);
  } else if (!AdoptFor(size_class)) {
    auto span = Obtain(size_class, kSizeClasses[size_class].units);
    if (!span.ok()) return span.status();
    Keep(span.value());
  }
  MakeCurrent(&lane);
  return TakeNext(&lane);
}

// What the dead and those that have left have left behind. One that has no room now is kept all the
// same, since somebody has to.
bool BlockPool::AdoptFor(uint32_t size_class) {
  for (int tries = 0; tries < 4; tries += 1) {
    const Span span = table_.Adopt(size_class);
    if (!span) return false;
    Keep(span);
    if (size_class != kRunClass && HasRoom(span)) return true;
  }
  return false;
}

// A full arena may be full of what could be given back.
Result<Span> BlockPool::Obtain(uint32_t size_class, uint64_t units) {
  auto span = table_.Claim(size_class, units);
  if (span.ok() || span.status().error != ENOSPC || units >= segment_.units()) return span;
  Trim();
  return table_.Claim(size_class, units);
}

// Runs between the length that is needed and twice that are used again.
Result<BlockRef> BlockPool::AllocateRun(uint64_t payload_bytes) {
  const uint64_t units = UnitsForRun(payload_bytes);
  if (units >= segment_.units()) return Status::Failed(ENOSPC, "Allocate");
  const uint32_t first = kSlabClasses + static_cast<uint32_t>(std::bit_width(units)) - 1;
  run_turns_ += 1;
  for (uint32_t index = first; index < std::min(first + 2, kLanes); index += 1) {
    const BlockRef ref = TakeRun(&lanes_[index], units);
    if (ref == 0) continue;
    if (run_turns_ >= kTurnsPerUnit * units) {
      run_turns_ = 0;
      ShrinkAlso(&lanes_[index]);
    }
    return ref;
  }
  // Not those of another length, and more and more of them.
  for (uint32_t index = kSlabClasses; index < kLanes; index += 1) {
    const bool other = index < first || index > first + 1;
    if (other && run_units_ + units > kKeptUnitsOfRuns) GiveBackOne(&lanes_[index]);
  }
  AdoptFor(kRunClass);
  auto span = Obtain(kRunClass, units);
  if (!span.ok()) return span.status();
  Keep(span.value());
  Lane& lane = LaneOf(span.value());
  MakeCurrent(&lane);
  return TakeNext(&lane);
}

BlockRef BlockPool::TakeRun(Lane* lane, uint64_t units) {
  const size_t looks = std::min(lane->spans.size(), kLooks);
  for (size_t look = 0; look < looks; look += 1) {
    const Span candidate = lane->spans.front();
    lane->spans.pop_front();
    lane->spans.push_back(candidate);
    if (candidate.units < units || candidate.units > 2 * units) continue;
    MakeCurrent(lane);
    const BlockRef ref = TakeNext(lane);
    if (ref != 0) return ref;
  }
  return 0;
}

// Of this lane and of one other, in turns, so that a class which is not used any more shrinks too.
void BlockPool::ShrinkAlso(Lane* lane) {
  shrink_turn_ = (shrink_turn_ + 1) % kLanes;
  for (Lane* each : {lane, &lanes_[shrink_turn_]}) {
    if (each->spans.empty()) continue;
    const Span& any = each->spans.front();
    const uint64_t units =
        any.size_class == kRunClass ? run_units_ : each->spans.size() * any.units;
    uint64_t kept = any.units == 1 ? kKeptUnitsOfSlabs : kKeptUnitsOfLargeSlabs;
    if (any.size_class == kRunClass) kept = kKeptUnitsOfRuns;
    if (units > kept) GiveBackOne(each);
  }
}

// The one in the middle of the line, if it is free: what is free are the first in line, so about
// half of the line is not needed then. Never the current one.
void BlockPool::GiveBackOne(Lane* lane) {
  const size_t count = lane->spans.size();
  const bool has_current = lane->next != lane->end;
  if (count == 0 || (count == 1 && has_current)) return;
  const auto middle = lane->spans.begin() + static_cast<std::ptrdiff_t>((count - 1) / 2);
  const Span span = *middle;
  if (!IsAllFree(segment_, span)) return;
  if (count == 1) DropCurrent(lane);
  lane->spans.erase(middle);
  units_held_ -= span.units;
  if (span.size_class == kRunClass) run_units_ -= span.units;
  table_.Return(span);
}

void BlockPool::SetKeepsBlocks(bool keeps) {
  std::atomic<uint64_t>& uses = self_.row().uses;
  if (((uses.load(std::memory_order_relaxed) & kKeepsBlocks) != 0) == keeps) return;
  if (keeps) {
    uses.fetch_or(kKeepsBlocks, std::memory_order_seq_cst);
  } else {
    uses.fetch_and(~uint64_t{kKeepsBlocks}, std::memory_order_seq_cst);
  }
}

void BlockPool::TrimOwn() {
  for (Lane& lane : lanes_) {
    DropCurrent(&lane);
    std::erase_if(lane.spans, [&](const Span& span) {
      if (!IsAllFree(segment_, span)) return false;
      units_held_ -= span.units;
      if (span.size_class == kRunClass) run_units_ -= span.units;
      table_.Return(span);
      return true;
    });
  }
}

void BlockPool::Trim() {
  TrimOwn();
  for (uint64_t at = 1; at < segment_.units_used();) {
    const auto word = UnitWord::Unpack(segment_.unit(at).state.load(std::memory_order_acquire));
    const Span span = SpanOf(segment_, at, word);
    at += span ? span.units : 1;
    if (!span || word.owner || !IsAllFree(segment_, span)) continue;
    if (!table_.AdoptAt(span.first, word)) continue;
    // Somebody else may have had it for a moment, between the look and this.
    if (IsAllFree(segment_, span)) {
      table_.Return(span);
    } else {
      Keep(span);
    }
  }
}

void BlockPool::FreeOwned(const Span& span) const {
  for (uint32_t index = 0; index < span.blocks; index += 1) {
    std::atomic<uint64_t>& state = HeaderIn(segment_, span, index).state;
    uint64_t seen = state.load(std::memory_order_acquire);
    if (StateOf(seen) != BlockState::kOwned || OwnerOf(seen) != stamp_) continue;
    state.compare_exchange_strong(seen, FreedBlockState(seen));
  }
}

// Dead in here: what is still in its name is recovered as for any of the dead.
void BlockPool::Release() {
  if (!table_.InUse()) return;
  uint64_t classes = 0;
  for (Lane& lane : lanes_) {
    DropCurrent(&lane);
    for (const Span& span : lane.spans) FreeOwned(span);
  }
  TrimOwn();
  for (Lane& lane : lanes_) {
    for (const Span& span : lane.spans) {
      table_.MakeOrphan(span);
      classes |= uint64_t{1} << span.size_class;
    }
    lane.spans.clear();
  }
  units_held_ = 0;
  run_units_ = 0;
  if (classes != 0) UnitTable::TellOfOrphans(segment_, classes);
  table_.EndUse();
}

}  // namespace mp
