#include "os/thread_identity.h"

#include <fcntl.h>
#include <sched.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>
#if defined(__x86_64__)
#include <cpuid.h>
#endif

#include <cerrno>
#include <cstdio>
#include <cstdlib>
#include <cstring>

#include "base/unique_fd.h"

namespace mp {
namespace {

struct ThreadStat {
  char state = 'X';
  uint64_t start_time = 0;
};

// Fields of /proc/<pid>/task/<tid>/stat are counted from the last ')': the name before it may hold
// anything. State is the first of them, start time the twentieth.
bool ParseStat(const char* text, ThreadStat* stat) {
  const char* field = std::strrchr(text, ')');
  if (field == nullptr || field[1] != ' ') return false;
  field += 2;
  stat->state = *field;
  for (int skipped = 0; skipped < 19; skipped += 1) {
    field = std::strchr(field, ' ');
    if (field == nullptr) return false;
    field += 1;
  }
  stat->start_time = std::strtoull(field, nullptr, 10);
  return true;
}

// 0, or the errno that tells why it could not be read.
int ReadStat(uint32_t pid, uint32_t tid, ThreadStat* stat) {
  char path[64];
  std::snprintf(path, sizeof path, "/proc/%u/task/%u/stat", pid, tid);
  const UniqueFd fd(open(path, O_RDONLY | O_CLOEXEC));
  if (!fd) return errno;
  char text[1024];
  const ssize_t length = read(fd.get(), text, sizeof text - 1);
  // A thread that ends while its file is open reads as ESRCH.
  if (length < 0) return errno;
  text[length] = '\0';
  return ParseStat(text, stat) ? 0 : EBADMSG;
}

}  // namespace

uint32_t CurrentTid() {
  return static_cast<uint32_t>(syscall(SYS_gettid));
}

Result<ThreadIdentity> CurrentThread() {
  ThreadIdentity self;
  self.pid = static_cast<uint32_t>(syscall(SYS_getpid));
  self.tid = CurrentTid();
  ThreadStat own;
  if (const int error = ReadStat(self.pid, self.tid, &own); error != 0) {
    return Status::Failed(error, "open");
  }
  self.start_time = own.start_time;
  struct stat info{};
  if (stat("/proc/self/ns/pid", &info) != 0) return Status::Failed(errno, "stat");
  self.pid_namespace = info.st_ino;
  return self;
}

bool HasEnded(const ThreadIdentity& thread) {
  ThreadStat now;
  const uint32_t pid = thread.pid != 0 ? thread.pid : thread.tid;
  const int error = ReadStat(pid, thread.tid, &now);
  if (error == ENOENT || error == ESRCH) return true;
  // What cannot be read is taken for alive: memory is kept rather than given away too early.
  if (error != 0) return false;
  if (thread.start_time != 0 && now.start_time != thread.start_time) return true;
  return now.state == 'Z' || now.state == 'X';
}

uint32_t UsableCpus() {
  cpu_set_t set;
  CPU_ZERO(&set);
  if (sched_getaffinity(0, sizeof set, &set) != 0) return 1;
  return static_cast<uint32_t>(CPU_COUNT(&set));
}

bool InVirtualMachine() {
#if defined(__x86_64__)
  unsigned int eax = 0, ebx = 0, ecx = 0, edx = 0;
  constexpr unsigned int kHypervisorBit = 1U << 31;
  return __get_cpuid(1, &eax, &ebx, &ecx, &edx) != 0 && (ecx & kHypervisorBit) != 0;
#else
  return false;
#endif
}

}  // namespace mp
