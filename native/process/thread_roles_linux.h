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
  kAddon,  // a thread of an addon that sleeps until somebody in this process wakes it, or waits in
           // an epoll instance: the child has the library's memory, by which that thread is there
           // to be woken
  kOther,  // everything else is left behind, as POSIX does
};

class ThreadRoles {
 public:
  // With all threads stopped, `pool_tid` being one of the pool's. Remembered for later forks and
  // for forked children.
  static Status Learn(const ThreadLayout& layout, pid_t pool_tid, bool has_platform_workers);

  static bool learned();
  static unsigned pool_threads();
  // V8's and libuv's: never fewer of them come back in a child than were found first.
  static unsigned indispensable_threads();
  static Role Of(const ThreadLayout& layout, const StoppedThread& thread);
  // Whether a fork may find it at work: of those that the child needs, and has back as they were.
  static bool MayWork(const ThreadLayout& layout, const StoppedThread& thread);
  // A recursive mutex of glibc knows its holder by a number that a revived thread has no longer: it
  // could not let go of it. A V8 that takes such mutexes must not be at work.
  static void RequirePlatformToRest();
  // How many of the stopped threads come back in a child.
  static unsigned CountRevived(const ThreadLayout& layout);

  // Threads that were started with a function in [begin, end) are no addon's: Node's own (a
  // worker_thread has an event loop, with kernel objects that a fork would share), and ours. A few
  // ranges at most, added once.
  static void AddOwnText(uintptr_t begin, uintptr_t end);
};

}  // namespace mp
