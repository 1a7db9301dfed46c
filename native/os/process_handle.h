#pragma once
// A process held by a descriptor that becomes readable when it ends: pidfd on Linux, kqueue on
// macOS. Unlike its number, the descriptor can never come to mean another process.

#include <sys/types.h>

#include "base/status.h"
#include "base/unique_fd.h"

namespace mp {

// How a process ended: exactly one of the two is not zero, or both are and it was exit(0).
struct ExitReport {
  int code = 0;
  int signal = 0;
};

struct WaitOutcome {
  enum class Kind {
    kRunning,
    kExited,
    kTakenElsewhere,  // it has ended, and somebody else has collected its status
  };
  Kind kind = Kind::kRunning;
  ExitReport report;
};

// Fails with ESRCH when there is no such process.
Result<UniqueFd> OpenProcess(pid_t pid);
// Looks at a child without waiting, and collects its status when `reap`.
Result<WaitOutcome> LookAtChild(int handle, pid_t pid, bool reap);
// False when it has ended.
Result<bool> SignalProcess(int handle, pid_t pid, int signal);

}  // namespace mp
