#include "process/dontfork_marks_linux.h"

#include <fcntl.h>
#include <sched.h>
#include <signal.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#include <cstdlib>
#include <cstring>

#include "base/unique_fd.h"
#include "os/raw_syscall_linux.h"

namespace mp {
namespace {

constexpr long kWorthwhileBytes = 64L << 20;
constexpr size_t kPage = 4096;

// Walks /proc/self/maps line by line in a buffer of its own.
class MapsReader {
 public:
  MapsReader() : fd_(open("/proc/self/maps", O_RDONLY | O_CLOEXEC)) {}
  bool ok() const { return static_cast<bool>(fd_); }

  // The next line, without its newline; null at the end.
  const char* Next() {
    for (;;) {
      if (auto* newline = static_cast<char*>(std::memchr(buffer_ + begin_, '\n', end_ - begin_))) {
        const char* line = buffer_ + begin_;
        *newline = '\0';
        begin_ = static_cast<size_t>(newline - buffer_) + 1;
        return line;
      }
      std::memmove(buffer_, buffer_ + begin_, end_ - begin_);
      end_ -= begin_;
      begin_ = 0;
      const ssize_t length = read(fd_.get(), buffer_ + end_, sizeof buffer_ - end_);
      if (length <= 0) return nullptr;
      end_ += static_cast<size_t>(length);
    }
  }

 private:
  UniqueFd fd_;
  size_t begin_ = 0;
  size_t end_ = 0;
  char buffer_[16384];
};

// Resident and this process's own. What is mapped from files, most of a small Node, costs a fork
// nothing: a child finds it in the page cache.
long OwnBytes() {
  const UniqueFd fd(open("/proc/self/statm", O_RDONLY | O_CLOEXEC));
  char text[128] = {};
  if (!fd || read(fd.get(), text, sizeof text - 1) <= 0) return 0;
  char* at = nullptr;
  std::strtol(text, &at, 10);  // all that is mapped
  const long resident = std::strtol(at, &at, 10);
  const long shared = std::strtol(at, &at, 10);
  return (resident - shared) * sysconf(_SC_PAGESIZE);
}

}  // namespace

std::vector<DontForkMarks::Range> DontForkMarks::AnonymousMappings(Status* status) {
  std::vector<Range> ranges;
  MapsReader maps;
  if (!maps.ok()) {
    *status = Status::Failed(errno, "open");
    return ranges;
  }
  while (const char* line = maps.Next()) {
    char* at = nullptr;
    const uintptr_t begin = std::strtoul(line, &at, 16);
    const uintptr_t end = std::strtoul(at + 1, &at, 16);
    const char* permissions = at + 1;  // "rw-p <offset> <device> <inode> <path>"
    std::strtoul(permissions + 5, &at, 16);
    const char* device = at + 1;
    const bool anonymous = std::strncmp(device, "00:00 0", 7) == 0;
    const bool kernels = std::strstr(device, "[v") != nullptr;  // vdso, vvar, vsyscall
    if (anonymous && !kernels && permissions[3] == 'p') ranges.push_back({begin, end});
  }
  return ranges;
}

// The child shares nothing but `missing` and makes two kinds of system call, so it needs no heap
// and no thread. CLONE_VFORK: we go on when it is gone. No exit signal, so neither libuv nor the
// program hears of it.
bool DontForkMarks::KeepOnlyMarked(std::vector<Range>* ranges) {
  const size_t size = ranges->size();
  void* memory = mmap(nullptr, size, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
  if (memory == MAP_FAILED) return false;
  auto* missing = static_cast<unsigned char*>(memory);
  const Range* all = ranges->data();
  const long pid = raw::Call(SYS_clone, CLONE_VFORK);
  if (pid == 0) {
    unsigned char resident[1];
    for (size_t index = 0; index < size; ++index) {
      const long result = raw::Call(SYS_mincore, static_cast<long>(all[index].begin), kPage,
                                    raw::Address(resident));
      if (result == -ENOMEM) missing[index] = 1;
    }
    raw::Call(SYS_exit_group, 0);
  }
  bool known = false;
  if (pid > 0) {
    int status = 0;
    known = raw::Call(SYS_wait4, pid, raw::Address(&status), __WALL) == pid && WIFEXITED(status);
  }
  if (known) {
    size_t kept = 0;
    for (size_t index = 0; index < size; ++index) {
      if (missing[index] != 0) (*ranges)[kept++] = (*ranges)[index];
    }
    ranges->resize(kept);
  }
  munmap(memory, size);
  return known;
}

Status DontForkMarks::Remove() {
  Status status;
  std::vector<Range> ranges = AnonymousMappings(&status);
  if (!status.ok()) return status;
  const bool restore = OwnBytes() >= kWorthwhileBytes && KeepOnlyMarked(&ranges);
  // Neighbours in one call.
  for (size_t index = 0; index < ranges.size();) {
    const uintptr_t begin = ranges[index].begin;
    uintptr_t end = begin;
    for (; index < ranges.size() && ranges[index].begin == end; ++index) end = ranges[index].end;
    // EINVAL for mappings of devices: their marks are not V8's.
    madvise(reinterpret_cast<void*>(begin), end - begin, MADV_DOFORK);
  }
  if (restore) marked_ = std::move(ranges);
  return Status::Ok();
}

void DontForkMarks::Restore() {
  for (const Range& range : marked_)
    madvise(reinterpret_cast<void*>(range.begin), range.end - range.begin, MADV_DONTFORK);
}

}  // namespace mp
