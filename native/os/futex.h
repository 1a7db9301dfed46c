#pragma once
// Sleeping on a 32-bit word that other processes share. Every function is a system call; whoever
// can tell without one that nobody sleeps does not call it.

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <vector>

namespace mp {

enum class FutexOutcome {
  kWoken,     // woken, interrupted, or the word had already changed: look again
  kTimedOut,  // the deadline (base/deadline.h) came
};

FutexOutcome FutexWait(const std::atomic<uint32_t>& word, uint32_t expected, uint64_t deadline_ns);

struct FutexWatch {
  const std::atomic<uint32_t>* word;
  uint32_t expected;
};

// Sleeps until either word is woken. Where the kernel cannot wait for two words, the second is left
// out: the caller's deadline has to cover for it.
FutexOutcome FutexWaitEither(FutexWatch own, FutexWatch other, uint64_t deadline_ns);

// The kernel's bound (FUTEX_WAITV_MAX).
constexpr size_t kMostFutexWatches = 128;
// Sleeps until one of up to so many words is woken, or is not as expected. False where the kernel
// cannot.
bool FutexWaitAny(const std::vector<FutexWatch>& words);

void FutexWake(const std::atomic<uint32_t>& word, int sleepers);

}  // namespace mp
