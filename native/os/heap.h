#pragma once
// The heap of this process, which everybody in it shares.

namespace mp {

// Has the heap keep what is freed for what comes next, up to some 64 MiB at its end, as it would
// once the program had freed an array of 32 MiB. For whoever is about to make long arrays one after
// the other; from the second call on one load. Any thread.
void KeepFreedMemory();

}  // namespace mp
