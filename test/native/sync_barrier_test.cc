#include "shm_support.h"
#include "sync/barrier.h"

using namespace mp;
using namespace mp::test;

TEST(ABarrierOpensForAllItsParties) {
  auto segment = SmallSegment();
  auto space = JoinSpace(segment);
  auto barrier = space->Make<Barrier>(4U, false).value();
  pid_t pids[3];
  for (pid_t& pid : pids) {
    pid = Start([&] {
      auto child = JoinSpace(segment);
      auto mine = child->Open<Barrier>(barrier->ref()).value();
      for (int i = 0; i < 200; i += 1) {
        uint32_t index = 99;
        if (mine->WaitSync(kNever, &index) != SyncOutcome::kDone || index > 3) _exit(1);
      }
    });
  }
  for (int i = 0; i < 200; i += 1) {
    uint32_t index = 99;
    EXPECT(barrier->WaitSync(kNever, &index) == SyncOutcome::kDone && index <= 3);
  }
  for (const pid_t pid : pids) EXPECT(EndedWell(pid));
  EXPECT(barrier->Waiting() == 0 && !barrier->IsBroken());
}

TEST(ABarrierWithAnActionWaitsForIt) {
  auto segment = SmallSegment();
  auto space = JoinSpace(segment);
  auto barrier = space->Make<Barrier>(2U, true).value();
  AsyncWaiter first, last, next;
  EXPECT(barrier->WaitAsync(&first) == SyncOutcome::kPending);
  EXPECT(barrier->WaitAsync(&last) == SyncOutcome::kLeader);
  EXPECT(first.request.index == 0);
  EXPECT(barrier->WaitAsync(&next) == SyncOutcome::kPending);
  std::vector<AsyncWaiter*> done;
  EXPECT(!space->Serve(&done));
  EXPECT(barrier->Waiting() == 2);
  EXPECT(barrier->Finish(last.request.index));
  EXPECT(!barrier->Finish(last.request.index));
  EXPECT(space->Serve(&done) && done.size() == 1 && done[0] == &first);
  EXPECT(barrier->Waiting() == 1);  // the one that had come too early
  EXPECT(barrier->Cancel(&next));
  EXPECT(barrier->Waiting() == 0 && !barrier->IsBroken());
}

TEST(ALeaderEndsItsOwnPhaseOnly) {
  auto segment = SmallSegment();
  auto space = JoinSpace(segment);
  for (const bool opens : {false, true}) {
    auto barrier = space->Make<Barrier>(2U, true).value();
    AsyncWaiter waiters[4];
    EXPECT(barrier->WaitAsync(&waiters[0]) == SyncOutcome::kPending);
    EXPECT(barrier->WaitAsync(&waiters[1]) == SyncOutcome::kLeader);
    barrier->Reset();
    EXPECT(barrier->WaitAsync(&waiters[2]) == SyncOutcome::kPending);
    const auto late = [&] {
      const uint32_t phase = waiters[1].request.index;
      return opens ? barrier->Finish(phase) : barrier->BreakPhase(phase);
    };
    EXPECT(!late() && barrier->Waiting() == 1 && !barrier->IsBroken());
    EXPECT(barrier->WaitAsync(&waiters[3]) == SyncOutcome::kLeader);
    EXPECT(!late() && barrier->Waiting() == 2 && !barrier->IsBroken());
    std::vector<AsyncWaiter*> done;
    EXPECT(space->Serve(&done) && done.size() == 1 && done[0] == &waiters[0]);
    EXPECT(waiters[0].outcome == SyncOutcome::kBroken);
    const uint32_t phase = waiters[3].request.index;
    EXPECT(opens ? barrier->Finish(phase) : barrier->BreakPhase(phase));
    EXPECT(space->Serve(&done) && barrier->IsBroken() == !opens);
    EXPECT(waiters[2].outcome == (opens ? SyncOutcome::kDone : SyncOutcome::kBroken));
  }
}

TEST(ALeaderThatLeavesBreaksItsPhase) {
  auto segment = SmallSegment();
  auto space = JoinSpace(segment);
  for (const bool is_reset : {false, true}) {
    auto barrier = space->Make<Barrier>(2U, true).value();
    AsyncWaiter first, last;
    EXPECT(barrier->WaitAsync(&first) == SyncOutcome::kPending);
    auto other = JoinSpace(segment);
    auto theirs = other->Open<Barrier>(barrier->ref()).value();
    EXPECT(theirs->WaitAsync(&last) == SyncOutcome::kLeader);
    if (is_reset) barrier->Reset();
    theirs.reset();
    EXPECT(barrier->IsBroken() == !is_reset);
    std::vector<AsyncWaiter*> done;
    EXPECT(space->Serve(&done) && first.outcome == SyncOutcome::kBroken);
  }
}

