#pragma once
// The wake word: one per participant, for everything that it waits for. Its owner says in it how it
// may be woken; whoever changed something that concerns it rings.
//
//   owner: arm(asleep or armed) → look again at what it waits for → sleep → disarm
//   waker: change → load the wake word → awake, or rung: nothing to do, no system call
//          asleep: mark being rung → wake → mark rung
//
// The owner's arm and the waker's load are both sequentially consistent, as are the change and the
// look: either the waker sees the word armed, or the owner sees the change.

#include <atomic>
#include <cstdint>

namespace mp {

enum class WakeState : uint32_t {
  kAwake = 0,
  kAsleep,      // on the futex that this word is
  kBeingRung,   // somebody is about to wake the sleeper, or has died doing so: wake it as well
  kRungAsleep,  // the sleeper has been woken: nothing to do until it runs
  kArmed,       // in the event loop, on the doorbell
  kRungArmed,   // the doorbell has been rung
};

// The word: a number for every arming, and the state. The number keeps a waker that was held up
// between ringing and marking from marking a later arming, which nobody has rung.
constexpr uint32_t kWakeStateBits = 3;

constexpr WakeState WakeStateOf(uint32_t word) {
  return static_cast<WakeState>(word & ((1U << kWakeStateBits) - 1));
}
constexpr uint32_t WithWakeState(uint32_t word, WakeState state) {
  return (word & ~((1U << kWakeStateBits) - 1)) | static_cast<uint32_t>(state);
}

// By the owner. Returns the word to sleep on.
inline uint32_t ArmWakeWord(std::atomic<uint32_t>* word, WakeState state) {
  const uint32_t next = (word->load(std::memory_order_relaxed) >> kWakeStateBits) + 1;
  const uint32_t armed = WithWakeState(next << kWakeStateBits, state);
  word->store(armed, std::memory_order_seq_cst);
  return armed;
}

// By the owner. True when somebody has rung since it was armed.
inline bool DisarmWakeWord(std::atomic<uint32_t>* word) {
  const uint32_t seen = word->load(std::memory_order_relaxed);
  const uint32_t last =
      word->exchange(WithWakeState(seen, WakeState::kAwake), std::memory_order_acq_rel);
  const WakeState state = WakeStateOf(last);
  return state == WakeState::kBeingRung || state == WakeState::kRungAsleep ||
         state == WakeState::kRungArmed;
}

}  // namespace mp
