#pragma once
// ChunkEntry::state: what a chunk is divided into, whether it has memory, and who is about to
// change that.
//
//   none → committing → ready                      those that are kept (Segment::kept_chunks)
//   none → committing → opening → ready            the others: their memory comes and goes
//                 ↑         ready ⇄ clearing → discarding → bare
//                 └────────────────────────────────────────┘

#include <cstdint>

#include "shm/layout.h"
#include "shm/object_header.h"
#include "shm/stamp.h"

namespace mp {

// Of places. What a chunk was once divided into it stays: who attaches to an object that is gone
// may set and clear a bit in whatever object has its place now. Ledger blocks have chunks of their
// own because that must never be a ledger.
enum class PlaceSize : uint8_t { kNone = 0, kSmall, kLarge, kLedger, kHuge };

inline uint64_t BytesOf(PlaceSize size) {
  if (size == PlaceSize::kHuge) return sizeof(HugeObject);
  return size == PlaceSize::kLarge ? sizeof(LargeObject) : sizeof(SharedObject);
}
inline uint64_t PlacesOf(PlaceSize size) {
  return kChunkSize / BytesOf(size);
}

enum class ChunkState : uint8_t {
  kNone = 0,    // never used
  kCommitting,  // the owner is getting memory for it
  kOpening,     // it has memory; the owner makes its places free, and others may use those that are
  kReady,
  kClearing,    // the owner withdraws its places; others may use those that are left
  kDiscarding,  // every place is withdrawn; the owner gives the memory back
  kBare,        // no memory
};

// Owner 32, generation 24, size 4, state 4.
struct ChunkWord {
  ChunkState state = ChunkState::kNone;
  PlaceSize size = PlaceSize::kNone;
  // With which its places began or, in kDiscarding and kBare, the latest of any of them, with which
  // they will begin. 0: they never have.
  uint32_t generation = 0;
  Stamp owner;

  uint64_t packed() const {
    return static_cast<uint64_t>(owner.packed()) << 32 |
           static_cast<uint64_t>(generation & kObjectGenerationMask) << 8 |
           static_cast<uint64_t>(size) << 4 | static_cast<uint64_t>(state);
  }
  static ChunkWord Unpack(uint64_t word) {
    return {static_cast<ChunkState>(word & 0xf), static_cast<PlaceSize>(word >> 4 & 0xf),
            static_cast<uint32_t>(word >> 8) & kObjectGenerationMask,
            Stamp::Unpack(static_cast<uint32_t>(word >> 32))};
  }
  ChunkWord With(ChunkState next, Stamp by = {}) const { return {next, size, generation, by}; }

  bool IsOf(PlaceSize places) const { return size == places; }
  // What lives in it can be looked at. The bytes of others may be read, and are zeros, which takes
  // memory.
  bool HasPlaces() const {
    const bool open = state == ChunkState::kOpening || state == ChunkState::kReady ||
                      state == ChunkState::kClearing;
    return open && IsSound();
  }
  bool IsSound() const { return size != PlaceSize::kNone && size <= PlaceSize::kHuge; }
};

}  // namespace mp
