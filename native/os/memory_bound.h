#pragma once
// How much there can be at most. Bounds to state, not memory that is free.

#include <cstdint>

namespace mp {

// Of memory, for this process: what the machine has, or its control groups allow.
uint64_t MemoryBound();
// Of address space.
uint64_t AddressSpaceBound();

}  // namespace mp
