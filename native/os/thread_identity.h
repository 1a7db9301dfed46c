#pragma once
// A thread named so that it can never be taken for a later one: its numbers, the moment it began,
// and the pid namespace in which the numbers count.

#include <cstdint>

#include "base/status.h"

namespace mp {

struct ThreadIdentity {
  uint32_t pid = 0;
  uint32_t tid = 0;
  uint64_t start_time = 0;
  uint64_t pid_namespace = 0;
};

Result<ThreadIdentity> CurrentThread();
uint32_t CurrentTid();
// True when it can run no further instruction. A stopped or traced thread has not ended. For a
// number of which nothing more is known, start_time is 0: it counts as ended when the number is
// free.
bool HasEnded(const ThreadIdentity& thread);

// CPUs that this process may use.
uint32_t UsableCpus();
// Waking an idle CPU costs a virtual machine an exit.
bool InVirtualMachine();
// Tells the CPU that this is a spinning loop.
inline void SpinHint() {
#if defined(__x86_64__)
  __builtin_ia32_pause();
#elif defined(__aarch64__)
  asm volatile("isb");
#endif
}

}  // namespace mp
