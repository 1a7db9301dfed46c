#pragma once
// Random bytes that nobody can guess.

#include <cstddef>

#include "base/status.h"

namespace mp {

// Any length, in as few system calls as there can be.
Status FillWithEntropy(void* target, size_t length);

}  // namespace mp
