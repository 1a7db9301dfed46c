#include "os/descriptor.h"

#include <fcntl.h>
#include <poll.h>

#include <algorithm>
#include <cerrno>
#include <vector>

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

short PollEvents(int events) {
  return static_cast<short>(((events & kReadable) ? POLLIN : 0) |
                            ((events & kWritable) ? POLLOUT : 0));
}

Result<bool> Poll(std::span<pollfd> queries, uint64_t deadline_ns) {
  for (;;) {
    const int timeout_ms = PollTimeoutMs(deadline_ns);
    const int ready = poll(queries.data(), queries.size(), timeout_ms);
    if (ready > 0) {
      const auto is_closed = [](const pollfd& query) { return (query.revents & POLLNVAL) != 0; };
      if (std::ranges::any_of(queries, is_closed)) return Status::Failed(EBADF, "poll");
      return true;
    }
    if (ready < 0 && errno != EINTR) return Status::Failed(errno, "poll");
    if (ready == 0 && timeout_ms != -1 && MonotonicNs() >= deadline_ns) return false;
  }
}

}  // namespace

Result<UniqueFd> DuplicateFd(int fd) {
  const int copy = fcntl(fd, F_DUPFD_CLOEXEC, 0);
  if (copy < 0) return Status::Failed(errno, "fcntl");
  return UniqueFd(copy);
}

Result<bool> WaitForFd(int fd, int events, uint64_t deadline_ns) {
  pollfd query{fd, PollEvents(events), 0};
  return Poll({&query, 1}, deadline_ns);
}

Result<bool> WaitForAnyFd(std::span<const AwaitedFd> awaited, uint64_t deadline_ns) {
  std::vector<pollfd> queries;
  queries.reserve(awaited.size());
  for (const auto& [fd, events] : awaited) queries.push_back({fd, PollEvents(events), 0});
  // poll(2) takes no more entries than the process may have descriptors, so each comes once.
  std::ranges::sort(queries, {}, &pollfd::fd);
  size_t count = 0;
  for (const pollfd& query : queries) {
    if (count > 0 && queries[count - 1].fd == query.fd) {
      queries[count - 1].events = static_cast<short>(queries[count - 1].events | query.events);
    } else {
      queries[count++] = query;
    }
  }
  queries.resize(count);
  return Poll(queries, deadline_ns);
}

}  // namespace mp
