#pragma once
// Sizes of blocks. The smaller ones are cut from slabs of equal blocks; what is larger has a run of
// units to itself. A payload of a power of two, and a little of a message's own head, fits each of
// them well.

#include <array>
#include <cstdint>

#include "ring/block.h"
#include "shm/layout.h"

namespace mp {

struct SizeClass {
  uint32_t size;     // of a block with its header, in units of kBlockAlignment
  uint32_t units;    // of a slab
  uint32_t blocks;   // in a slab
  uint32_t inverse;  // 65536 / size, rounded up

  constexpr uint64_t bytes() const { return size * kBlockAlignment; }
  constexpr uint64_t capacity() const { return bytes() - sizeof(BlockHeader); }
  // Which block begins so far from the beginning of a slab; `blocks` or more when none does.
  // Multiples of the size are divided exactly by way of the inverse, others do not come back.
  constexpr uint32_t IndexOf(uint32_t within) const {
    const uint32_t index = static_cast<uint32_t>(uint64_t{within} * inverse >> 16);
    return index * size == within ? index : blocks;
  }
};

constexpr uint32_t kRefsPerUnit = kUnitSize / kBlockAlignment;

constexpr SizeClass MakeSizeClass(uint32_t bytes, uint32_t units) {
  const auto size = static_cast<uint32_t>(bytes / kBlockAlignment);
  return {size, units, units * kRefsPerUnit / size, (65536 + size - 1) / size};
}

constexpr std::array<SizeClass, 10> kSizeClasses = {
    MakeSizeClass(128, 1),   MakeSizeClass(256, 1),  MakeSizeClass(384, 1),  MakeSizeClass(640, 1),
    MakeSizeClass(1152, 1),  MakeSizeClass(2176, 1), MakeSizeClass(4224, 1), MakeSizeClass(8320, 4),
    MakeSizeClass(16512, 4), MakeSizeClass(33024, 4)};
constexpr uint32_t kSlabClasses = kSizeClasses.size();
// Its bit among the hints of orphans; it is no slab.
constexpr uint32_t kRunClass = kSlabClasses;

constexpr uint64_t kLargestSlabPayload = kSizeClasses.back().capacity();

constexpr auto kClassBySize = [] {
  std::array<uint8_t, kSizeClasses.back().size + 1> table{};
  uint8_t size_class = 0;
  for (uint32_t size = 0; size < table.size(); size += 1) {
    while (kSizeClasses[size_class].size < size) size_class += 1;
    table[size] = size_class;
  }
  return table;
}();

// `payload` must be at most kLargestSlabPayload.
constexpr uint32_t ClassFor(uint64_t payload) {
  return kClassBySize[(payload + sizeof(BlockHeader) + kBlockAlignment - 1) / kBlockAlignment];
}
// No sum of the payload is made before it is known to be of a size that anything can have.
constexpr uint64_t UnitsForRun(uint64_t payload) {
  constexpr uint64_t kMost = kMaxUnits * kUnitSize;
  return payload >= kMost ? kMaxUnits : (payload + sizeof(BlockHeader) + kUnitSize - 1) / kUnitSize;
}

}  // namespace mp
