#pragma once
// Making, copying and waiting for descriptors. All of them are close-on-exec.

#include <cstddef>
#include <cstdint>
#include <span>

#include "base/status.h"
#include "base/unique_fd.h"

namespace mp {

struct FdPair {
  UniqueFd first;
  UniqueFd second;
};

// Two connected stream sockets of AF_UNIX.
Result<FdPair> MakeSocketPair();
// {read end, write end}.
Result<FdPair> MakePipe();
Result<UniqueFd> DuplicateFd(int fd);

constexpr int kReadable = 1;
constexpr int kWritable = 2;

// Blocks until one of `events` holds, or the descriptor's other side is gone: true. False when the
// deadline (base/deadline.h) came first. Signals do not cut it short.
Result<bool> WaitForFd(int fd, int events, uint64_t deadline_ns);

struct AwaitedFd {
  int fd;
  int events;
};
// The same for any number of them, none included; one may be named more than once.
Result<bool> WaitForAnyFd(std::span<const AwaitedFd> awaited, uint64_t deadline_ns);

}  // namespace mp
