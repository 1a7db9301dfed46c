// Messages that are written and read in place: who has them, and when they are free again.

#include <thread>

#include "queue_support.h"
#include "queues/loan.h"

using namespace mp;
using namespace mp::test;

namespace {

Loan Lend(MessageSpace& space, MessageQueue& queue, const std::string& text) {
  const auto lent = LendToWrite(&space, &queue, text.size());
  if (!EXPECT(lent.ok())) _exit(95);
  std::memcpy(lent.value().bytes, text.data(), text.size());
  return lent.value();
}

Loan ReadFirst(MessageSpace& space, MessageQueue& queue) {
  Loan loan;
  queue.TryTake(1, [&](const std::byte*, uint64_t, const Block& block) {
    EXPECT(LendToRead(&space, queue, block, &loan));
  });
  return loan;
}

std::string TextOf(const Loan& loan) {
  return {reinterpret_cast<const char*>(loan.bytes), loan.length};
}

SyncOutcome Put(MessageQueue& queue, const Loan& loan) {
  Status error;
  return queue.TryPut(loan.block, &error);
}

}  // namespace

TEST(ThereAndBack) {
  const auto segment = SmallSegment();
  auto space = JoinMessages(segment);
  QueuePtr queue = MakeQueue(*space);
  for (const size_t length : {1, 80, 3'000, 100'000}) {
    const std::string text(length, 'x');
    const Loan written = Lend(*space, *queue, text);
    EXPECT(!written.reads() && written.length == length);
    EXPECT(Put(*queue, written) == SyncOutcome::kDone);
    const Loan read = ReadFirst(*space, *queue);
    EXPECT(read.reads() && read.bytes == written.bytes && TextOf(read) == text);
    EXPECT(BlocksIn(*segment, BlockState::kTaken) == 1);
    GiveBack(space.get(), read);
    EXPECT(BlocksIn(*segment, BlockState::kTaken) == 0);
  }
  queue.reset();
  EXPECT(MessagesIn(*segment) == 0);
}

