#pragma once
// Monotonic time, in nanoseconds.

#include <cstdint>
#include <ctime>
#include <limits>

namespace mp {

constexpr uint64_t kNever = std::numeric_limits<uint64_t>::max();

inline uint64_t MonotonicNs() {
  timespec now{};
  clock_gettime(CLOCK_MONOTONIC, &now);
  return static_cast<uint64_t>(now.tv_sec) * 1'000'000'000 + static_cast<uint64_t>(now.tv_nsec);
}

// As of the last tick of the system's clock: some milliseconds late, and a tenth of the cost where
// the processor's clock is slow to read.
inline uint64_t CoarseMonotonicNs() {
  timespec now{};
#ifdef CLOCK_MONOTONIC_COARSE
  clock_gettime(CLOCK_MONOTONIC_COARSE, &now);
#else
  clock_gettime(CLOCK_MONOTONIC, &now);
#endif
  return static_cast<uint64_t>(now.tv_sec) * 1'000'000'000 + static_cast<uint64_t>(now.tv_nsec);
}

// A deadline that never comes is told without the clock.
inline bool HasPassed(uint64_t deadline_ns) {
  return deadline_ns != kNever && MonotonicNs() >= deadline_ns;
}

// `timeout_ms` of infinity, or so far away that it cannot be told from it, never comes.
inline uint64_t DeadlineAfterMs(double timeout_ms) {
  if (!(timeout_ms < 1e12)) return kNever;
  return MonotonicNs() + static_cast<uint64_t>(timeout_ms * 1e6);
}

}  // namespace mp
