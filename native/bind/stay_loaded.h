#pragma once

namespace mp {

// Node unloads an addon with the last environment that uses it; not after this. False when it could
// not be had.
bool StayLoaded();

}  // namespace mp
