#pragma once
// Holds all threads of libuv's pool at a known place, so that no operation of the parent is in
// progress when it forks. The queue is first in, first out: once every thread holds one of our
// items, everything queued before has finished. (Slow operations, getaddrinfo and getnameinfo, may
// be overtaken: the caller asks Node whether there are any.)

#include <uv.h>

#include <cstdint>

#include "base/status.h"

namespace mp {

class PoolParking {
 public:
  // Starts the pool when it has not been used yet, and tells the thread id of one of its threads.
  static Result<int> Warm(uv_loop_t* loop, uint64_t deadline_ns);

  // Blocks until `threads` pool threads are held. On failure (ETIMEDOUT: the pool is busy) all go
  // on.
  static Status Park(uv_loop_t* loop, unsigned threads, uint64_t deadline_ns);
  // Lets them go on; their items complete through the loop.
  static void Unpark();
};

}  // namespace mp
