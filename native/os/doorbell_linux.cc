#include "os/doorbell.h"

#include <fcntl.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstdio>

namespace mp {
namespace {

// Rings are not counted: a page holds more than enough of them.
constexpr int kPipeBytes = 4096;

Result<UniqueFd> OpenPipe(const char* path, int mode) {
  UniqueFd fd(open(path, mode | O_NONBLOCK | O_CLOEXEC));
  if (!fd) return Status::Failed(errno, "open");
  return fd;
}

}  // namespace

Result<UniqueFd> MakeDoorbell() {
  int ends[2];
  if (pipe2(ends, O_CLOEXEC) != 0) return Status::Failed(errno, "pipe2");
  const UniqueFd read_end(ends[0]);
  const UniqueFd write_end(ends[1]);
  fcntl(write_end.get(), F_SETPIPE_SZ, kPipeBytes);
  char path[48];
  std::snprintf(path, sizeof path, "/proc/self/fd/%d", read_end.get());
  return OpenPipe(path, O_RDWR);
}

Result<UniqueFd> OpenDoorbell(uint32_t pid, int fd) {
  char path[48];
  std::snprintf(path, sizeof path, "/proc/%u/fd/%d", pid, fd);
  // Not O_WRONLY: that fails when the owner is between the two.
  auto opened = OpenPipe(path, O_RDWR);
  struct stat info{};
  if (opened.ok() && (fstat(opened.value().get(), &info) != 0 || !S_ISFIFO(info.st_mode))) {
    return Status::Failed(ENOENT, "open");
  }
  return opened;
}

bool OthersMayOpenOurs() {
  return prctl(PR_GET_DUMPABLE) == 1;
}

Status RingDoorbell(int fd) {
  const char ring = 1;
  ssize_t written;
  do {
    written = write(fd, &ring, 1);
  } while (written < 0 && errno == EINTR);
  if (written == 1 || errno == EAGAIN) return Status::Ok();
  return Status::Failed(errno, "write");
}

bool SilenceDoorbell(int fd) {
  char rings[256];
  bool rung = false;
  for (;;) {
    const ssize_t count = read(fd, rings, sizeof rings);
    if (count > 0) rung = true;
    if (count == static_cast<ssize_t>(sizeof rings)) continue;
    if (count < 0 && errno == EINTR) continue;
    return rung;
  }
}

}  // namespace mp
