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

// Calls `visit` for every thread. Returns 0, or negative errno.
long ForEachThread(void (*visit)(pid_t tid, void* context), void* context);

}  // namespace mp
