// What the dead have left in the arena. Every step may be done twice; a reaper that dies leaves the
// next one the rest.

#include "ring/block_pool.h"

namespace mp {
namespace {

constexpr uint64_t kEveryClass = 0xffff;

}  // namespace

bool BlockPool::Recover(Participant& self, Stamp dead, BlockJudge& judge) {
  const Segment& segment = self.segment();
  const uint64_t uses = segment.row(dead.id).uses.load(std::memory_order_acquire);
  if ((uses & kHoldsSpans) != 0) {
    for (uint64_t at = 1; at < segment.units_used();) {
      const auto word = UnitWord::Unpack(segment.unit(at).state.load(std::memory_order_acquire));
      const Span span = SpanOf(segment, at, word);
      if (word.owner == dead && word.state == UnitState::kPassing) {
        UnitTable::Undo(segment, at, word);
      } else if (word.owner == dead && span) {
        RecoverSpan(self, span, dead, judge);
      }
      at += span ? span.units : 1;
    }
    // Whatever this or an earlier try has orphaned.
    UnitTable::TellOfOrphans(segment, kEveryClass);
  }
  if ((uses & kKeepsBlocks) != 0) SettleKept(segment, dead, judge);
  return true;
}

// Nobody but a reaper changes a span of the dead, and its blocks only become free. Dead before the
// last step: it is still in the name of the dead.
void BlockPool::RecoverSpan(Participant& self, const Span& span, Stamp dead, BlockJudge& judge) {
  const Segment& segment = self.segment();
  for (uint32_t index = 0; index < span.blocks; index += 1) {
    BlockHeader& header = HeaderIn(segment, span, index);
    uint64_t seen = header.state.load(std::memory_order_acquire);
    if (StateOf(seen) != BlockState::kOwned || OwnerOf(seen) != dead) continue;
    const BlockRef ref = RefIn(span, index);
    const Block block = At(segment, ref);
    const bool part = block && judge.IsPartOfQueue(ref, block);
    const uint64_t next = part ? PackBlockState(BlockState::kAttached, GenerationOf(seen), {})
                               : FreedBlockState(seen);
    header.state.compare_exchange_strong(seen, next);
  }
  const bool run = span.size_class == kRunClass;
  UnitWord word{run ? UnitState::kRun : UnitState::kSlab,
                run ? uint8_t{0} : static_cast<uint8_t>(span.size_class), span.units, dead};
  uint64_t seen = word.packed();
  if (IsAllFree(segment, span)) {
    // Still in the name of the dead, who is returning it.
    const UnitWord passing{UnitState::kPassing, 0, span.units, dead};
    if (segment.unit(span.first).state.compare_exchange_strong(seen, passing.packed())) {
      UnitTable::Undo(segment, span.first, passing);
    }
    return;
  }
  word.owner = {};
  segment.unit(span.first).state.compare_exchange_strong(seen, word.packed());
}

void BlockPool::SettleKept(const Segment& segment, Stamp dead, BlockJudge& judge) {
  ForEachBlock(segment, [&](BlockRef ref, const Block& block, uint64_t seen) {
    const BlockState state = StateOf(seen);
    const bool kept = state == BlockState::kTaken || state == BlockState::kReturning;
    if (kept && OwnerOf(seen) == dead) judge.Settle(ref, block, seen);
  });
}

}  // namespace mp
