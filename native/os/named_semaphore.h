#pragma once
// POSIX named semaphores (sem_open). Linux only: macOS has no timed wait for them.
//
// On 64-bit glibc the semaphore's word is used directly where the public calls do not suffice: to
// release many permits or none, and to wait for several semaphores at once. Its layout is shared
// between processes by way of /dev/shm, whatever glibc each of them has, and so has been the same
// since 2.21. Where it is not known (musl, 32 bits) the public calls alone are used.

#include <semaphore.h>

#include <atomic>
#include <cstdint>
#include <memory>
#include <string>

#include "base/status.h"

namespace mp {

struct NamedSemaphoreOptions {
  bool create = false;
  bool exclusive = false;
  unsigned mode = 0;  // the umask is applied
  unsigned value = 0;
};

class NamedSemaphore {
 public:
  // `name` with its leading slash. Shared: whoever waits for it keeps it open.
  static Result<std::shared_ptr<NamedSemaphore>> Open(const std::string& name,
                                                      const NamedSemaphoreOptions& options);
  static Status Unlink(const std::string& name);

  explicit NamedSemaphore(sem_t* semaphore) : semaphore_(semaphore) {}
  ~NamedSemaphore();
  NamedSemaphore(const NamedSemaphore&) = delete;
  NamedSemaphore& operator=(const NamedSemaphore&) = delete;

  // A permit, if there is one. Killed after it: the permit is lost, as POSIX has it.
  bool TryTake();
  // Blocks the thread. False when the deadline (base/deadline.h) came.
  Result<bool> TakeUntil(uint64_t deadline_ns);
  // All of them, or none and EOVERFLOW.
  Status Release(uint32_t permits);
  uint32_t Value() const;

  // What a thread needs that waits by its own means: null where the layout is not known.
  const std::atomic<uint32_t>* word() const;
  // Between the two, whoever posts wakes one sleeper on the word. Killed in between: every later
  // post makes one system call that wakes nobody.
  void BeginWait();
  // By a thread that does not sleep any more. It may have been woken for a permit that it has not
  // taken: the wake-up goes on to the next.
  void EndWait();

 private:
  std::atomic<uint64_t>* data() const;

  sem_t* semaphore_;
};

}  // namespace mp
