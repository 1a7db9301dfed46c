#pragma once
// The event loop in a forked child: kernel objects of its own, and (for a Process) nothing of the
// parent's program left in it.

#include <uv.h>

#include <vector>

#include "base/status.h"

namespace mp {

// libuv's global signal lock is one byte in a pipe, shared with the parent by fork. A process
// killed while it holds the byte would hang the other for ever, so the child gets a pipe of its own
// under the same numbers.
class SignalLockPipe {
 public:
  // In a process that runs normally, before its first fork: finds the descriptors. Without them
  // `Replace` has nothing to do.
  static void Find();
  static Status Replace();
};

class LoopAfterFork {
 public:
  // In the child, while it has a single thread: nobody can be in the middle of uv_async_send, so
  // wake-ups that were on their way are seen, and sent again once the loop has an eventfd of its
  // own. uv_loop_fork alone would drop them.
  static Status Recreate(uv_loop_t* loop);

  // The read end of a pipe whose write end stays open: never readable, never writable, and write(2)
  // on it fails at once (EBADF).
  static Result<int> InertDescriptor();

  // Makes every inherited handle inert: descriptors above 2 (and not in `keep`) are replaced by one
  // that never becomes ready and refuses writes; finished but undelivered work of the parent is
  // dropped. `parked` items of the pool are ours and stay.
  static Status Quiet(uv_loop_t* loop, const std::vector<int>& keep, unsigned parked);
};

}  // namespace mp
