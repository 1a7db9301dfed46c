#pragma once
// Random bytes that nobody can guess.

#include <cstddef>

#include "base/status.h"

namespace mp {

// At most 256 bytes.
Status FillWithEntropy(void* target, size_t length);

}  // namespace mp
