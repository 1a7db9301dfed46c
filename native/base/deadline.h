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

// `timeout_ms` of infinity, or so far away that it cannot be told from it, never comes.
inline uint64_t DeadlineAfterMs(double timeout_ms) {
  if (!(timeout_ms < 1e12)) return kNever;
  return MonotonicNs() + static_cast<uint64_t>(timeout_ms * 1e6);
}

}  // namespace mp
