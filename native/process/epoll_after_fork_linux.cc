#include "process/epoll_after_fork_linux.h"

#include <dirent.h>
#include <fcntl.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <string>
#include <vector>

#include "base/unique_fd.h"
#include "os/raw_syscall_linux.h"

namespace mp {
namespace {

struct Registration {
  int fd = -1;
  uint32_t events = 0;
  uint64_t data = 0;
  ino_t inode = 0;

  bool operator==(const Registration& other) const {
    return fd == other.fd && events == other.events && data == other.data && inode == other.inode;
  }
};
using Registrations = std::vector<Registration>;

// By hand: also asked while other threads are stopped.
bool LinkIs(int fd, const char* wanted) {
  char path[32] = "/proc/self/fd/";
  char digits[12];
  char link[64] = {};
  size_t count = 0;
  do digits[count++] = static_cast<char>('0' + fd % 10);
  while ((fd /= 10) > 0);
  char* at = path + std::strlen(path);
  while (count > 0) *at++ = digits[--count];
  const long length =
      raw::Call(SYS_readlinkat, AT_FDCWD, raw::Address(path), raw::Address(link), sizeof link - 1);
  return length > 0 && std::strcmp(link, wanted) == 0;
}

std::string InfoOf(int fd) {
  const UniqueFd file(
      open(("/proc/self/fdinfo/" + std::to_string(fd)).c_str(), O_RDONLY | O_CLOEXEC));
  std::string text;
  char part[4096];
  ssize_t length = 0;
  while (file && (length = read(file.get(), part, sizeof part)) > 0)
    text.append(part, static_cast<size_t>(length));
  return text;
}

// Lines of the kernel's: "tfd: 8 events: 19 data: 55d0c0 pos:0 ino:41c sdev:e".
Registrations RegistrationsOf(int fd) {
  Registrations all;
  const std::string info = InfoOf(fd);
  for (size_t at = info.find("tfd:"); at != std::string::npos; at = info.find("tfd:", at + 1)) {
    Registration one;
    unsigned long long data = 0;
    unsigned long inode = 0;
    if (std::sscanf(info.c_str() + at, "tfd: %d events: %x data: %llx pos:%*i ino:%lx", &one.fd,
                    &one.events, &data, &inode) != 4)
      continue;
    one.data = data;
    one.inode = inode;
    all.push_back(one);
  }
  return all;
}

// Numbers under which there is the same instance: a library keeps one to wait and one to register.
// Data are pointers or counters of the library's, so equal registrations are those of one instance.
std::vector<int> NumbersOf(int fd, const Registrations& registrations) {
  std::vector<int> numbers{fd};
  DIR* directory = registrations.empty() ? nullptr : opendir("/proc/self/fd");
  if (directory == nullptr) return numbers;
  while (const dirent* entry = readdir(directory)) {
    const int other = std::atoi(entry->d_name);
    if (other == fd || other == dirfd(directory) || !EpollAfterFork::IsEpoll(other)) continue;
    if (RegistrationsOf(other) == registrations) numbers.push_back(other);
  }
  closedir(directory);
  return numbers;
}

// The registered number may have been given to another file since.
bool IsStill(const Registration& registration) {
  struct stat status{};
  return fstat(registration.fd, &status) == 0 && status.st_ino == registration.inode;
}

Status ReplaceEventfd(int fd) {
  const std::string info = InfoOf(fd);
  const size_t count_at = info.find("eventfd-count:");
  const size_t semaphore_at = info.find("eventfd-semaphore:");
  const uint64_t count =
      count_at == std::string::npos ? 0 : std::strtoull(info.c_str() + count_at + 14, nullptr, 16);
  const bool semaphore =
      semaphore_at != std::string::npos && std::atoi(info.c_str() + semaphore_at + 18) != 0;
  const int flags = (fcntl(fd, F_GETFL) & O_NONBLOCK) | (semaphore ? EFD_SEMAPHORE : 0);
  const UniqueFd fresh(eventfd(0, EFD_CLOEXEC | flags));
  if (!fresh) return Status::Failed(errno, "eventfd");
  if (count > 0 && write(fresh.get(), &count, sizeof count) != sizeof count)
    return Status::Failed(errno, "write");
  return dup3(fresh.get(), fd, O_CLOEXEC) < 0 ? Status::Failed(errno, "dup3") : Status::Ok();
}

}  // namespace

bool EpollAfterFork::IsEpoll(int fd) {
  return fd >= 0 && LinkIs(fd, "anon_inode:[eventpoll]");
}

Status EpollAfterFork::Replace(int fd, int inert_fd, int loop_fd) {
  const Registrations registrations = RegistrationsOf(fd);
  const std::vector<int> numbers = NumbersOf(fd, registrations);
  const UniqueFd fresh(epoll_create1(EPOLL_CLOEXEC));
  if (!fresh) return Status::Failed(errno, "epoll_create1");
  for (const Registration& one : registrations) {
    if (one.fd <= 2 || one.fd == loop_fd || !IsStill(one)) continue;
    if (LinkIs(one.fd, "anon_inode:[eventfd]")) {
      const Status status = ReplaceEventfd(one.fd);
      if (!status.ok()) return status;
    } else if (inert_fd >= 0) {
      if (dup3(inert_fd, one.fd, O_CLOEXEC) < 0) return Status::Failed(errno, "dup3");
      continue;
    }
    epoll_event event{};
    event.events = one.events;
    event.data.u64 = one.data;
    // A number that was registered, closed and registered again may be listed twice.
    if (epoll_ctl(fresh.get(), EPOLL_CTL_ADD, one.fd, &event) != 0 && errno != EEXIST)
      return Status::Failed(errno, "epoll_ctl");
  }
  for (const int number : numbers) {
    if (dup3(fresh.get(), number, O_CLOEXEC) < 0) return Status::Failed(errno, "dup3");
  }
  return Status::Ok();
}

}  // namespace mp
