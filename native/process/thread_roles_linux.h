#pragma once
// Which of the process's threads is what. Told apart by the function each was started with, which
// glibc keeps in the thread's descriptor: names exist only on newer Node versions and can be
// changed.

#include <cstdint>

#include "base/status.h"
#include "process/thread_layout_linux.h"
#include "process/thread_stop_linux.h"

namespace mp {

enum class Role {
  kPlatform,  // V8's platform workers: jobs that they have begun are waited for, so the child needs
              // them
  kPool,      // libuv's pool, parked when we look
  kOther,     // everything else is left behind, as POSIX does
};

class ThreadRoles {
 public:
  // With all threads stopped, `pool_tid` being one of the pool's. Remembered for later forks and
  // for forked children.
  static Status Learn(const ThreadLayout& layout, pid_t pool_tid, bool has_platform_workers);

  static bool learned();
  static unsigned pool_threads();
  // How many come back in a child: never fewer than were found first.
  static unsigned revived_threads();
  static Role Of(const ThreadLayout& layout, const StoppedThread& thread);
  static const char* NameOf(Role role);
};

}  // namespace mp
