#pragma once
// Waits for named semaphores on behalf of event loops: one thread per process for all of them, made
// when it is first needed. It takes permits as any waiter does, and tells the loop.
//
// After a fork the thread is the parent's. It rests in futex_waitv without holding anything; what a
// child finds of it is forgotten, the semaphores stay usable.

#include <cstdint>
#include <functional>
#include <memory>

#include "os/named_semaphore.h"

namespace mp {

// How many permits a loop wants of one semaphore, and has been given. Only SemaphoreWatch touches
// it, with its mutex held.
struct WantedPermits {
  WantedPermits(std::shared_ptr<NamedSemaphore> of, std::function<void()> tell)
      : semaphore(std::move(of)), notify(std::move(tell)) {}

  const std::shared_ptr<NamedSemaphore> semaphore;
  // On the watch's thread, when permits have been taken. Must not block; never after SetWanted(0).
  const std::function<void()> notify;
  uint32_t wanted = 0;
  uint32_t given = 0;       // of these
  bool registered = false;  // by the thread: among the semaphore's waiters
};

class SemaphoreWatch {
 public:
  // In use by one environment more, or less: with the last one the thread ends, and is waited for.
  static void Enter();
  static void Leave();
  // In a forked child, before anything else here: the thread, and what it waits for, is the
  // parent's.
  static void ForgetAfterFork();

  // How many permits are wanted now. Given ones beyond that go back. Fails when there is no thread
  // and none can be made.
  static Status SetWanted(const std::shared_ptr<WantedPermits>& permits, uint32_t wanted);
  // Takes over what has been given; no longer wanted then.
  static uint32_t TakeGiven(const std::shared_ptr<WantedPermits>& permits);
};

}  // namespace mp
