#include <signal.h>

#include <cstddef>

#include "os/library_thread.h"

namespace mp {
namespace {

constexpr size_t kStackBytes = size_t{256} << 10;

sigset_t SignalsOfOthers() {
  sigset_t signals;
  sigfillset(&signals);
#if defined(SIGRTMIN)
  for (int signal = SIGRTMIN; signal <= SIGRTMAX; ++signal) sigdelset(&signals, signal);
#endif
  return signals;
}

}  // namespace

Result<pthread_t> StartLibraryThread(void* (*run)(void*), void* argument) {
  pthread_attr_t attributes;
  if (const int error = pthread_attr_init(&attributes); error != 0) {
    return Status::Failed(error, "pthread_attr_init");
  }
  pthread_attr_setstacksize(&attributes, kStackBytes);
  // A thread begins with the mask of who starts it: blocked from its first instruction on.
  const sigset_t blocked = SignalsOfOthers();
  sigset_t before;
  pthread_sigmask(SIG_BLOCK, &blocked, &before);
  pthread_t thread{};
  const int error = pthread_create(&thread, &attributes, run, argument);
  pthread_sigmask(SIG_SETMASK, &before, nullptr);
  pthread_attr_destroy(&attributes);
  if (error != 0) return Status::Failed(error, "pthread_create");
  return thread;
}

}  // namespace mp
