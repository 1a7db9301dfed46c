// Queues in one process, where everything is in order.

#include "queue_support.h"
#include "shm/bitmap.h"

namespace mp::test {

struct Two {
  std::shared_ptr<Segment> segment = SmallSegment();
  std::unique_ptr<MessageSpace> one = JoinMessages(segment);
  std::unique_ptr<MessageSpace> two = JoinMessages(segment);
};

TEST(FirstInFirstOutAcrossRings) {
  Two world;
  QueuePtr mine = MakeQueue(*world.one);
  QueuePtr theirs = OpenQueue(*world.two, mine->ref());
  uint64_t put = 0;
  uint64_t got = 0;
  // Grows through several rings, is emptied, and goes on in the largest.
  for (int round = 0; round < 3; round += 1) {
    for (int i = 0; i < 1'000; i += 1, put += 1) {
      EXPECT(TryPut(put % 2 ? *mine : *theirs, std::to_string(put)) == SyncOutcome::kDone);
    }
    EXPECT(mine->Size() == put - got);
    for (int i = 0; i < 900; i += 1, got += 1) {
      EXPECT(TryTake(got % 3 ? *mine : *theirs) == std::to_string(got));
    }
  }
  for (; got < put; got += 1) EXPECT(TryTake(*mine) == std::to_string(got));
  EXPECT(TryTake(*mine).empty());
  EXPECT(theirs->Size() == 0);
  EXPECT(MessagesIn(*world.segment) == 0);
}

TEST(ManyAtOnceInOrder) {
  Two world;
  QueuePtr queue = MakeQueue(*world.one);
  for (int i = 0; i < 500; i += 1) TryPut(*queue, std::to_string(i));
  int next = 0;
  while (next < 500) {
    const uint32_t count = queue->TryTake(64, [&](const std::byte* bytes, uint64_t length) {
      EXPECT(std::string(reinterpret_cast<const char*>(bytes), length) == std::to_string(next));
      next += 1;
    });
    if (!EXPECT(count > 0 && count <= 64)) break;
  }
  EXPECT(queue->TryTake(64, [](const std::byte*, uint64_t) {}) == 0);
}

TEST(ABoundInMessages) {
  Two world;
  for (const uint64_t bound : {1, 2, 63, 64, 5'000}) {
    QueuePtr queue = MakeQueue(*world.one, {bound});
    for (int round = 0; round < 3; round += 1) {
      for (uint64_t i = 0; i < bound; i += 1) EXPECT(TryPut(*queue, "x") == SyncOutcome::kDone);
      EXPECT(TryPut(*queue, "x") == SyncOutcome::kPending);
      EXPECT(queue->Size() == bound);
      for (uint64_t i = 0; i < bound; i += 1) EXPECT(TryTake(*queue) == "x");
      EXPECT(TryTake(*queue).empty());
    }
  }
  EXPECT(MessagesIn(*world.segment) == 0);
}

TEST(ABoundInBytes) {
  Two world;
  QueuePtr queue = MakeQueue(*world.one, {0, 1'000});
  const std::string text(300, 'x');
  for (int round = 0; round < 100; round += 1) {
    EXPECT(TryPut(*queue, text) == SyncOutcome::kDone);
    EXPECT(TryPut(*queue, text) == SyncOutcome::kDone);
    EXPECT(TryPut(*queue, std::string(400, 'y')) == SyncOutcome::kDone);
    EXPECT(TryPut(*queue, "z") == SyncOutcome::kPending);
    EXPECT(TryTake(*queue) == text);
    EXPECT(TryPut(*queue, std::string(301, 'z')) == SyncOutcome::kPending);
    EXPECT(TryPut(*queue, text) == SyncOutcome::kDone);
    for (int i = 0; i < 3; i += 1) EXPECT(!TryTake(*queue).empty());
    EXPECT(TryPut(*queue, std::string(1'000, 'w')) == SyncOutcome::kDone);
    EXPECT(TryPut(*queue, "") == SyncOutcome::kDone);
    EXPECT(TryTake(*queue).size() == 1'000);
    EXPECT(TryTake(*queue).empty());
  }
}

TEST(LongMessagesAndEmptyOnes) {
  Two world;
  QueuePtr queue = MakeQueue(*world.one);
  for (const size_t length : {size_t{0}, size_t{1}, size_t{40'000}, size_t{3} << 20}) {
    std::string text(length, '\0');
    for (size_t i = 0; i < length; i += 1) text[i] = static_cast<char>(i * 7);
    EXPECT(TryPut(*queue, text) == SyncOutcome::kDone);
    uint64_t told = 1;
    EXPECT(queue->FirstLength(&told) && told == length);
    EXPECT(TryTake(*queue) == text);
  }
}

TEST(WithoutMemoryItSaysSo) {
  auto segment = SmallSegment(4, 64, 8);
  auto space = JoinMessages(segment);
  QueuePtr queue = MakeQueue(*space);
  EXPECT(TryPut(*queue, "first") == SyncOutcome::kDone);
  auto staged = queue->Stage(uint64_t{1} << 20, 0);
  EXPECT(!staged.ok() && staged.status().error == ENOSPC);
  uint64_t put = 1;
  for (;; put += 1) {
    auto small = queue->Stage(60'000, 0);
    if (!small.ok()) break;
    Status error;
    if (queue->TryPut(small.value().block, &error) != SyncOutcome::kDone) break;
  }
  EXPECT(put > 2);
  EXPECT(TryTake(*queue) == "first");
  for (; put > 1; put -= 1) EXPECT(TryTake(*queue).size() == 60'000);
  EXPECT(MessagesIn(*segment) == 0);
}

TEST(EndsWhenNobodyIsLeftWhoCouldPut) {
  Two world;
  QueuePtr mine = MakeQueue(*world.one);
  QueuePtr theirs = OpenQueue(*world.two, mine->ref());
  EXPECT(TryPut(*mine, "last") == SyncOutcome::kDone);
  mine->CloseSide();
  EXPECT(TryPut(*mine, "more") == SyncOutcome::kClosed);
  EXPECT(mine->Look() == SyncOutcome::kDone);
  EXPECT(TryTake(*mine) == "last");
  EXPECT(mine->Look() == SyncOutcome::kPending);
  world.one->store().Depart(mine->ref());
  theirs->CloseSide();
  // A reference is on its way.
  EXPECT(mine->Look() == SyncOutcome::kPending);
  world.one->store().Land(mine->ref());
  EXPECT(mine->Look() == SyncOutcome::kClosed);
  SyncOutcome outcome = SyncOutcome::kPending;
  TakeSync(*theirs, kNever, &outcome);
  EXPECT(outcome == SyncOutcome::kClosed);
}

TEST(AQueueThatNobodyHasGivesBackItsMemory) {
  Two world;
  {
    QueuePtr queue = MakeQueue(*world.one);
    QueuePtr inner = MakeQueue(*world.one);
    for (int i = 0; i < 200; i += 1) TryPut(*queue, std::to_string(i));
    // A message that carries the other queue, whose only handle goes.
    TryPut(*inner, "in the inner one");
    auto staged = queue->Stage(4, 1);
    *staged.value().carried = {inner->ref().offset, inner->ref().generation,
                               static_cast<uint32_t>(inner->ref().kind)};
    Status error;
    EXPECT(queue->TryPut(staged.value().block, &error) == SyncOutcome::kDone);
    const ObjectRef inner_ref = inner->ref();
    inner.reset();
    EXPECT(world.one->store().Find(inner_ref) != nullptr);
    TryTake(*queue);
  }
  EXPECT(MessagesIn(*world.segment) == 0);
  EXPECT(BlocksIn(*world.segment, BlockState::kAttached) == 0);
  QueuePtr again = MakeQueue(*world.two);
  EXPECT(TryTake(*again).empty());
  EXPECT(TryPut(*again, "new") == SyncOutcome::kDone && TryTake(*again) == "new");
}

TEST(UnfinishedMessages) {
  Two world;
  QueuePtr mine = MakeQueue(*world.one, {0, 0, OnConsumerDied::kRedeliver});
  QueuePtr theirs = OpenQueue(*world.two, mine->ref());
  EXPECT(!mine->TaskDone());
  EXPECT(JoinSync(*mine) == SyncOutcome::kDone);
  for (int i = 0; i < 10; i += 1) TryPut(*mine, std::to_string(i));
  EXPECT(mine->Unfinished() == 10);
  for (int i = 0; i < 10; i += 1) TryTake(i % 2 ? *mine : *theirs);
  EXPECT(JoinSync(*mine, InMs(1)) == SyncOutcome::kTimedOut);
  for (int i = 0; i < 9; i += 1) EXPECT((i % 2 ? *mine : *theirs).TaskDone());
  EXPECT(mine->Unfinished() == 1);
  EXPECT(theirs->TaskDone());
  EXPECT(!theirs->TaskDone() && !mine->TaskDone());
  EXPECT(JoinSync(*theirs) == SyncOutcome::kDone);
  // Somebody else may say that a message is done.
  TryPut(*mine, "x");
  EXPECT(theirs->TaskDone());
  EXPECT(mine->Unfinished() == 0);
}

TEST(AsyncWaitersAreServedInOrder) {
  Two world;
  QueuePtr mine = MakeQueue(*world.one, {1});
  QueuePtr theirs = OpenQueue(*world.two, mine->ref());
  QueueWaiter getters[2];
  for (QueueWaiter& waiter : getters) {
    waiter.wanted.kind = QueueRequest::Kind::kGet;
    EXPECT(mine->RunAsync(&waiter) == SyncOutcome::kPending);
  }
  TryPut(*theirs, "first");
  QueueWaiter putter;
  putter.wanted.kind = QueueRequest::Kind::kPut;
  putter.wanted.staged = StageText(*theirs, "second").block;
  EXPECT(theirs->RunAsync(&putter) == SyncOutcome::kPending);
  std::vector<AsyncWaiter*> done;
  EXPECT(!world.two->Serve(&done));
  EXPECT(world.one->Serve(&done) && done.size() == 1 && done[0] == &getters[0]);
  EXPECT(TextOf(getters[0].wanted.messages[0]) == "first");
  done.clear();
  EXPECT(world.two->Serve(&done) && done.size() == 1 && done[0] == &putter);
  done.clear();
  EXPECT(world.one->Serve(&done) && done.size() == 1);
  EXPECT(TextOf(getters[1].wanted.messages[0]) == "second");
  const auto* shared = world.segment->ObjectAt<SharedObject>(mine->ref().offset);
  EXPECT(!HasAnyBit(shared->waiting));
}

// Whoever has room now is told of it, whoever's turn it was.
TEST(RoomForAShorterOneBesideALongerOne) {
  for (const bool longer_first : {true, false}) {
    Two world;
    auto third = JoinMessages(world.segment);
    QueuePtr queue = MakeQueue(*third, {0, 100});
    for (int i = 0; i < 4; i += 1) TryPut(*queue, std::string(25, 'x'));
    QueuePtr theirs[] = {OpenQueue(*world.one, queue->ref()), OpenQueue(*world.two, queue->ref())};
    QueueWaiter putters[2];
    for (int i = 0; i < 2; i += 1) {
      const size_t length = (i == 0) == longer_first ? 60 : 1;
      putters[i].wanted.kind = QueueRequest::Kind::kPut;
      putters[i].wanted.staged = StageText(*theirs[i], std::string(length, 'y')).block;
      MessageSpace& space = i == 0 ? *world.one : *world.two;
      space.participant().Doorbell();
      EXPECT(theirs[i]->RunAsync(&putters[i]) == SyncOutcome::kPending);
      space.participant().ArmDoorbell();
    }
    EXPECT(TryTake(*queue).size() == 25);
    MessageSpace& shorter = longer_first ? *world.two : *world.one;
    std::vector<AsyncWaiter*> done;
    EXPECT(shorter.participant().DisarmDoorbell());
    EXPECT(shorter.Serve(&done) && done[0] == &putters[longer_first ? 1 : 0]);
    // The other one needs two more, and was told of each.
    for (const bool enough : {false, true}) {
      MessageSpace& longer = longer_first ? *world.one : *world.two;
      EXPECT(longer.participant().DisarmDoorbell());
      done.clear();
      EXPECT(!longer.Serve(&done));
      longer.participant().ArmDoorbell();
      EXPECT(TryTake(*queue).size() == 25);
      if (!enough) continue;
      EXPECT(longer.participant().DisarmDoorbell());
      EXPECT(longer.Serve(&done) && done.size() == 1);
    }
  }
}

TEST(AWithdrawnPutIsNotInTheQueue) {
  Two world;
  QueuePtr queue = MakeQueue(*world.one, {1});
  TryPut(*queue, "first");
  QueueWaiter putter;
  putter.wanted.kind = QueueRequest::Kind::kPut;
  const StagedMessage staged = StageText(*queue, "second");
  putter.wanted.staged = staged.block;
  EXPECT(queue->RunAsync(&putter) == SyncOutcome::kPending);
  EXPECT(putter.object->Cancel(&putter));
  queue->Drop(staged);
  EXPECT(TryTake(*queue) == "first");
  EXPECT(TryTake(*queue).empty());
  EXPECT(MessagesIn(*world.segment) == 0);
}

}  // namespace mp::test

TEST_MAIN()
