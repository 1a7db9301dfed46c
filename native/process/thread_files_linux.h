#pragma once
// What /proc tells of this process's threads, read with raw system calls: others may be stopped
// while they hold the allocator's lock.

#include <sys/types.h>

#include <cstddef>

namespace mp {

// Reads /proc/self/task/<tid>/<file> into a string. Returns its length, or negative errno.
long ReadThreadFile(pid_t tid, const char* file, char* text, size_t capacity);

// The system call in which a thread sleeps and its first argument; false while it runs or could.
bool SleepingCall(pid_t tid, long* number, unsigned long* first);

// A process that has given up its rights (setuid of a root process) may not read in which calls its
// own threads sleep. What it may read is whether one sleeps, and the kernel's function in which it
// does.
bool CallsAreHidden(pid_t tid);
bool IsAsleep(pid_t tid);
enum class KernelSleep {
  kUntold,   // the thread runs, or the kernel does not tell
  kWaiting,  // in a function that is reached by calls that wait, and by no others
  kElsewhere,
};
KernelSleep KernelSleepOf(pid_t tid);

// Calls `visit` for every thread. Returns 0, or negative errno.
long ForEachThread(void (*visit)(pid_t tid, void* context), void* context);

}  // namespace mp
