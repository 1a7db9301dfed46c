#pragma once
// Waiting a moment before going to sleep: worth it when what is waited for usually comes within the
// time that a sleep and a wake-up would cost. Never with one CPU, where nobody could bring it.

#include <algorithm>
#include <cstdint>

#include "base/deadline.h"
#include "os/thread_identity.h"

namespace mp {

// How long it takes to run again after having been woken, as seen lately: some microseconds on the
// waker's own CPU, ten times that on an idle one that a virtual machine has given back. A partner
// that sleeps is late by as much. Who spins for less than that goes to sleep before it answers, so
// that it has to wake him, which makes him late in turn, and so on for ever; who spins for more
// wastes more than a sleep would have cost.
class WakeUpCost {
 public:
  // A system call.
  WakeUpCost() : ns_(UsableCpus() < 2 ? 0 : (InVirtualMachine() ? kVirtualNs : kRealNs)) {}
  explicit WakeUpCost(uint64_t ns) : ns_(ns) {}

  // 0 with one CPU: nothing is worth spinning for.
  uint64_t ns() const { return ns_; }
  // Whether there is anything to learn: without, nobody need look at the clock.
  bool Counts() const { return ns_ > 0; }
  // Who was awake again sooner had not been asleep. What takes longer was waiting for a busy CPU,
  // which spinning would keep busy, or for what an event loop had to do before.
  void Learn(uint64_t took_ns) {
    if (ns_ > 0 && took_ns >= kLeastNs && took_ns <= kMostNs) ns_ = (7 * ns_ + took_ns) / 8;
  }

 private:
  static constexpr uint64_t kRealNs = 5'000;
  static constexpr uint64_t kVirtualNs = 30'000;
  static constexpr uint64_t kLeastNs = 1'500;
  static constexpr uint64_t kMostNs = 80'000;

  uint64_t ns_;
};

// One for each place that is waited at: what comes fast at one comes slowly at another.
class Spinner {
 public:
  // Spins for no longer than being woken costs, or twice that now and then. Does not own it.
  explicit Spinner(const WakeUpCost* cost) : cost_(cost) {}

  // From `start_ns` on, which is now: to look at the clock costs as much as a fast answer. True as
  // soon as `ready()`; false when it was not worth waiting longer. `ready` is only a hint.
  template <typename Ready>
  bool Spin(Ready ready, uint64_t start_ns, uint64_t most_ns = kNoLimit) {
    const uint64_t budget = std::min(Budget(std::min(cost_->ns(), most_ns)), most_ns);
    if (budget == 0) return false;
    for (;;) {
      for (int i = 0; i < kLooksPerClock; i += 1) {
        if (ready()) {
          failures_ = 0;
          Learn(MonotonicNs() - start_ns);
          return true;
        }
        SpinHint();
      }
      if (MonotonicNs() - start_ns < budget) continue;
      failures_ += 1;
      return false;
    }
  }

  // After how long it came: who slept is told by whoever woke it, so that the time which the
  // wake-up took does not count. So sleeping teaches as much as spinning does, and who gave up
  // spinning finds out that it would pay again. What comes fast counts for more: two that answer
  // each other spin both, or wake each other.
  void Learn(uint64_t came_after_ns) {
    const uint64_t seen = std::min(came_after_ns, kLongNs);
    average_ns_ = seen < average_ns_ ? (average_ns_ + seen) / 2 : (average_ns_ * 7 + seen) / 8;
  }

 private:
  static constexpr uint64_t kNoLimit = UINT64_MAX;
  static constexpr int kLooksPerClock = 16;
  // As long as that is the worst that one wait can teach.
  static constexpr uint64_t kLongNs = 120'000;
  static constexpr uint32_t kWaitsPerProbe = 32;
  static constexpr uint32_t kFailuresToRest = 4;

  // What on average takes longer than spinning may, or was spun for in vain too often (who would
  // bring it needs this very CPU), is not spun for, except now and then, to find out whether that
  // has changed. For longer then: of two that answer each other, each takes long because the other
  // sleeps, until one of them spins for as long as that takes.
  uint64_t Budget(uint64_t cap_ns) {
    if (cap_ns > 0 && average_ns_ <= cap_ns && failures_ < kFailuresToRest) {
      return cap_ns;
    }
    slept_ += 1;
    return slept_ % kWaitsPerProbe == 0 ? 2 * cap_ns : 0;
  }

  const WakeUpCost* cost_;
  uint64_t average_ns_ = 1'000;
  uint32_t failures_ = 0;  // in a row
  uint32_t slept_ = 0;     // waits that were not spun for
};

}  // namespace mp