// It waits in an event loop that does not come to it, while the barrier goes on without it.
TEST(AWaiterThatComesLateIsToldHowItsPhaseEnded) {
  for (const bool is_reset : {false, true}) {
    for (const int later : {0, 1, 9, 10, 29, 30, 31, 100, 2000}) {
      for (const bool others_too : {false, true}) {
        auto segment = SmallSegment();
        auto space = JoinSpace(segment);
        auto other = JoinSpace(segment);
        auto barrier = space->Make<Barrier>(2U, false).value();
        auto theirs = other->Open<Barrier>(barrier->ref()).value();
        const auto meet = [&] {
          AsyncWaiter waiter;
          std::vector<AsyncWaiter*> done;
          EXPECT(theirs->WaitAsync(&waiter) == SyncOutcome::kPending);
          AsyncWaiter last;
          EXPECT(theirs->WaitAsync(&last) == SyncOutcome::kDone);
          EXPECT(other->Serve(&done) && waiter.outcome == SyncOutcome::kDone);
        };
        for (int i = 0; i < 5; i += 1) meet();
        AsyncWaiter late;
        EXPECT(barrier->WaitAsync(&late) == SyncOutcome::kPending);
        AsyncWaiter second;
        if (is_reset) {
          theirs->Reset();
        } else {
          EXPECT(theirs->WaitAsync(&second) == SyncOutcome::kDone);
        }
        // Up to here the history goes back, beyond it what did not open is all that is known.
        const bool known = !others_too || later < 10;
        for (int i = 0; i < later; i += 1) meet();
        if (others_too) {
          theirs->Break();
          theirs->Reset();
        }
        for (int i = 0; i < later; i += 1) meet();
        std::vector<AsyncWaiter*> done;
        EXPECT(space->Serve(&done));
        const bool broken = is_reset || !known;
        EXPECT(late.outcome == (broken ? SyncOutcome::kBroken : SyncOutcome::kDone));
      }
    }
  }
}

// So do all that came in between, as far back as the history goes.
TEST(AWaiterLearnsOfItsOwnPhaseBehindSeveralThatDidNotOpen) {
  for (const bool is_reset : {false, true}) {
    for (const int resets : {1, 2, 3, 9}) {
      for (const bool meets : {false, true}) {
        auto segment = SmallSegment();
        auto space = JoinSpace(segment);
        auto other = JoinSpace(segment);
        auto barrier = space->Make<Barrier>(2U, false).value();
        auto theirs = other->Open<Barrier>(barrier->ref()).value();
        const auto arrive = [&](AsyncWaiter* waiter) { theirs->WaitAsync(waiter); };
        AsyncWaiter late, second;
        EXPECT(barrier->WaitAsync(&late) == SyncOutcome::kPending);
        is_reset ? theirs->Reset() : arrive(&second);
        for (int i = 0; i < resets; i += 1) {
          AsyncWaiter first, last;
          std::vector<AsyncWaiter*> done;
          arrive(&first);
          if (meets && i == 0)
            arrive(&last);
          else
            theirs->Reset();
          EXPECT(other->Serve(&done));
        }
        theirs->Break();
        std::vector<AsyncWaiter*> done;
        EXPECT(space->Serve(&done));
        EXPECT(late.outcome == (is_reset ? SyncOutcome::kBroken : SyncOutcome::kDone));
      }
    }
  }
}

TEST(ABarrierBreaks) {
  auto segment = SmallSegment();
  auto space = JoinSpace(segment);
  auto barrier = space->Make<Barrier>(3U, false).value();
  uint32_t index = 0;
  AsyncWaiter waiter;
  EXPECT(barrier->WaitAsync(&waiter) == SyncOutcome::kPending);
  EXPECT(barrier->WaitSync(DeadlineAfterMs(5), &index) == SyncOutcome::kBroken);
  std::vector<AsyncWaiter*> done;
  EXPECT(space->Serve(&done) && done[0]->outcome == SyncOutcome::kBroken);
  EXPECT(barrier->IsBroken());
  EXPECT(barrier->WaitSync(kNever, &index) == SyncOutcome::kBroken);
  barrier->Reset();
  EXPECT(!barrier->IsBroken());
  EXPECT(barrier->WaitAsync(&waiter) == SyncOutcome::kPending);
  barrier->Reset();
  done.clear();
  EXPECT(space->Serve(&done) && done[0]->outcome == SyncOutcome::kBroken);
  EXPECT(!barrier->IsBroken());
}

TEST(ABarrierWithADeadPartyBreaks) {
  auto segment = SmallSegment();
  auto space = JoinSpace(segment);
  auto barrier = space->Make<Barrier>(3U, false).value();
  const pid_t pid = Start([&] {
    auto child = JoinSpace(segment);
    uint32_t index = 0;
    child->Open<Barrier>(barrier->ref()).value()->WaitSync(kNever, &index);
  });
  Until([&] { return barrier->Waiting() == 1; });
  AsyncWaiter waiter;
  barrier->WaitAsync(&waiter);
  KillAndWait(pid);
  ReapAll(*space);
  std::vector<AsyncWaiter*> done;
  EXPECT(space->Serve(&done) && done[0]->outcome == SyncOutcome::kBroken);
}

TEST_MAIN()
