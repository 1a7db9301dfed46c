#pragma once
// For those who may not open a participant's doorbell: a process that has given up root (setuid) is
// closed to all others but root, and the doorbell of one that is still root's to those that are
// not. What every member of the segment can do is to wake a futex in it, so a thread of the
// participant's own sleeps on one, and rings in their stead.

#include <pthread.h>
#include <sys/types.h>

#include <atomic>
#include <cstdint>
#include <memory>

#include "base/status.h"
#include "shm/layout.h"

namespace mp {

class BellRelay {
 public:
  // For the participant that has `row`, which outlives it, as `doorbell` does.
  static Result<std::unique_ptr<BellRelay>> Start(ParticipantRow* row, int doorbell);
  // Ends the thread, which in a forked child is not there.
  ~BellRelay();
  BellRelay(const BellRelay&) = delete;
  BellRelay& operator=(const BellRelay&) = delete;

  // By whoever cannot ring. Without a relay it remains as a request for one.
  static void Call(ParticipantRow* row);

 private:
  BellRelay(ParticipantRow* row, int doorbell);
  static void* Run(void* self);

  ParticipantRow* row_;
  int doorbell_;
  pid_t maker_;
  std::atomic<bool> must_end_{false};
  pthread_t thread_{};
};

}  // namespace mp
