// What was given to a waiter that has not said yet that it has it: nobody else's, and not the
// waiter's either. When the wait or the waiter ends first, it is free again.

#include <cerrno>

#include "shm_support.h"
#include "sync/bounded_semaphore.h"
#include "sync/lock.h"
#include "sync/semaphore.h"

using namespace mp;
using namespace mp::test;

namespace {

// The giver, and one that waits in its event loop and does not come to it.
template <typename Object>
struct Given {
  template <typename... Arguments>
  explicit Given(Arguments... arguments) {
    object = giver->Make<Object>(arguments...).value();
    theirs = waiter->Open<Object>(object->ref()).value();
    object->TryAcquire();
    EXPECT(theirs->AcquireAsync(&waiting) == SyncOutcome::kPending);
    EXPECT(object->Release().ok());
  }
  bool Serve() {
    std::vector<AsyncWaiter*> done;
    return waiter->Serve(&done) && waiting.outcome == SyncOutcome::kDone;
  }
  bool Cancel() { return theirs->Cancel(&waiting) && waiting.outcome == SyncOutcome::kTimedOut; }
  // As a thread or a process that ends in order.
  bool End() {
    theirs.reset();
    return waiter->participant().Leave();
  }
  bool IsFreeAgain() {
    return object->TryAcquire() == SyncOutcome::kDone && object->Release().ok();
  }

  std::shared_ptr<Segment> segment = SmallSegment();
  std::unique_ptr<SyncSpace> giver = JoinSpace(segment);
  std::unique_ptr<SyncSpace> waiter = JoinSpace(segment);
  std::shared_ptr<Object> object;
  std::shared_ptr<Object> theirs;
  AsyncWaiter waiting;
};

}  // namespace

TEST(ALockThatWasGivenIsNotHeldYet) {
  Given<Lock> given;
  EXPECT(given.object->IsLocked());
  EXPECT(given.object->TryAcquire() == SyncOutcome::kPending);
  EXPECT(!given.theirs->IsHeldBy(0));
  EXPECT(given.object->Release().error == EPERM);
  EXPECT(given.theirs->Release().error == EPERM);
  EXPECT(given.Serve());
  EXPECT(given.theirs->IsHeldBy(0));
  EXPECT(given.theirs->Release().ok());
}

TEST(APermitThatWasGivenIsNotFree) {
  Given<Semaphore> given(1U, kMaxPermits);
  EXPECT(given.object->Value() == 0 && given.theirs->Value() == 0);
  EXPECT(given.object->TryAcquire() == SyncOutcome::kPending);
  EXPECT(given.object->Release().ok() && given.object->Value() == 1);
  EXPECT(given.Serve() && given.object->Value() == 1);
}

TEST(ABoundedPermitThatWasGivenIsNotFreeAndNotHeld) {
  Given<BoundedSemaphore> given(1U);
  EXPECT(given.object->Value() == 0 && given.theirs->Value() == 0);
  EXPECT(given.object->TryAcquire() == SyncOutcome::kPending);
  EXPECT(given.object->Release().error == EOVERFLOW);
  EXPECT(given.theirs->Release().error == EOVERFLOW);
  EXPECT(given.Serve());
  EXPECT(given.theirs->Release().ok());
}

TEST(WhatWasGivenIsFreeAgainWhenTheWaitIsCancelled) {
  Given<Lock> lock;
  EXPECT(lock.Cancel() && !lock.object->IsLocked() && lock.IsFreeAgain());
  Given<Semaphore> semaphore(1U, kMaxPermits);
  EXPECT(semaphore.Cancel() && semaphore.object->Value() == 1 && semaphore.IsFreeAgain());
  Given<BoundedSemaphore> bounded(1U);
  EXPECT(bounded.Cancel() && bounded.object->Value() == 1 && bounded.IsFreeAgain());
}

TEST(WhatWasGivenIsFreeAgainWhenTheWaiterEnds) {
  Given<Lock> lock;
  EXPECT(lock.End() && !lock.object->IsLocked() && lock.IsFreeAgain());
  Given<Semaphore> semaphore(1U, kMaxPermits);
  EXPECT(semaphore.End() && semaphore.object->Value() == 1 && semaphore.IsFreeAgain());
  Given<BoundedSemaphore> bounded(1U);
  EXPECT(bounded.End() && bounded.object->Value() == 1 && bounded.IsFreeAgain());
}

TEST_MAIN()
