#pragma once
// A block that is not copied but lent: loan.h says how, and for how long.

#include "ring/block.h"

namespace mp {

struct Loan {
  BlockRef block = 0;  // of one that is read: 0
  std::atomic<uint64_t>* state_word = nullptr;
  uint64_t state = 0;
  std::byte* bytes = nullptr;
  uint64_t length = 0;

  bool reads() const { return block == 0; }
};

}  // namespace mp
