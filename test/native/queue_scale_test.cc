// Queues with many messages, and many queues. As it is, some seconds; at full size some minutes:
//
//   queue_scale_test --long

#include <sys/mman.h>
#include <sys/stat.h>

#include <algorithm>
#include <cstring>

#include "queue_support.h"

using namespace mp;
using namespace mp::test;

namespace {

bool long_form = false;

constexpr uint64_t kSides = 4;
// At most 512 blocks of 128 bytes are in a unit of 64 KiB.
constexpr uint64_t kMessagesOfUnit = 400;

// What everybody writes down together: which messages were got, and how many processes are ready.
struct Board {
  std::atomic<uint64_t> ready;
  std::atomic<uint64_t> got;
  std::atomic<uint64_t> out_of_order;
  std::atomic<uint64_t> twice;
  std::atomic<uint64_t> seen[];
};
uint64_t BoardBytes(uint64_t messages) {
  return sizeof(Board) + (messages / 64 + 1) * sizeof(uint64_t);
}

uint64_t BytesOf(const Segment& segment) {
  struct stat info{};
  fstat(segment.fd(), &info);
  return static_cast<uint64_t>(info.st_blocks) * 512;
}

void Note(Board* board, uint64_t* last, uint64_t per_producer, const std::byte* bytes,
          uint64_t length) {
  uint64_t value[2] = {};
  if (length != sizeof value) return;
  std::memcpy(value, bytes, sizeof value);
  const auto [producer, number] = value;
  if (producer >= kSides || number >= per_producer) return;
  board->out_of_order += number + 1 <= last[producer];
  last[producer] = number + 1;
  const uint64_t at = producer * per_producer + number;
  const uint64_t bit = uint64_t{1} << at % 64;
  board->twice += (board->seen[at / 64].fetch_or(bit) & bit) != 0;
  board->got += 1;
}

// Four processes put and four get, one by one and several at a time: everything is got, once, and
// every consumer sees each producer's messages in their order.
void InOrder(QueueShape shape, uint64_t messages) {
  const uint64_t per_producer = messages / kSides;
  // Room for all of them at a time: nobody says that those who get keep up.
  auto segment = SmallSegment(16, 16, 4'096 + messages / kMessagesOfUnit);
  auto home = JoinMessages(segment);
  QueuePtr queue = MakeQueue(*home, shape);
  const ObjectRef ref = queue->ref();
  void* const page = mmap(nullptr, BoardBytes(messages), PROT_READ | PROT_WRITE,
                          MAP_SHARED | MAP_ANONYMOUS, -1, 0);
  auto* const board = static_cast<Board*>(page);
  std::vector<pid_t> pids;
  for (uint64_t side = 0; side < kSides; side += 1) {
    pids.push_back(Start([&] {
      if (long_form) alarm(0);
      auto space = JoinMessages(segment);
      QueuePtr mine = OpenQueue(*space, ref);
      board->ready += 1;
      for (uint64_t number = 0; number < per_producer; number += 1) {
        const uint64_t value[2] = {side, number};
        const std::string text(reinterpret_cast<const char*>(value), sizeof value);
        if (PutSync(*mine, text) != SyncOutcome::kDone) _exit(1);
      }
    }));
    pids.push_back(Start([&] {
      if (long_form) alarm(0);
      auto space = JoinMessages(segment);
      QueuePtr mine = OpenQueue(*space, ref);
      mine->CloseSide();
      board->ready += 1;
      uint64_t last[kSides] = {};
      const auto note = [&](const std::byte* bytes, uint64_t length) {
        Note(board, last, per_producer, bytes, length);
      };
      for (uint32_t turn = 0;; turn += 1) {
        if (mine->TryTake(turn % 2 == 0 ? 1 : 20, note) > 0) continue;
        QueueRequest request;
        request.kind = QueueRequest::Kind::kPoll;
        if (mine->RunSync(&request, kNever) == SyncOutcome::kDone) continue;
        break;
      }
    }));
  }
  Until([&] { return board->ready == 2 * kSides; });
  queue->CloseSide();
  for (const pid_t pid : pids) EXPECT(EndedWell(pid));
  EXPECT(board->got == per_producer * kSides);
  EXPECT(board->out_of_order == 0);
  EXPECT(board->twice == 0);
  EXPECT(queue->Size() == 0);
  EXPECT(queue->Look() == SyncOutcome::kClosed);
  queue.reset();
  ReapAll(*home);
  EXPECT(MessagesIn(*segment) == 0);
  EXPECT(BlocksIn(*segment, BlockState::kAttached) == 0);
  munmap(page, BoardBytes(messages));
}

// One clock for everybody: each message says when its put began, and of each it is written down
// when that was over.
struct Clock {
  std::atomic<uint64_t> ticks;
  std::atomic<uint64_t> ready;
  std::atomic<uint64_t> over[];
};
struct Stamped {
  uint64_t message;
  uint64_t begun;
};

void PutStamped(MessageQueue& queue, Clock* clock, uint64_t message) {
  const Stamped value{message, clock->ticks.fetch_add(1)};
  const std::string text(reinterpret_cast<const char*>(&value), sizeof value);
  if (PutSync(queue, text) != SyncOutcome::kDone) _exit(1);
  clock->over[message].store(clock->ticks.fetch_add(1));
}
std::vector<Stamped> TakeStamped(MessageQueue& queue, uint64_t messages) {
  std::vector<Stamped> taken;
  taken.reserve(messages);
  const auto note = [&](const std::byte* bytes, uint64_t length) {
    Stamped value{};
    if (EXPECT(length == sizeof value)) std::memcpy(&value, bytes, sizeof value);
    taken.push_back(value);
  };
  for (uint32_t turn = 0;; turn += 1) {
    if (queue.TryTake(turn % 2 == 0 ? 1 : 20, note) > 0) continue;
    QueueRequest request;
    request.kind = QueueRequest::Kind::kPoll;
    if (queue.RunSync(&request, kNever) != SyncOutcome::kDone) return taken;
  }
}

// Four processes put and one gets: what was put before another put began is got before it, whoever
// put either.
void InOneOrder(QueueShape shape, uint64_t messages) {
  auto segment = SmallSegment(16, 16, 16'384);
  auto home = JoinMessages(segment);
  QueuePtr queue = MakeQueue(*home, shape);
  const uint64_t bytes = sizeof(Clock) + messages * sizeof(uint64_t);
  void* const page =
      mmap(nullptr, bytes, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
  auto* const clock = static_cast<Clock*>(page);
  std::vector<pid_t> pids;
  for (uint64_t side = 0; side < kSides; side += 1) {
    pids.push_back(Start([&] {
      if (long_form) alarm(0);
      auto space = JoinMessages(segment);
      QueuePtr mine = OpenQueue(*space, queue->ref());
      clock->ready += 1;
      Until([&] { return clock->ready == kSides; });
      for (uint64_t i = side; i < messages; i += kSides) PutStamped(*mine, clock, i);
    }));
  }
  Until([&] { return clock->ready == kSides; });
  queue->CloseSide();
  const std::vector<Stamped> taken = TakeStamped(*queue, messages);
  for (const pid_t pid : pids) EXPECT(EndedWell(pid));
  EXPECT(taken.size() == messages);
  uint64_t latest = 0;  // to begin, of those that were got so far
  uint64_t too_late = 0;
  for (const Stamped& each : taken) {
    too_late += each.message >= messages || clock->over[each.message] < latest;
    latest = std::max(latest, each.begun);
  }
  EXPECT(too_late == 0);
  munmap(page, bytes);
}

}  // namespace

TEST(InTheOrderOfAllProducers) {
  InOneOrder({}, long_form ? 5'000'000 : 100'000);
}
TEST(InTheOrderOfAllProducersWithABound) {
  InOneOrder({100}, long_form ? 5'000'000 : 100'000);
}

TEST(InTheOrderOfEachProducer) {
  InOrder({}, long_form ? 10'000'000 : 100'000);
}
TEST(InTheOrderOfEachProducerWithABound) {
  InOrder({1'000}, long_form ? 10'000'000 : 100'000);
}

// Each with a message in it, which carries another queue: nothing of them stays.
TEST(QueuesMadeAndDropped) {
  auto segment = SmallSegment(4, 16, 64);
  auto home = JoinMessages(segment);
  const uint64_t queues = long_form ? 1'000'000 : 20'000;
  int64_t places = 0;
  uint64_t bytes = 0;
  for (uint64_t i = 0; i < queues / 2; i += 1) {
    QueuePtr outer = MakeQueue(*home, {i % 3});
    QueuePtr inner = MakeQueue(*home);
    TryPut(*inner, "in the inner one");
    auto staged = outer->Stage(4, 1);
    REQUIRE(staged.ok());
    *staged.value().carried = {inner->ref().offset, inner->ref().generation,
                               static_cast<uint32_t>(inner->ref().kind)};
    Status error;
    REQUIRE(outer->TryPut(staged.value().block, &error) == SyncOutcome::kDone);
    inner.reset();
    outer.reset();
    if (i == 100) {
      home->Trim();
      places = PlacesInUse(*segment);
      bytes = BytesOf(*segment);
    }
  }
  home->Trim();
  EXPECT(PlacesInUse(*segment) == places);
  EXPECT(BytesOf(*segment) <= bytes);
  EXPECT(MessagesIn(*segment) == 0);
  EXPECT(BlocksIn(*segment, BlockState::kAttached) == 0);
  EXPECT(UnitsTaken(*segment) == 0);
}

// A burst, got by somebody else or never got at all: the file is as small as before.
TEST(MemoryIsGivenBackAfterABurst) {
  auto segment = SmallSegment(4, 16, 16'384);
  auto one = JoinMessages(segment);
  auto two = JoinMessages(segment);
  QueuePtr keeps_open = MakeQueue(*one);
  const uint64_t before = BytesOf(*segment);
  const uint64_t burst = uint64_t{long_form ? 800U : 60U} << 20;
  for (const bool got : {true, false}) {
    QueuePtr mine = MakeQueue(*one);
    QueuePtr theirs = OpenQueue(*two, mine->ref());
    uint64_t put = 0;
    for (uint64_t i = 0; put < burst; i += 1) {
      const uint64_t length = i % 100 == 0 ? 3 << 20 : i % 3 == 0 ? 5'000 : 100;
      auto staged = mine->Stage(length, 0);
      REQUIRE(staged.ok());
      Status error;
      REQUIRE(mine->TryPut(staged.value().block, &error) == SyncOutcome::kDone);
      put += length;
    }
    EXPECT(BytesOf(*segment) > burst);
    // One by one: whoever takes several keeps a block to list them in.
    while (got && theirs->TryTake(1, [](const std::byte*, uint64_t) {}) > 0) {
    }
    mine.reset();
    theirs.reset();
    two->Trim();
    one->Trim();
    // Tables of units, and the places of queues.
    EXPECT(BytesOf(*segment) <= before + 256 * 1024);
    EXPECT(MessagesIn(*segment) == 0);
  }
}

int main(int argc, char** argv) {
  long_form = argc > 1 && std::strcmp(argv[1], "--long") == 0;
  if (long_form) alarm(0);
  return RunAll();
}
