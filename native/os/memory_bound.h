#pragma once
// How much there can be at most. Bounds to state, not memory that is free.

#include <cstdint>
#include <string>

namespace mp {

// Of memory, for this process: what the machine has, or its control groups allow.
uint64_t MemoryBound();
// What the control groups of this process allow, of memory: all ones where they say nothing. `root`
// is where the file system begins.
uint64_t ControlGroupBound(const std::string& root = "");
// Of address space.
uint64_t AddressSpaceBound();

}  // namespace mp
