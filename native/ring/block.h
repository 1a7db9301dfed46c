#pragma once
// A block: a place for one message in the arena, 128-byte aligned, this header and then the
// payload. Whose it is, and for what, is one word; whoever wants to change that swaps it.

#include <atomic>
#include <cstddef>
#include <cstdint>

#include "shm/stamp.h"

namespace mp {

// Place in the arena in units of kBlockAlignment; fits 34 bits. 0 and 1 are never blocks.
using BlockRef = uint64_t;
constexpr uint64_t kBlockAlignment = 128;

enum class BlockState : uint8_t {
  kFree = 0,   // to be taken by the owner of the span that it lies in, by nobody else
  kOwned,      // private to the participant in the stamp, and in a span of its
  kQueued,     // in a queue; the stamp is the producer's
  kTaken,      // a message that the participant in the stamp has taken and keeps
  kReturning,  // by the queues' recovery
  kAttached,   // part of a queue object; no stamp
};

// With kTaken or kReturning: the message was received, or is lost. What it carries is being let go
// of, then the block is free.
constexpr uint64_t kIsSpent = 1 << 4;
// With kTaken: counted among the abandoned, and not as done yet.
constexpr uint64_t kIsAbandoned = 1 << 5;

constexpr uint32_t kBlockGenerationMask = 0xff'ffff;

// State 4, flags 4, generation 24, owner 32. The generation grows whenever a block becomes free, so
// that a swap from a word seen earlier fails.
inline uint64_t PackBlockState(BlockState state, uint32_t generation, Stamp owner) {
  return static_cast<uint64_t>(owner.packed()) << 32 |
         static_cast<uint64_t>(generation & kBlockGenerationMask) << 8 |
         static_cast<uint64_t>(state);
}
inline BlockState StateOf(uint64_t word) {
  return static_cast<BlockState>(word & 0xf);
}
inline uint32_t GenerationOf(uint64_t word) {
  return static_cast<uint32_t>(word >> 8) & kBlockGenerationMask;
}
inline Stamp OwnerOf(uint64_t word) {
  return Stamp::Unpack(static_cast<uint32_t>(word >> 32));
}
// What a block becomes when it is freed.
inline uint64_t FreedBlockState(uint64_t seen) {
  return PackBlockState(BlockState::kFree, GenerationOf(seen) + 1, {});
}

struct BlockHeader {
  std::atomic<uint64_t> state;
  // By the queues.
  std::atomic<uint64_t> queue;
  std::atomic<uint64_t> position;
  std::atomic<uint64_t> length;
  std::atomic<uint64_t> extra;
  std::atomic<uint64_t> spare;
};
static_assert(sizeof(BlockHeader) == 48);

struct Block {
  BlockHeader* header = nullptr;
  std::byte* payload = nullptr;
  uint64_t capacity = 0;
  explicit operator bool() const { return header != nullptr; }
};

}  // namespace mp
