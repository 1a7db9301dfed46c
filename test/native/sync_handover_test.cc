// A sync waiter competes for what comes free, and mostly has it sooner than one that must be given
// it. One that others were faster than too often is given it like an async one.

#include "shm/bitmap.h"
#include "step_sleeper.h"
#include "sync/lock.h"

using namespace mp;
using namespace mp::test;

TEST(AWaiterThatLostTooOftenIsGivenTheLock) {
  auto segment = SmallSegment();
  auto space = JoinSpace(segment);
  auto lock = space->Make<Lock>().value();
  EXPECT(lock->TryAcquire() == SyncOutcome::kDone);
  constexpr uint32_t kId = 2;
  const Sleeper sleeper = FallAsleep(*segment, kId, [&] {
    auto child = JoinSpace(segment);
    auto mine = child->Open<Lock>(lock->ref()).value();
    if (mine->AcquireSync(kNever) != SyncOutcome::kDone) return 1;
    for (;;) pause();
  });
  const auto& word = segment->row(kId).wake;
  // Woken, it finds the lock held by somebody who was faster.
  for (int losses = 0; losses < 8; losses += 1) {
    const uint32_t asleep = word.load();
    space->participant().Ring(kId);
    Until([&] { return word.load() != asleep && IsAsleep(*segment, kId); });
  }
  EXPECT(HasBit(segment->ObjectAt<SharedObject>(lock->ref().offset)->handover, kId));
  EXPECT(lock->Release().ok());
  EXPECT(lock->TryAcquire() == SyncOutcome::kPending);
  KillAndWait(sleeper.pid);
}

TEST_MAIN()
