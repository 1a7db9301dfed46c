#include "process/thread_roles_linux.h"

#include <fcntl.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <climits>
#include <cstdlib>
#include <iterator>

#include "process/epoll_after_fork_linux.h"
#include "process/thread_position_linux.h"

namespace mp {
namespace {

uintptr_t platform_routine = 0;
uintptr_t pool_routine = 0;
unsigned pool_count = 0;
unsigned platform_count = 0;

struct Range {
  uintptr_t begin;
  uintptr_t end;
};
// Node's text is in three pieces at most in its own builds, with libuv in it.
Range own_text[16];
size_t own_text_count = 0;
bool platform_rests = false;

bool InOwnText(uintptr_t address) {
  return std::any_of(own_text, own_text + own_text_count, [address](const Range& range) {
    return address >= range.begin && address < range.end;
  });
}

uintptr_t RoutineOf(const ThreadLayout& layout, const StoppedThread& thread) {
  if (thread.deaf || thread.tid == 0) return 0;
  return layout.StartRoutineOf(thread.thread_pointer);
}

// Reads a number that the kernel prints, without stdio's malloc.
long NumberIn(const char* path, long otherwise) {
  const int fd = open(path, O_RDONLY | O_CLOEXEC);
  if (fd < 0) return otherwise;
  char text[32] = {};
  const ssize_t length = read(fd, text, sizeof text - 1);
  close(fd);
  return length > 0 ? std::strtol(text, nullptr, 10) : otherwise;
}

// Threads are numbered in the order in which they were started, modulo the kernel's highest number.
long Age(pid_t tid, long pid_max) {
  return (tid - getpid() + pid_max) % pid_max;
}

// Node starts, in this order and before any JavaScript: the scheduler of delayed tasks (it waits in
// epoll), V8's workers, and the thread that waits for SIGUSR1 (it blocks all signals). So V8's
// workers are the oldest that neither wait in epoll nor are deaf nor belong to libuv's pool.
const StoppedThread* OldestWorker(const ThreadLayout& layout) {
  const long pid_max = NumberIn("/proc/sys/kernel/pid_max", 4'194'304);
  const StoppedThread* oldest = nullptr;
  const StoppedThread* scheduler = nullptr;
  long oldest_age = LONG_MAX;
  long scheduler_age = LONG_MAX;
  long deaf_age = LONG_MAX;
  for (size_t index = 0; index < ThreadStop::count(); ++index) {
    const StoppedThread& thread = ThreadStop::at(index);
    if (thread.tid == 0) continue;
    const long age = Age(thread.tid, pid_max);
    if (thread.deaf) {
      deaf_age = age < deaf_age ? age : deaf_age;
    } else if (age < scheduler_age) {
      scheduler_age = age;
      scheduler = &thread;
    }
  }
  if (scheduler == nullptr) return nullptr;
  const uintptr_t scheduler_routine = RoutineOf(layout, *scheduler);
  for (size_t index = 0; index < ThreadStop::count(); ++index) {
    const StoppedThread& thread = ThreadStop::at(index);
    const uintptr_t routine = RoutineOf(layout, thread);
    if (routine == 0 || routine == pool_routine || routine == scheduler_routine) continue;
    const long age = Age(thread.tid, pid_max);
    if (age < oldest_age && age < deaf_age) {
      oldest_age = age;
      oldest = &thread;
    }
  }
  return oldest;
}

}  // namespace

Status ThreadRoles::Learn(const ThreadLayout& layout, pid_t pool_tid, bool has_platform_workers) {
  const StoppedThread* pool_thread = nullptr;
  for (size_t index = 0; index < ThreadStop::count(); ++index) {
    if (ThreadStop::at(index).tid == pool_tid) pool_thread = &ThreadStop::at(index);
  }
  if (pool_thread == nullptr) return Status::Failed(ESRCH, "thread roles");
  pool_routine = RoutineOf(layout, *pool_thread);
  pool_count = 0;
  for (size_t index = 0; index < ThreadStop::count(); ++index) {
    if (RoutineOf(layout, ThreadStop::at(index)) == pool_routine) ++pool_count;
  }
  if (!has_platform_workers) return Status::Ok();
  const StoppedThread* worker = OldestWorker(layout);
  if (worker == nullptr) return Status::Failed(ENOENT, "thread roles");
  platform_routine = RoutineOf(layout, *worker);
  platform_count = 0;
  for (size_t index = 0; index < ThreadStop::count(); ++index) {
    if (RoutineOf(layout, ThreadStop::at(index)) == platform_routine) ++platform_count;
  }
  return Status::Ok();
}

bool ThreadRoles::learned() {
  return pool_count != 0;
}

unsigned ThreadRoles::pool_threads() {
  return pool_count;
}

unsigned ThreadRoles::indispensable_threads() {
  return pool_count + platform_count;
}

Role ThreadRoles::Of(const ThreadLayout& layout, const StoppedThread& thread) {
  const uintptr_t routine = RoutineOf(layout, thread);
  if (routine == 0) return Role::kOther;
  if (routine == platform_routine) return Role::kPlatform;
  if (routine == pool_routine) return Role::kPool;
  if (InOwnText(routine)) return Role::kOther;
  return SleepsInPrivateFutex(thread) || EpollAfterFork::IsEpoll(EpollOf(thread)) ? Role::kAddon
                                                                                  : Role::kOther;
}

bool ThreadRoles::MayWork(const ThreadLayout& layout, const StoppedThread& thread) {
  const Role role = Of(layout, thread);
  return role == Role::kPool || (role == Role::kPlatform && !platform_rests);
}

void ThreadRoles::RequirePlatformToRest() {
  platform_rests = true;
}

unsigned ThreadRoles::CountRevived(const ThreadLayout& layout) {
  unsigned count = 0;
  for (size_t index = 0; index < ThreadStop::count(); ++index) {
    if (Of(layout, ThreadStop::at(index)) != Role::kOther) ++count;
  }
  return count;
}

void ThreadRoles::AddOwnText(uintptr_t begin, uintptr_t end) {
  const auto same = [begin, end](const Range& range) {
    return range.begin == begin && range.end == end;
  };
  if (std::any_of(own_text, own_text + own_text_count, same)) return;
  if (own_text_count < std::size(own_text)) own_text[own_text_count++] = {begin, end};
}

}  // namespace mp
