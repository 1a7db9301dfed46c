#pragma once
// The epoll instances in which threads of addons wait. A forked child has its parent's: what it
// registers there, the parent's thread would be told of, with pointers into the child's memory.

#include "base/status.h"

namespace mp {

class EpollAfterFork {
 public:
  static bool IsEpoll(int fd);

  // In the child, while it has one thread: puts an instance of the child's own under all numbers
  // of this one. Eventfds that are registered, by which a library wakes its thread, become the
  // child's own too, with their counts, and are registered again. Everything else that is
  // registered is the parent's, and becomes inert under its number (`inert_fd`): a library that
  // wrote to a connection of the parent's would write in the midst of what the parent writes.
  // Without an `inert_fd` (-1) it is shared with the parent, as all is with a twin. `loop_fd` is
  // left as it is.
  static Status Replace(int fd, int inert_fd, int loop_fd);
};

}  // namespace mp
