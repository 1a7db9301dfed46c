#include "process/thread_files_linux.h"

#include <fcntl.h>

#include <cstdint>
#include <cstdlib>
#include <cstring>

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
