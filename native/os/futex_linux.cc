#include "os/futex.h"

#include <linux/futex.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#include <cerrno>

#include "base/deadline.h"

namespace mp {
namespace {

// Headers older than the running kernel do not name these.
#ifndef SYS_futex_waitv
#define SYS_futex_waitv 449
#endif
constexpr uint32_t kFutex32Bit = 2;

// struct futex_waitv of <linux/futex.h> (Linux 5.16).
struct FutexWaitEntry {
  uint64_t value;
  uint64_t address;
  uint32_t flags;
  uint32_t reserved;
};
static_assert(sizeof(FutexWaitEntry) == 24);

constexpr uint64_t kNsPerSecond = 1'000'000'000;

timespec ToTimespec(uint64_t ns) {
  timespec result{};
  result.tv_sec = static_cast<time_t>(ns / kNsPerSecond);
  result.tv_nsec = static_cast<long>(ns % kNsPerSecond);
  return result;
}

}  // namespace

FutexOutcome FutexWait(const std::atomic<uint32_t>& word, uint32_t expected, uint64_t deadline_ns) {
  const timespec deadline = ToTimespec(deadline_ns);
  // WAIT_BITSET takes an absolute time of CLOCK_MONOTONIC, plain WAIT a relative one.
  const long result =
      syscall(SYS_futex, &word, FUTEX_WAIT_BITSET, expected,
              deadline_ns == kNever ? nullptr : &deadline, nullptr, FUTEX_BITSET_MATCH_ANY);
  return result != 0 && errno == ETIMEDOUT ? FutexOutcome::kTimedOut : FutexOutcome::kWoken;
}

FutexOutcome FutexWaitEither(FutexWatch own, FutexWatch other, uint64_t deadline_ns) {
  const FutexWaitEntry entries[] = {
      {own.expected, reinterpret_cast<uint64_t>(own.word), kFutex32Bit, 0},
      {other.expected, reinterpret_cast<uint64_t>(other.word), kFutex32Bit, 0},
  };
  const timespec deadline = ToTimespec(deadline_ns);
  const long result = syscall(SYS_futex_waitv, entries, 2, 0,
                              deadline_ns == kNever ? nullptr : &deadline, CLOCK_MONOTONIC);
  if (result >= 0 || errno == EAGAIN || errno == EINTR) return FutexOutcome::kWoken;
  if (errno == ETIMEDOUT) return FutexOutcome::kTimedOut;
  // Older than 5.16, forbidden by a filter, or emulated.
  return FutexWait(*own.word, own.expected, deadline_ns);
}

bool FutexWaitAny(const std::vector<FutexWatch>& words) {
  FutexWaitEntry entries[kMostFutexWatches];
  size_t count = 0;
  for (const FutexWatch& watch : words) {
    if (count == kMostFutexWatches) return false;
    entries[count] = {watch.expected, reinterpret_cast<uint64_t>(watch.word), kFutex32Bit, 0};
    count += 1;
  }
  const long result = syscall(SYS_futex_waitv, entries, count, 0, nullptr, CLOCK_MONOTONIC);
  return result >= 0 || errno == EAGAIN || errno == EINTR;
}

void FutexWake(const std::atomic<uint32_t>& word, int sleepers) {
  syscall(SYS_futex, &word, FUTEX_WAKE, sleepers, nullptr, nullptr, 0);
}

}  // namespace mp
