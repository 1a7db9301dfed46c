#include "process/thread_files_linux.h"

#include <fcntl.h>

#include <algorithm>
#include <cerrno>
#include <cstdint>
#include <cstdlib>
#include <cstring>
#include <iterator>

#include "os/raw_syscall_linux.h"

namespace mp {
namespace {

struct KernelDirent {
  uint64_t inode;
  int64_t offset;
  uint16_t length;
  uint8_t type;
  char name[1];
};

// "/proc/self/task/<tid>/<file>", written by hand: snprintf may take the locale's lock.
void ThreadPath(char* out, pid_t tid, const char* file) {
  char digits[12];
  int length = 0;
  do {
    digits[length++] = static_cast<char>('0' + tid % 10);
    tid /= 10;
  } while (tid > 0);
  std::strcpy(out, "/proc/self/task/");
  char* at = out + std::strlen(out);
  while (length > 0) *at++ = digits[--length];
  *at++ = '/';
  std::strcpy(at, file);
}

}  // namespace

long ReadThreadFile(pid_t tid, const char* file, char* text, size_t capacity) {
  char path[64];
  ThreadPath(path, tid, file);
  const long fd = raw::Call(SYS_openat, AT_FDCWD, raw::Address(path), O_RDONLY | O_CLOEXEC);
  if (fd < 0) return fd;
  const long length = raw::Call(SYS_read, fd, raw::Address(text), static_cast<long>(capacity - 1));
  raw::Call(SYS_close, fd);
  text[length > 0 ? length : 0] = '\0';
  return length;
}

bool SleepingCall(pid_t tid, long* number, unsigned long* first) {
  // "<number> <arguments…>", or "running".
  char text[256];
  if (ReadThreadFile(tid, "syscall", text, sizeof text) <= 0 || text[0] < '0' || text[0] > '9')
    return false;
  char* rest = nullptr;
  *number = std::strtol(text, &rest, 10);
  *first = std::strtoul(rest, nullptr, 16);
  return true;
}

bool CallsAreHidden(pid_t tid) {
  char text[2];
  return ReadThreadFile(tid, "syscall", text, sizeof text) == -EACCES;
}

bool IsAsleep(pid_t tid) {
  // "<tid> (<name>) <state> …", where the name may hold anything.
  char text[256];
  if (ReadThreadFile(tid, "stat", text, sizeof text) <= 0) return false;
  const char* const name_end = std::strrchr(text, ')');
  return name_end != nullptr && std::strncmp(name_end, ") S ", 4) == 0;
}

KernelSleep KernelSleepOf(pid_t tid) {
  // Under their names in kernels since 5.10, and only those to which no call that writes or locks
  // leads.
  static constexpr const char* kWaits[] = {
      "futex_wait_queue_me",
      "futex_wait_queue",
      "futex_do_wait",
      "futex_wait",
      "__futex_wait",
      "futex_wait_multiple",
      "futex_sleep_multiple",
      "ep_poll",
      "do_epoll_wait",
      "poll_schedule_timeout",
      "do_poll",
      "do_sys_poll",
      "do_select",
      "pipe_read",
      "anon_pipe_read",
      "do_sigtimedwait",
      "sigsuspend",
      "do_nanosleep",
      "hrtimer_nanosleep",
      "do_wait",
  };
  char text[128];
  if (ReadThreadFile(tid, "wchan", text, sizeof text) <= 0) return KernelSleep::kUntold;
  if (std::strcmp(text, "0") == 0) return KernelSleep::kUntold;
  const bool waits = std::any_of(std::begin(kWaits), std::end(kWaits), [&text](const char* name) {
    // The compiler puts ".isra.0" and the like behind some.
    const size_t length = std::strlen(name);
    return std::strncmp(text, name, length) == 0 && (text[length] == '\0' || text[length] == '.');
  });
  return waits ? KernelSleep::kWaiting : KernelSleep::kElsewhere;
}

long ForEachThread(void (*visit)(pid_t tid, void* context), void* context) {
  const long fd = raw::Call(SYS_openat, AT_FDCWD, raw::Address("/proc/self/task"),
                            O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  if (fd < 0) return fd;
  long length = 0;
  alignas(8) char buffer[8192];
  while ((length = raw::Call(SYS_getdents64, fd, raw::Address(buffer), sizeof buffer)) > 0) {
    for (long at = 0; at < length;) {
      const auto* entry = reinterpret_cast<const KernelDirent*>(buffer + at);
      at += entry->length;
      const pid_t tid = std::atoi(entry->name);
      if (tid > 0) visit(tid, context);
    }
  }
  raw::Call(SYS_close, fd);
  return length;
}

}  // namespace mp
