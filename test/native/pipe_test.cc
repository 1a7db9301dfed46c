// Pipes among the threads of a program: each is a participant, as a process would be.

#include <thread>

#include "queue_support.h"
#include "queues/pipe_end.h"

using namespace mp;
using namespace mp::test;

namespace {

using EndPtr = std::shared_ptr<PipeEnd>;

EndPtr OpenEnd(MessageSpace& space, const ObjectRef& ref) {
  auto opened = PipeEnd::Open(&space, ref);
  if (!EXPECT(opened.ok())) _exit(95);
  return opened.value();
}
bool WaitSync(MessageQueue& queue, QueueRequest::Kind kind, uint64_t length = 0) {
  QueueRequest request;
  request.kind = kind;
  request.length = length;
  return queue.RunSync(&request, kNever) == SyncOutcome::kDone;
}
void Send(MessageQueue& queue, const std::string& text) {
  while (TryPut(queue, text) == SyncOutcome::kPending) {
    WaitSync(queue, QueueRequest::Kind::kRoom, text.size());
  }
}
void NothingLeft(MessageSpace& space, const Segment& segment) {
  ReapAll(space);
  EXPECT(MessagesIn(segment) == 0);
  EXPECT(BlocksIn(segment, BlockState::kAttached) == 0);
  EXPECT(PlacesInUse(segment) <= 0);
}

}  // namespace

TEST(WhatWasSentComesBeforeTheEnd) {
  const auto segment = SmallSegment();
  auto space = JoinMessages(segment);
  auto [left, right] = PipeEnd::MakePair(space.get(), true).value();
  EXPECT(TryPut(*right->out(), "one") == SyncOutcome::kDone);
  EXPECT(TryPut(*right->out(), "two") == SyncOutcome::kDone);
  right.reset();
  EXPECT(TryPut(*left->out(), "nobody") == SyncOutcome::kBroken);
  EXPECT(left->out()->LookForRoom(1) == SyncOutcome::kBroken);
  EXPECT(TryTake(*left->in()) == "one");
  EXPECT(left->in()->Look() == SyncOutcome::kDone);
  EXPECT(TryTake(*left->in()) == "two");
  EXPECT(left->in()->Look() == SyncOutcome::kClosed);
  left.reset();
  NothingLeft(*space, *segment);
}

TEST(OneDirection) {
  const auto segment = SmallSegment();
  auto space = JoinMessages(segment);
  auto [reader, writer] = PipeEnd::MakePair(space.get(), false).value();
  EXPECT(reader->out() == nullptr && writer->in() == nullptr);
  EXPECT(TryPut(*writer->out(), "there") == SyncOutcome::kDone);
  EXPECT(TryTake(*reader->in()) == "there");
  reader.reset();
  EXPECT(TryPut(*writer->out(), "nobody") == SyncOutcome::kBroken);
  writer.reset();
  NothingLeft(*space, *segment);
}

TEST(RoomInBytesAndMessages) {
  const auto segment = SmallSegment();
  auto space = JoinMessages(segment);
  auto [left, right] = PipeEnd::MakePair(space.get(), true).value();
  MessageQueue& to_right = *left->out();
  EXPECT(TryPut(to_right, std::string(4 * kPipeBytes, 'x')) == SyncOutcome::kDone);
  EXPECT(TryPut(to_right, "y") == SyncOutcome::kPending);
  EXPECT(to_right.LookForRoom(0) == SyncOutcome::kPending);
  EXPECT(TryTake(*right->in()).size() == 4 * kPipeBytes);
  EXPECT(to_right.LookForRoom(4 * kPipeBytes) == SyncOutcome::kDone);
  EXPECT(TryPut(to_right, std::string(kPipeBytes - 1, 'x')) == SyncOutcome::kDone);
  EXPECT(to_right.LookForRoom(2) == SyncOutcome::kPending);
  EXPECT(to_right.LookForRoom(1) == SyncOutcome::kDone);
  TryTake(*right->in());
  for (uint64_t i = 0; i < kPipeMessages; i += 1)
    EXPECT(TryPut(to_right, "") == SyncOutcome::kDone);
  EXPECT(to_right.LookForRoom(0) == SyncOutcome::kPending);
  EXPECT(TryPut(to_right, "") == SyncOutcome::kPending);
  left.reset();
  right.reset();
  NothingLeft(*space, *segment);
}

// Several times in one process is once.
TEST(AnEndInAMessageIsOpen) {
  const auto segment = SmallSegment();
  auto space = JoinMessages(segment);
  auto [left, right] = PipeEnd::MakePair(space.get(), true).value();
  auto [here, there] = PipeEnd::MakePair(space.get(), true).value();
  const StagedMessage staged = left->out()->Stage(0, 1).value();
  *staged.carried = {there->ref().offset, there->ref().generation,
                     static_cast<uint32_t>(ObjectKind::kPipeEnd)};
  // Before it is put nothing is on its way.
  EXPECT(CarriedBy(BlockPool::At(*segment, staged.block)).empty());
  Status error;
  EXPECT(left->out()->TryPut(staged.block, &error) == SyncOutcome::kDone);
  there.reset();
  EXPECT(here->in()->Look() == SyncOutcome::kPending);
  EXPECT(TryPut(*here->out(), "into it") == SyncOutcome::kDone);
  ObjectRef ref;
  right->in()->TryTake(
      1, [&ref](const std::byte*, uint64_t, const Block& block) { ref = CarriedBy(block).at(0); });
  std::shared_ptr<SyncObject> received;
  REQUIRE(space->TakeReceived(ref, &received) && received != nullptr);
  EndPtr arrived = std::static_pointer_cast<PipeEnd>(std::move(received));
  EXPECT(!space->TakeReceived(ref, &received));
  EXPECT(TryTake(*arrived->in()) == "into it");
  arrived.reset();
  EXPECT(here->in()->Look() == SyncOutcome::kClosed);
  here.reset();
  left.reset();
  right.reset();
  NothingLeft(*space, *segment);
}

// There and back, more than there is room for, until the other one has closed.
TEST(TwoThreads) {
  constexpr int kMessages = 5'000;
  const auto segment = SmallSegment();
  auto space = JoinMessages(segment);
  auto [left, right] = PipeEnd::MakePair(space.get(), true).value();
  const ObjectRef ref = right->ref();
  std::atomic<bool> opened = false;
  std::thread echo([&] {
    auto own = JoinMessages(segment);
    EndPtr end = OpenEnd(*own, ref);
    opened = true;
    while (WaitSync(*end->in(), QueueRequest::Kind::kPoll)) {
      const std::string text = TryTake(*end->in());
      if (!text.empty()) Send(*end->out(), text);
    }
    end.reset();
  });
  Until([&] { return opened.load(); });
  right.reset();
  int next = 0;
  for (int i = 0; i < kMessages; i += 1) {
    Send(*left->out(), std::to_string(i));
    for (std::string got; !(got = TryTake(*left->in())).empty(); next += 1) {
      EXPECT(got == std::to_string(next));
    }
  }
  while (next < kMessages && WaitSync(*left->in(), QueueRequest::Kind::kPoll)) {
    EXPECT(TryTake(*left->in()) == std::to_string(next));
    next += 1;
  }
  left.reset();
  echo.join();
  NothingLeft(*space, *segment);
}

TEST_MAIN()
