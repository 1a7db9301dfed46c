// Who has waited for long is scheduled sooner when it is woken, and as before afterwards.

#include <sched.h>
#include <sys/syscall.h>

#include "os/time_slice.h"
#include "shm_support.h"
#include "sync/semaphore.h"

using mp::Semaphore;
using mp::ShortTimeSlice;
using mp::SyncOutcome;
using namespace mp::test;

namespace {

struct Attributes {
  uint32_t size = sizeof(Attributes);
  uint32_t policy = 0;
  uint64_t flags = 0;
  int32_t nice = 0;
  uint32_t priority = 0;
  uint64_t runtime = 0;
  uint64_t deadline = 0;
  uint64_t period = 0;
};

Attributes Of(pid_t pid) {
  Attributes attributes;
  if (syscall(SYS_sched_getattr, pid, &attributes, sizeof attributes, 0) != 0) _exit(90);
  return attributes;
}
void SetOwn(uint64_t runtime, uint32_t policy, int32_t nice) {
  Attributes attributes;
  attributes.policy = policy;
  attributes.nice = nice;
  attributes.runtime = runtime;
  if (syscall(SYS_sched_setattr, 0, &attributes, 0) != 0) _exit(91);
}

// Before Linux 6.12 there is none to choose, and 0 is said.
bool HasSlices() {
  return Of(0).runtime != 0;
}
constexpr uint64_t kShortNs = 200'000;
constexpr uint64_t kOwnNs = 3'000'000;

}  // namespace

TEST(WhoWaitsForLongHasAShortTimeSliceUntilItHasWhatItWaitedFor) {
  const auto segment = SmallSegment();
  const auto space = JoinSpace(segment);
  const auto semaphore = space->Make<Semaphore>(0U, 1U).value();
  const auto ref = semaphore->ref();
  const pid_t waiter = Start([&] {
    if (HasSlices()) SetOwn(kOwnNs, SCHED_OTHER, 3);
    const Attributes before = Of(0);
    auto joined = JoinSpace(segment);
    auto own = joined->Open<Semaphore>(ref).value();
    if (own->AcquireSync(mp::kNever) != SyncOutcome::kDone) _exit(1);
    const Attributes after = Of(0);
    if (after.runtime != before.runtime || after.nice != before.nice) _exit(2);
  });
  while (HasSlices() && Of(waiter).runtime != kShortNs) sched_yield();
  EXPECT(!HasSlices() || Of(waiter).nice == 3);
  EXPECT(semaphore->Release(1).ok());
  EXPECT(WaitStatus(waiter) == 0);
}

TEST(ATimeSliceIsLeftAloneWhereItIsSomebodyElsesChoice) {
  const pid_t child = Start([] {
    if (!HasSlices()) return;
    {
      SetOwn(100'000, SCHED_OTHER, 0);
      ShortTimeSlice shorter;
      shorter.Begin();
      if (Of(0).runtime != 100'000) _exit(1);
    }
    if (Of(0).runtime != 100'000) _exit(2);
    {
      SetOwn(kOwnNs, SCHED_OTHER, 0);
      ShortTimeSlice once;
      once.Begin();
      if (Of(0).runtime != kShortNs) _exit(3);
      SetOwn(1'000'000, SCHED_OTHER, 0);
    }
    if (Of(0).runtime != 1'000'000) _exit(4);
    SetOwn(kOwnNs, SCHED_BATCH, 5);
    ShortTimeSlice batch;
    batch.Begin();
    if (Of(0).policy != SCHED_BATCH || Of(0).runtime != kOwnNs || Of(0).nice != 5) _exit(5);
  });
  EXPECT(WaitStatus(child) == 0);
}

TEST_MAIN()
