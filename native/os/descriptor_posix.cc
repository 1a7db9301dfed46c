#include "os/descriptor.h"

#include <fcntl.h>
#include <poll.h>

#include <cerrno>

#include "base/deadline.h"

namespace mp {
namespace {

constexpr uint64_t kNsPerMs = 1'000'000;
constexpr uint64_t kLongestPollMs = 1'000'000'000;

// Rounded up, so that poll never returns before the deadline; -1 is for ever.
int PollTimeoutMs(uint64_t deadline_ns) {
  if (deadline_ns == kNever) return -1;
  const uint64_t now = MonotonicNs();
  if (now >= deadline_ns) return 0;
  const uint64_t left_ms = (deadline_ns - now + kNsPerMs - 1) / kNsPerMs;
  return static_cast<int>(left_ms < kLongestPollMs ? left_ms : kLongestPollMs);
}

}  // namespace

Result<UniqueFd> DuplicateFd(int fd) {
  const int copy = fcntl(fd, F_DUPFD_CLOEXEC, 0);
  if (copy < 0) return Status::Failed(errno, "fcntl");
  return UniqueFd(copy);
}

Result<bool> WaitForFd(int fd, int events, uint64_t deadline_ns) {
  const int wanted = ((events & kReadable) ? POLLIN : 0) | ((events & kWritable) ? POLLOUT : 0);
  pollfd query{fd, static_cast<short>(wanted), 0};
  for (;;) {
    const int timeout_ms = PollTimeoutMs(deadline_ns);
    const int ready = poll(&query, 1, timeout_ms);
    if (ready > 0) {
      if (query.revents & POLLNVAL) return Status::Failed(EBADF, "poll");
      return true;
    }
    if (ready < 0 && errno != EINTR) return Status::Failed(errno, "poll");
    if (ready == 0 && timeout_ms != -1 && MonotonicNs() >= deadline_ns) return false;
  }
}

}  // namespace mp
