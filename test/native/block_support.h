#pragma once
// For tests of the arena: participants with a pool, and a judge that stands for the queues.

#include <cstring>
#include <vector>

#include "ring/block_pool.h"
#include "shm/reaper.h"
#include "shm_support.h"

namespace mp::test {

// In a block's `queue`, for the judge: part of a queue.
constexpr uint64_t kPart = 77;

class TestJudge final : public BlockJudge {
 public:
  bool IsPartOfQueue(BlockRef, const Block& block) override {
    return block.header->queue.load() == kPart;
  }
  void Settle(BlockRef, const Block& block, uint64_t seen) override {
    BlockPool::Free(block, seen);
  }
};

inline bool RecoverBlocks(ObjectStore&, Participant& self, Stamp dead) {
  TestJudge judge;
  return BlockPool::Recover(self, dead, judge);
}
inline void RecoverNoObject(ObjectStore&, Participant&, const ObjectRef&, Stamp) {}

struct Member {
  explicit Member(const std::shared_ptr<Segment>& segment)
      : participant(Joined(segment)),
        store(participant.get()),
        reaper(participant.get(), &store, RecoverNoObject, RecoverBlocks),
        pool(participant.get()) {}

  static std::unique_ptr<Participant> Joined(const std::shared_ptr<Segment>& segment) {
    auto joined = Participant::Join(segment);
    if (!joined.ok()) _exit(98);
    return std::move(joined.value());
  }

  BlockRef Take(uint64_t bytes) {
    auto taken = pool.Allocate(bytes);
    if (!EXPECT(taken.ok())) _exit(96);
    return taken.value();
  }
  uint64_t StateAt(BlockRef ref) const { return pool.At(ref).header->state.load(); }
  bool Free(BlockRef ref) { return pool.Free(ref, StateAt(ref)); }
  // As the queues do it, under announcements of their own.
  void Mark(BlockRef ref, BlockState state) {
    std::atomic<uint64_t>& word = pool.At(ref).header->state;
    const Stamp owner = state == BlockState::kAttached ? Stamp{} : participant->stamp();
    word.store(PackBlockState(state, GenerationOf(word.load()), owner));
  }
  void Reap() {
    while (reaper.Run().pending != 0) usleep(200);
  }

  std::unique_ptr<Participant> participant;
  ObjectStore store;
  Reaper reaper;
  BlockPool pool;
};

inline uint64_t UnitsTaken(const Segment& segment) {
  uint64_t taken = 0;
  for (uint64_t at = 0; at < segment.units_used(); at += 1) {
    taken += segment.unit(at).state.load() != 0;
  }
  return taken;
}

inline uint64_t BlocksIn(const Segment& segment, BlockState state) {
  uint64_t blocks = 0;
  BlockPool::ForEachBlock(
      segment, [&](BlockRef, const Block&, uint64_t seen) { blocks += StateOf(seen) == state; });
  return blocks;
}

// A free unit is of zeros, whatever became of who had it.
inline bool FreeUnitsAreZeros(const Segment& segment) {
  static const std::vector<std::byte> zeros(kUnitSize);
  for (uint64_t at = 1; at < segment.units_used(); at += 1) {
    if (segment.unit(at).state.load() != 0) continue;
    if (std::memcmp(segment.UnitMemory(at), zeros.data(), kUnitSize) != 0) return false;
  }
  return true;
}

}  // namespace mp::test
