#pragma once
// Waiting a moment before going to sleep: worth it when what is waited for usually comes within the
// time that a sleep and a wake-up would cost. Never with one CPU, where nobody could bring it.
//
// One for each place that is waited at: what comes fast at one comes slowly at another.

#include <algorithm>
#include <cstdint>

#include "base/deadline.h"
#include "os/thread_identity.h"

namespace mp {

class Spinner {
 public:
  // 0 with one CPU. A system call.
  static uint64_t CapNs() {
    if (UsableCpus() < 2) return 0;
    return InVirtualMachine() ? kVirtualCapNs : kRealCapNs;
  }
  explicit Spinner(uint64_t cap_ns) : cap_ns_(cap_ns) {}

  // True as soon as `ready()`; false when it was not worth waiting longer. `ready` is only a hint.
  template <typename Ready>
  bool Spin(Ready ready) {
    const uint64_t budget = Budget();
    if (budget == 0) return false;
    const uint64_t start = MonotonicNs();
    for (;;) {
      for (int i = 0; i < kLooksPerClock; i += 1) {
        if (ready()) {
          failures_ = 0;
          Learn(MonotonicNs() - start);
          return true;
        }
        SpinHint();
      }
      if (MonotonicNs() - start < budget) continue;
      failures_ += 1;
      return false;
    }
  }

  // After how long it came: who slept is told by whoever woke it, so that the time which the
  // wake-up took does not count. So sleeping teaches as much as spinning does, and who gave up
  // spinning finds out that it would pay again. What comes fast counts for more: two that answer
  // each other spin both, or wake each other.
  void Learn(uint64_t came_after_ns) {
    const uint64_t seen = std::min(came_after_ns, kMostOfCap * cap_ns_);
    average_ns_ = seen < average_ns_ ? (average_ns_ + seen) / 2 : (average_ns_ * 7 + seen) / 8;
  }

 private:
  static constexpr uint64_t kRealCapNs = 5'000;
  static constexpr uint64_t kVirtualCapNs = 30'000;
  static constexpr int kLooksPerClock = 16;
  // As long as that is the worst that one wait can teach.
  static constexpr uint64_t kMostOfCap = 4;
  static constexpr uint32_t kWaitsPerProbe = 32;
  static constexpr uint32_t kFailuresToRest = 4;

  // Up to twice the recent average. What on average takes longer than spinning may, or was spun for
  // in vain too often (who would bring it needs this very CPU), is not spun for, except now and
  // then, to find out whether that has changed. For longer then: of two that answer each other,
  // each takes long because the other sleeps, until one of them spins for as long as that takes.
  uint64_t Budget() {
    if (average_ns_ <= cap_ns_ && failures_ < kFailuresToRest) {
      return std::min(2 * average_ns_ + 500, cap_ns_);
    }
    slept_ += 1;
    return slept_ % kWaitsPerProbe == 0 ? 2 * cap_ns_ : 0;
  }

  uint64_t cap_ns_;
  uint64_t average_ns_ = 1'000;
  uint32_t failures_ = 0;  // in a row
  uint32_t slept_ = 0;     // waits that were not spun for
};

}  // namespace mp
