#pragma once
// A bit per participant. Setting and clearing are single atomic steps; the order between them and
// the words that they are about is always the sequentially consistent one.

#include <bit>
#include <cstdint>

#include "shm/layout.h"

namespace mp {

inline void SetBit(Bitmap* bitmap, uint32_t id) {
  bitmap->words[id / 64].fetch_or(uint64_t{1} << id % 64, std::memory_order_seq_cst);
}
inline void ClearBit(Bitmap* bitmap, uint32_t id) {
  bitmap->words[id / 64].fetch_and(~(uint64_t{1} << id % 64), std::memory_order_seq_cst);
}
inline bool HasBit(const Bitmap& bitmap, uint32_t id) {
  return (bitmap.words[id / 64].load(std::memory_order_seq_cst) >> id % 64 & 1) != 0;
}
inline bool HasAnyBit(const Bitmap& bitmap) {
  for (const auto& word : bitmap.words) {
    if (word.load(std::memory_order_seq_cst) != 0) return true;
  }
  return false;
}
inline uint32_t CountBits(const Bitmap& bitmap) {
  uint32_t count = 0;
  for (const auto& word : bitmap.words) {
    count += static_cast<uint32_t>(std::popcount(word.load(std::memory_order_seq_cst)));
  }
  return count;
}

// The first id after `after`, coming round, for which `fits(id)`; 0 when there is none.
template <typename Fits>
uint32_t NextBit(const Bitmap& bitmap, uint32_t after, Fits fits) {
  const uint32_t start = (after + 1) % kMaxParticipants;
  // The word of `start` is looked at twice: its upper part first, the rest of it last.
  for (uint32_t step = 0; step <= kBitmapWords; step += 1) {
    const uint32_t index = (start / 64 + step) % kBitmapWords;
    uint64_t bits = bitmap.words[index].load(std::memory_order_seq_cst);
    if (step == 0) bits &= ~uint64_t{0} << start % 64;
    if (step == kBitmapWords) bits &= ~(~uint64_t{0} << start % 64);
    for (; bits != 0; bits &= bits - 1) {
      const uint32_t id = index * 64 + static_cast<uint32_t>(std::countr_zero(bits));
      if (fits(id)) return id;
    }
  }
  return 0;
}

}  // namespace mp
