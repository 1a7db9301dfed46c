#pragma once
// Waiting a moment before going to sleep: worth it when what is waited for usually comes within the
// time that a sleep and a wake-up would cost. Never with one CPU, where nobody could bring it.

#include <algorithm>
#include <cstdint>

#include "base/deadline.h"
#include "os/thread_identity.h"

namespace mp {

class Spinner {
 public:
  explicit Spinner(uint64_t most_ns = kVirtualCapNs) : cap_ns_(std::min(most_ns, CapNs())) {}

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

  // How long a whole wait took, slept or spun.
  void Learn(uint64_t waited_ns) {
    const uint64_t seen = waited_ns < 4 * cap_ns_ ? waited_ns : 4 * cap_ns_;
    average_ns_ = (average_ns_ * 7 + seen) / 8;
  }

 private:
  static uint64_t CapNs() {
    if (UsableCpus() < 2) return 0;
    return InVirtualMachine() ? kVirtualCapNs : kRealCapNs;
  }
  static constexpr uint64_t kRealCapNs = 5'000;
  static constexpr uint64_t kVirtualCapNs = 30'000;
  static constexpr int kLooksPerClock = 16;
  static constexpr uint32_t kFailuresToRest = 4;

  // Up to twice the recent average. What on average takes longer than spinning may, or was spun for
  // in vain too often (others need the CPU), is not spun for, except now and then, to find out
  // whether that has changed.
  uint64_t Budget() {
    if (average_ns_ <= cap_ns_ && failures_ < kFailuresToRest) {
      const uint64_t twice = 2 * average_ns_ + 500;
      return twice < cap_ns_ ? twice : cap_ns_;
    }
    tries_ += 1;
    return tries_ % 32 == 0 ? cap_ns_ : 0;
  }

  uint64_t cap_ns_;
  uint64_t average_ns_ = 1'000;
  uint32_t failures_ = 0;  // in a row
  uint32_t tries_ = 0;
};

}  // namespace mp
