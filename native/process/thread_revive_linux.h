#pragma once
// Brings a thread of the parent back to life in the forked child: a new kernel thread takes over
// the stopped thread's descriptor and stack, and returns from its signal frame as if nothing had
// happened.

#include "base/status.h"
#include "process/thread_layout_linux.h"
#include "process/thread_stop_linux.h"

namespace mp {

class ThreadRevival {
 public:
  // Maps the bootstrap stacks; called before the fork, so that the child has nothing left that can
  // fail for want of memory. The mapping is kept for the next fork.
  static Status Reserve(size_t threads);

  // In the child. A failure leaves the child without a thread it needs: the caller must end it.
  static Status Revive(const ThreadLayout& layout, const StoppedThread& thread);
};

}  // namespace mp
