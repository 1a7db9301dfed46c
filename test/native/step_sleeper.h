#pragma once
// Another process that waits, asleep.

#include <sys/prctl.h>

#include "shm/wake.h"
#include "shm_support.h"

namespace mp::test {

struct Sleeper {
  pid_t pid = 0;
  uint32_t id = 0;
  uint32_t word = 0;  // its wake word, asleep
};

inline bool IsAsleep(const Segment& segment, uint32_t id) {
  return WakeStateOf(segment.row(id).wake.load()) == WakeState::kAsleep;
}
// `body` joins as participant `id`, waits, and returns the exit code.
template <typename Body>
Sleeper FallAsleep(const Segment& segment, uint32_t id, Body body) {
  const pid_t pid = Start([&] {
    // Where nobody comes to wake it: what the operation is, is looked at by killing who does it.
    prctl(PR_SET_PDEATHSIG, SIGKILL);
    _exit(body());
  });
  Until([&] { return IsAsleep(segment, id); });
  return {pid, id, segment.row(id).wake.load()};
}
// Somebody has rung it; or its safety deadline is over, which nobody can tell from that. What it
// waits for is there, and it still sleeps as it fell asleep: then a wake-up was lost.
inline bool WasRung(const Segment& segment, const Sleeper& sleeper) {
  return segment.row(sleeper.id).wake.load() != sleeper.word;
}
inline int CodeOf(const Sleeper& sleeper) {
  return WEXITSTATUS(WaitStatus(sleeper.pid));
}

}  // namespace mp::test
