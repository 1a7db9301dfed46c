#pragma once
// The header word of an object: what it is, whether it lives, and whose half-done step it is in.

#include <cstdint>

#include "shm/layout.h"
#include "shm/stamp.h"

namespace mp {

enum class ObjectState : uint8_t {
  kFree = 0,
  kClaimed,  // being made by the owner; or a ledger block, which stays claimed
  kLive,     // no owner
  kRetired,  // nobody is attached; the owner is about to free it
  // Free, and not to be claimed: its chunk's owner is about to give the memory back
  // (shm/chunk_word.h).
  kWithdrawn,
};

constexpr uint32_t kObjectGenerationMask = 0xff'ffff;

// Never 0: the header of a place that is free in a chunk which has memory is not that of one which
// has none.
inline uint32_t NextGeneration(uint32_t generation) {
  const uint32_t next = (generation + 1) & kObjectGenerationMask;
  return next == 0 ? 1 : next;
}

// State 4, kind 4, generation 24, owner 32.
struct ObjectHeader {
  ObjectState state = ObjectState::kFree;
  ObjectKind kind = ObjectKind::kNone;
  uint32_t generation = 0;
  Stamp owner;

  uint64_t packed() const {
    return static_cast<uint64_t>(owner.packed()) << 32 |
           static_cast<uint64_t>(generation & kObjectGenerationMask) << 8 |
           static_cast<uint64_t>(kind) << 4 | static_cast<uint64_t>(state);
  }
  static ObjectHeader Unpack(uint64_t word) {
    return {static_cast<ObjectState>(word & 0xf), static_cast<ObjectKind>(word >> 4 & 0xf),
            static_cast<uint32_t>(word >> 8) & kObjectGenerationMask,
            Stamp::Unpack(static_cast<uint32_t>(word >> 32))};
  }
};

// A reference that can be sent to another process of the segment. It never comes to mean a later
// object in the same place before the places of that chunk were used some 2^24 times.
struct ObjectRef {
  uint64_t offset = 0;
  uint32_t generation = 0;
  ObjectKind kind = ObjectKind::kNone;
  bool operator==(const ObjectRef&) const = default;
};

// A ledger entry: place 32 (in units of an object), generation 24, flags 8. 0 is an empty entry.
constexpr uint64_t kEntryUsed = 1;
constexpr uint64_t kEntryRecovered = 2;  // the reaper has given back what it stands for

inline uint64_t LedgerEntryOf(const ObjectRef& ref) {
  return ref.offset / sizeof(SharedObject) << 32 |
         static_cast<uint64_t>(ref.generation & kObjectGenerationMask) << 8 | kEntryUsed;
}
inline ObjectRef RefOfLedgerEntry(uint64_t entry) {
  return {(entry >> 32) * sizeof(SharedObject),
          static_cast<uint32_t>(entry >> 8) & kObjectGenerationMask, ObjectKind::kNone};
}

}  // namespace mp
