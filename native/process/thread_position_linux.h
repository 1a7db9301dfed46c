#pragma once
// Where a stopped thread stands, and so which locks it may hold.

#include <cstdint>

#include "process/thread_stop_linux.h"

namespace mp {

enum class Position {
  kWaiting,  // in a system call that waits: holds no lock of the C library
  kLocking,  // waits for a lock, or for the sleepers of a condition: may hold other locks
  kLibrary,  // in the C library, or waking somebody: may hold its locks
  kHidden,   // asleep, but we may not know where
  kRunning,  // anywhere else
};

Position PositionOf(const StoppedThread& thread);

// Asleep on a futex that only this process's threads can wake: nothing but this process's memory
// tells when its sleep ends.
bool SleepsInPrivateFutex(const StoppedThread& thread);

// The descriptor of a wait for one of epoll's, or any other that the interrupted call may have
// begun with: ask whether it is one of epoll's. Or -1. Not told on AArch64, where the call's result
// has taken its place.
int EpollOf(const StoppedThread& thread);

// Code in [begin, end) counts as kLibrary. A few ranges at most, added once.
void AddLibraryRange(uintptr_t begin, uintptr_t end);

// A function of the C library that waits for something else than a futex, with arguments that may
// look alike.
void AddPollRange(uintptr_t begin, uintptr_t end);

// syscall(3): the futex calls made through it are not the C library's own, and mean what their
// caller means. Without this range no thread is kLocking.
void SetSyscallRange(uintptr_t begin, uintptr_t end);

// A function that others are called from only to wait for a lock: absl::Mutex, on which newer V8
// rests its mutexes, sleeps through the same calls as a condition does. A thread that waits under
// it is kLocking.
void SetLockLoopRange(uintptr_t begin, uintptr_t end);

}  // namespace mp
