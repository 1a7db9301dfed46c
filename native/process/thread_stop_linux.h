#pragma once
// Stops every other thread of the process inside a signal handler, whose frame holds the thread's
// complete state, in memory that fork copies. That frame is what revival (thread_revive_linux.h)
// brings back to life in the child.
//
// All state is static: a signal handler has no other way to it, and there is one process.

#include <sys/types.h>
#include <ucontext.h>

#include <cstddef>
#include <cstdint>

#include "base/status.h"

namespace mp {

struct StoppedThread {
  pid_t tid = 0;      // 0: ended while we stopped the others
  bool deaf = false;  // blocks every signal; not stopped, only looked at
  ucontext_t* context = nullptr;
  uintptr_t thread_pointer = 0;
  void* robust_list = nullptr;
  size_t robust_length = 0;
  char name[16] = {};  // what ps shows
};

class ThreadStop {
 public:
  static constexpr size_t kMaxThreads = 2048;

  // Claims a real-time signal nobody handles. Idempotent.
  static Status Install();

  // Stops all other threads, or none: on failure everything runs again. Fails with ETIMEDOUT when a
  // thread did not answer before `deadline_ns` (CLOCK_MONOTONIC); `Silent()` says which.
  static Status Stop(uint64_t deadline_ns);
  // Lets them go on. In the forked child: forgets them.
  static void Release();

  static size_t count();
  static const StoppedThread& at(size_t index);
  static pid_t Silent();
};

}  // namespace mp
