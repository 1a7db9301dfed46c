#include <dlfcn.h>
#include <fcntl.h>
#include <limits.h>
#include <sys/stat.h>

#include <algorithm>
#include <bit>
#include <cerrno>
#include <ctime>

#include "base/deadline.h"
#include "os/futex.h"
#include "os/named_semaphore.h"

namespace mp {
namespace {

constexpr uint64_t kNsPerSecond = 1'000'000'000;
constexpr uint64_t kOneWaiter = uint64_t{1} << 32;

uint32_t ValueIn(uint64_t data) {
  return static_cast<uint32_t>(data);
}
uint32_t WaitersIn(uint64_t data) {
  return static_cast<uint32_t>(data >> 32);
}

// glibc's `struct new_sem`: value in the lower half, number of waiters in the upper one.
bool LayoutIsKnown() {
#if defined(__GLIBC__) && defined(__LP64__)
  static const bool known = [] {
    if constexpr (std::endian::native != std::endian::little) return false;
    constexpr unsigned kProbe = 0x2345'6789;
    sem_t semaphore;
    if (sem_init(&semaphore, 1, kProbe) != 0) return false;
    auto* data = reinterpret_cast<std::atomic<uint64_t>*>(&semaphore);
    const bool posted = data->load() == kProbe && sem_post(&semaphore) == 0;
    const bool same = posted && data->load() == uint64_t{kProbe} + 1;
    sem_destroy(&semaphore);
    return same;
  }();
  return known;
#else
  return false;
#endif
}

using ClockWait = int (*)(sem_t*, clockid_t, const timespec*);

// From glibc 2.30 on.
ClockWait FindClockWait() {
  static const auto found = reinterpret_cast<ClockWait>(dlsym(RTLD_DEFAULT, "sem_clockwait"));
  return found;
}

timespec ToTimespec(uint64_t ns) {
  timespec result{};
  result.tv_sec = static_cast<time_t>(ns / kNsPerSecond);
  result.tv_nsec = static_cast<long>(ns % kNsPerSecond);
  return result;
}

int WaitUntil(sem_t* semaphore, uint64_t deadline_ns) {
  if (deadline_ns == kNever) return sem_wait(semaphore);
  if (const ClockWait wait = FindClockWait()) {
    const timespec deadline = ToTimespec(deadline_ns);
    return wait(semaphore, CLOCK_MONOTONIC, &deadline);
  }
  // The clock of sem_timedwait may be set. So it is never trusted for longer than a second.
  const uint64_t now = MonotonicNs();
  const uint64_t left = std::min(deadline_ns > now ? deadline_ns - now : 0, kNsPerSecond);
  timespec real{};
  clock_gettime(CLOCK_REALTIME, &real);
  const timespec deadline = ToTimespec(static_cast<uint64_t>(real.tv_sec) * kNsPerSecond +
                                       static_cast<uint64_t>(real.tv_nsec) + left);
  return sem_timedwait(semaphore, &deadline);
}

}  // namespace

Result<std::shared_ptr<NamedSemaphore>> NamedSemaphore::Open(const std::string& name,
                                                             const NamedSemaphoreOptions& options) {
  const int flags = (options.create ? O_CREAT : 0) | (options.exclusive ? O_EXCL : 0);
  sem_t* const semaphore =
      sem_open(name.c_str(), flags, static_cast<mode_t>(options.mode), options.value);
  if (semaphore == SEM_FAILED) return Status::Failed(errno, "sem_open");
  return std::make_shared<NamedSemaphore>(semaphore);
}

Status NamedSemaphore::Unlink(const std::string& name) {
  return sem_unlink(name.c_str()) == 0 ? Status::Ok() : Status::Failed(errno, "sem_unlink");
}

NamedSemaphore::~NamedSemaphore() {
  sem_close(semaphore_);
}

std::atomic<uint64_t>* NamedSemaphore::data() const {
  return reinterpret_cast<std::atomic<uint64_t>*>(semaphore_);
}

const std::atomic<uint32_t>* NamedSemaphore::word() const {
  return LayoutIsKnown() ? reinterpret_cast<const std::atomic<uint32_t>*>(semaphore_) : nullptr;
}

bool NamedSemaphore::TryTake() {
  return sem_trywait(semaphore_) == 0;
}

Result<bool> NamedSemaphore::TakeUntil(uint64_t deadline_ns) {
  while (WaitUntil(semaphore_, deadline_ns) != 0) {
    if (errno == EINTR) continue;
    if (errno != ETIMEDOUT) return Status::Failed(errno, "sem_wait");
    if (MonotonicNs() >= deadline_ns) return false;
  }
  return true;
}

Status NamedSemaphore::Release(uint32_t permits) {
  if (LayoutIsKnown()) {
    // Release on the word, as sem_post. Killed between the swap and the wake: the permits are
    // there, and a sleeper goes on sleeping until the next post, as when sem_post is killed.
    uint64_t seen = data()->load(std::memory_order_relaxed);
    do {
      if (permits > SEM_VALUE_MAX - ValueIn(seen)) return Status::Failed(EOVERFLOW, "sem_post");
    } while (!data()->compare_exchange_weak(seen, seen + permits, std::memory_order_acq_rel));
    if (WaitersIn(seen) > 0) FutexWake(*word(), static_cast<int>(permits));
    return Status::Ok();
  }
  if (permits > SEM_VALUE_MAX - Value()) return Status::Failed(EOVERFLOW, "sem_post");
  for (uint32_t done = 0; done < permits; done += 1) {
    if (sem_post(semaphore_) == 0) continue;
    const int error = errno;
    while (done > 0 && TryTake()) done -= 1;
    return Status::Failed(error, "sem_post");
  }
  return Status::Ok();
}

uint32_t NamedSemaphore::Value() const {
  int value = 0;
  sem_getvalue(semaphore_, &value);
  return static_cast<uint32_t>(std::max(value, 0));
}

// Sequentially consistent, as the poster's add: either it sees the waiter, or the waiter its
// permit.
void NamedSemaphore::BeginWait() {
  if (LayoutIsKnown()) data()->fetch_add(kOneWaiter);
}

void NamedSemaphore::EndWait() {
  if (!LayoutIsKnown()) return;
  const uint64_t left = data()->fetch_sub(kOneWaiter) - kOneWaiter;
  if (ValueIn(left) > 0 && WaitersIn(left) > 0) FutexWake(*word(), 1);
}

}  // namespace mp