// For whoever gets a copy without it; who reads in place has the whole message.
TEST(AFrontIsOfTheMessage) {
  const auto segment = SmallSegment();
  auto space = JoinMessages(segment);
  QueuePtr queue = MakeQueue(*space);
  const Loan written = LendToWrite(space.get(), queue.get(), 100'000, 16).value();
  EXPECT(Put(*queue, written) == SyncOutcome::kDone);
  uint64_t length = 0;
  uint32_t front = 0;
  EXPECT(queue->FirstLength(&length, &front) && length == 100'000 && front == 16);
  const Loan read = ReadFirst(*space, *queue);
  EXPECT(read.bytes == written.bytes && read.length == 100'000);
  GiveBack(space.get(), read);
  EXPECT(MessagesIn(*segment) == 0);
}

// The block is somebody else's by then.
TEST(GivenBackOnce) {
  const auto segment = SmallSegment();
  auto space = JoinMessages(segment);
  QueuePtr queue = MakeQueue(*space);
  const Loan first = Lend(*space, *queue, std::string(100'000, 'a'));
  GiveBack(space.get(), first);
  const Loan second = Lend(*space, *queue, std::string(100'000, 'b'));
  EXPECT(second.bytes == first.bytes);
  GiveBack(space.get(), first);
  EXPECT(BlocksIn(*segment, BlockState::kOwned) == 1);
  EXPECT(Put(*queue, second) == SyncOutcome::kDone);
  GiveBack(space.get(), second);
  EXPECT(TryTake(*queue) == std::string(100'000, 'b'));
}

TEST(AFullQueueLeavesTheLoan) {
  const auto segment = SmallSegment();
  auto space = JoinMessages(segment);
  QueuePtr queue = MakeQueue(*space, {1});
  EXPECT(TryPut(*queue, "first") == SyncOutcome::kDone);
  const Loan loan = Lend(*space, *queue, "second");
  EXPECT(Put(*queue, loan) == SyncOutcome::kPending);
  EXPECT(TryTake(*queue) == "first");
  EXPECT(Put(*queue, loan) == SyncOutcome::kDone);
  EXPECT(TryTake(*queue) == "second");
}

TEST(WaitingForRoomEndsWithTheSide) {
  const auto segment = SmallSegment();
  auto space = JoinMessages(segment);
  QueuePtr queue = MakeQueue(*space, {1});
  EXPECT(queue->LookForRoom(10) == SyncOutcome::kDone);
  EXPECT(TryPut(*queue, "first") == SyncOutcome::kDone);
  EXPECT(queue->LookForRoom(10) == SyncOutcome::kPending);
  queue->CloseSide();
  EXPECT(queue->LookForRoom(10) == SyncOutcome::kClosed);
}

// What is to come back when its reader dies, or carries something, is copied.
TEST(NotEverythingIsLent) {
  const auto segment = SmallSegment();
  auto space = JoinMessages(segment);
  QueuePtr plain = MakeQueue(*space);
  QueuePtr kept = MakeQueue(*space, {0, 0, OnConsumerDied::kRedeliver});
  EXPECT(TryPut(*kept, "kept") == SyncOutcome::kDone);
  const StagedMessage staged = plain->Stage(3, 1).value();
  const ObjectRef ref = kept->ref();
  *staged.carried = {ref.offset, ref.generation, static_cast<uint32_t>(ref.kind)};
  Status error;
  EXPECT(plain->TryPut(staged.block, &error) == SyncOutcome::kDone);
  for (const QueuePtr& queue : {plain, kept}) {
    const uint32_t taken = queue->TryTake(1, [&](const std::byte*, uint64_t, const Block& block) {
      Loan loan;
      EXPECT(!LendToRead(space.get(), *queue, block, &loan));
    });
    EXPECT(taken == 1);
  }
  EXPECT(kept->TaskDone());
  EXPECT(MessagesIn(*segment) == 0);
}

// Whoever has waited is lent a long message, which is copied once, where it is to be.
TEST(AWaiterIsLentWhatIsLong) {
  const auto segment = SmallSegment();
  auto space = JoinMessages(segment);
  QueuePtr plain = MakeQueue(*space);
  QueuePtr kept = MakeQueue(*space, {0, 0, OnConsumerDied::kCount});
  for (const QueuePtr& queue : {plain, kept}) {
    for (const uint64_t length : {uint64_t{1'000}, uint64_t{100'000}}) {
      QueueWaiter waiter;
      waiter.wanted.kind = QueueRequest::Kind::kGet;
      REQUIRE(queue->RunAsync(&waiter) == SyncOutcome::kPending);
      const StagedMessage staged = queue->Stage(length, 0, 1).value();
      std::memset(staged.bytes, 'h', length);
      Status error;
      REQUIRE(queue->TryPut(staged.block, &error) == SyncOutcome::kDone);
      std::vector<AsyncWaiter*> served;
      REQUIRE(space->Serve(&served) && served.size() == 1);
      REQUIRE(waiter.outcome == SyncOutcome::kDone && waiter.wanted.messages.size() == 1);
      const Message& message = waiter.wanted.messages[0];
      if (queue == plain && length == 100'000) {
        EXPECT(message.bytes.empty() && message.front == 1);
        EXPECT(message.lent.bytes == staged.bytes && TextOf(message.lent)[length - 1] == 'h');
        EXPECT(BlocksIn(*segment, BlockState::kTaken) == 1);
        GiveBack(space.get(), message.lent);
      } else {
        EXPECT(message.lent.bytes == nullptr && message.bytes.size() == length);
      }
      if (queue == kept) EXPECT(kept->TaskDone());
      EXPECT(MessagesIn(*segment) == 0);
    }
  }
}

// With a message that it reads: it is free when the thread has ended, and does not come back.
TEST(AReaderLeaves) {
  const auto segment = SmallSegment();
  auto space = JoinMessages(segment);
  QueuePtr queue = MakeQueue(*space);
  EXPECT(TryPut(*queue, std::string(50'000, 'r')) == SyncOutcome::kDone);
  Loan loan;
  std::thread([&] {
    auto other = JoinMessages(segment);
    QueuePtr same = OpenQueue(*other, queue->ref());
    loan = ReadFirst(*other, *same);
    same.reset();
    other->ReleaseMemory();
    EXPECT(!other->participant().Leave());
  }).join();
  while (space->reaper().Run().pending != 0) usleep(200);
  EXPECT(TryTake(*queue).empty());
  EXPECT(MessagesIn(*segment) == 0);
  // Late, as by a view that is collected when its environment has ended.
  EXPECT(TryPut(*queue, std::string(50'000, 's')) == SyncOutcome::kDone);
  GiveBack(nullptr, loan);
  EXPECT(TryTake(*queue) == std::string(50'000, 's'));
}

// What one thread writes in place, another one reads in place.
TEST(TwoThreads) {
  constexpr int kMessages = 3'000;
  const auto segment = SmallSegment();
  auto space = JoinMessages(segment);
  QueuePtr queue = MakeQueue(*space, {16});
  std::thread writer([&] {
    auto own = JoinMessages(segment);
    QueuePtr same = OpenQueue(*own, queue->ref());
    for (int i = 0; i < kMessages; i += 1) {
      const Loan loan = Lend(*own, *same, std::string(1 + i % 5'000, static_cast<char>(i % 100)));
      while (Put(*same, loan) != SyncOutcome::kDone) {
        QueueRequest room;
        room.kind = QueueRequest::Kind::kRoom;
        room.length = loan.length;
        same->RunSync(&room, kNever);
      }
    }
    same.reset();
  });
  for (int i = 0; i < kMessages; i += 1) {
    Loan loan;
    while ((loan = ReadFirst(*space, *queue)).bytes == nullptr) {
      QueueRequest poll;
      queue->RunSync(&poll, kNever);
    }
    EXPECT(TextOf(loan) == std::string(1 + i % 5'000, static_cast<char>(i % 100)));
    GiveBack(space.get(), loan);
  }
  writer.join();
  EXPECT(BlocksIn(*segment, BlockState::kTaken) == 0);
}

TEST(AReaderDies) {
  const auto segment = SmallSegment();
  auto space = JoinMessages(segment);
  QueuePtr queue = MakeQueue(*space);
  EXPECT(TryPut(*queue, std::string(50'000, 'r')) == SyncOutcome::kDone);
  const pid_t pid = Start([&] {
    auto other = JoinMessages(segment);
    QueuePtr same = OpenQueue(*other, queue->ref());
    ReadFirst(*other, *same);
    Lend(*other, *same, std::string(50'000, 'w'));
    kill(getpid(), SIGKILL);
  });
  WaitStatus(pid);
  while (space->reaper().Run().pending != 0) usleep(200);
  EXPECT(TryTake(*queue).empty());
  EXPECT(MessagesIn(*segment) == 0);
}

TEST_MAIN()
