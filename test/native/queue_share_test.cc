// Queues among threads (ThreadSanitizer sees these) and among processes, killed at random.

#include <sys/mman.h>

#include <array>
#include <random>
#include <thread>

#include "queue_support.h"

using namespace mp;
using namespace mp::test;

namespace {

constexpr uint64_t kNumbers = 100'000;

// What everybody counts together.
struct Counts {
  std::atomic<uint64_t> put[8];
  std::atomic<uint64_t> got;
  std::atomic<uint64_t> sum;
  std::atomic<uint32_t> times[kNumbers];
};
Counts& SharedCounts() {
  void* const page =
      mmap(nullptr, sizeof(Counts), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
  return *new (page) Counts();
}

struct Numbered {
  uint64_t producer;
  uint64_t number;
};

SyncOutcome PutNumber(MessageQueue& queue, uint64_t producer, uint64_t number, size_t extra,
                      uint64_t deadline = kNever) {
  const Numbered value{producer, number};
  std::string text(sizeof value + extra, 'x');
  std::memcpy(text.data(), &value, sizeof value);
  return PutSync(queue, text, deadline);
}
Numbered NumberIn(const std::string& text) {
  Numbered value{};
  if (text.size() >= sizeof value) std::memcpy(&value, text.data(), sizeof value);
  return value;
}

// Producers and consumers as threads; every consumer sees each producer's messages in order.
void ManyToMany(QueueShape shape, uint64_t messages, size_t longest) {
  constexpr uint64_t kSides = 3;
  auto segment = SmallSegment(16, 16, 2048);
  auto home = JoinMessages(segment);
  QueuePtr first = MakeQueue(*home, shape);
  const ObjectRef ref = first->ref();
  std::atomic<uint64_t> got{0};
  std::atomic<uint64_t> sum{0};
  std::atomic<int> opened{0};
  std::vector<std::thread> threads;
  for (uint64_t side = 0; side < kSides; side += 1) {
    threads.emplace_back([&, side] {
      auto space = JoinMessages(segment);
      QueuePtr queue = OpenQueue(*space, ref);
      opened += 1;
      for (uint64_t i = 0; i < messages; i += 1) {
        EXPECT(PutNumber(*queue, side, i + 1, i * 7 % (longest + 1)) == SyncOutcome::kDone);
      }
    });
    threads.emplace_back([&] {
      auto space = JoinMessages(segment);
      QueuePtr queue = OpenQueue(*space, ref);
      queue->CloseSide();
      opened += 1;
      uint64_t last[kSides] = {};
      for (;;) {
        SyncOutcome outcome = SyncOutcome::kPending;
        const std::string text = TakeSync(*queue, kNever, &outcome);
        if (outcome == SyncOutcome::kClosed) break;
        const Numbered value = NumberIn(text);
        if (!EXPECT(value.producer < kSides && value.number > last[value.producer])) break;
        last[value.producer] = value.number;
        got += 1;
        sum += value.number;
        if (queue->Keeps()) EXPECT(queue->TaskDone());
      }
    });
  }
  while (opened < static_cast<int>(2 * kSides)) std::this_thread::yield();
  first->CloseSide();
  for (std::thread& thread : threads) thread.join();
  EXPECT(got == kSides * messages);
  EXPECT(sum == kSides * messages * (messages + 1) / 2);
  EXPECT(first->Size() == 0);
  if (first->Keeps()) EXPECT(first->Unfinished() == 0);
  first.reset();
  EXPECT(MessagesIn(*segment) == 0);
  EXPECT(BlocksIn(*segment, BlockState::kAttached) == 0);
}

}  // namespace

TEST(ThreadsWithoutBound) {
  ManyToMany({}, 3'000, 0);
}
TEST(ThreadsWithABoundOfOne) {
  ManyToMany({1}, 1'000, 0);
}
TEST(ThreadsWithABoundOfTen) {
  ManyToMany({10}, 3'000, 100);
}
TEST(ThreadsWithABoundInBytes) {
  ManyToMany({0, 4'096}, 2'000, 2'000);
}
TEST(ThreadsThatSayWhatIsDone) {
  ManyToMany({0, 0, OnConsumerDied::kRedeliver}, 2'000, 0);
}

// Both kinds of process are killed at any moment and replaced. What a put has answered is got once,
// or, kept by somebody who was killed before it was done, more than once; and never not at all.
TEST(ProcessesKilledAtRandom) {
  for (const bool redelivers : {false, true}) {
    constexpr uint64_t kRounds = 100;
    auto segment = SmallSegment(32, 16, 2048);
    auto home = JoinMessages(segment);
    const QueueShape shape{64, 0,
                           redelivers ? OnConsumerDied::kRedeliver : OnConsumerDied::kNotCounted};
    QueuePtr queue = MakeQueue(*home, shape);
    const ObjectRef ref = queue->ref();
    Counts& counts = SharedCounts();
    std::mt19937 random(7);
    std::atomic<uint64_t>& next = counts.sum;
    const auto producer = [&] {
      auto space = JoinMessages(segment);
      QueuePtr mine = OpenQueue(*space, ref);
      for (;;) {
        const uint64_t number = next.fetch_add(1);
        if (number >= kNumbers) pause();
        if (PutNumber(*mine, 0, number, number % 300) != SyncOutcome::kDone) _exit(3);
        // At least so many of this number's are in the queue; a kill before this line is no
        // promise.
        counts.times[number].fetch_or(1U << 31);
      }
    };
    const auto consumer = [&] {
      auto space = JoinMessages(segment);
      QueuePtr mine = OpenQueue(*space, ref);
      for (;;) {
        uint64_t number = 0;
        QueueRequest request;
        request.kind = QueueRequest::Kind::kPoll;
        mine->RunSync(&request, kNever);
        // Counted while it is being taken: dead before the end of this, it comes back.
        const uint32_t taken = mine->TryTake(1, [&](const std::byte* bytes, uint64_t length) {
          number = NumberIn({reinterpret_cast<const char*>(bytes), length}).number;
          if (!redelivers) counts.times[number].fetch_add(1);
        });
        if (taken == 0) continue;
        if (redelivers) {
          counts.times[number].fetch_add(1);
          mine->TaskDone();
        }
      }
    };
    std::array<pid_t, 4> pids{Start(producer), Start(producer), Start(consumer), Start(consumer)};
    for (uint64_t round = 0; round < kRounds; round += 1) {
      usleep(random() % 3'000);
      const size_t victim = random() % pids.size();
      kill(pids[victim], SIGKILL);
      WaitStatus(pids[victim]);
      home->reaper().Run();
      pids[victim] = victim < 2 ? Start(producer) : Start(consumer);
    }
    // The producers first; what they have put is then got by the others.
    for (const size_t side : {0, 1}) {
      kill(pids[side], SIGKILL);
      WaitStatus(pids[side]);
    }
    while (home->reaper().Run().pending != 0) usleep(500);
    Until([&] { return queue->Size() == 0 && (!redelivers || queue->Unfinished() == 0); });
    for (const size_t side : {2, 3}) {
      kill(pids[side], SIGKILL);
      WaitStatus(pids[side]);
    }
    while (home->reaper().Run().pending != 0) usleep(500);
    while (!TryTake(*queue).empty()) {
    }
    uint64_t lost = 0;
    uint64_t twice = 0;
    uint64_t put = 0;
    for (const auto& times : counts.times) {
      const bool promised = (times.load() >> 31) != 0;
      const uint32_t got = times.load() & 0x7fff'ffff;
      put += promised;
      lost += promised && got == 0;
      twice += got > 1;
    }
    std::printf("       %llu messages, %llu got twice\n", static_cast<unsigned long long>(put),
                static_cast<unsigned long long>(twice));
    EXPECT(put > 100);
    EXPECT(lost == 0);
    // No more than have died with one in their hands.
    EXPECT(twice <= kRounds + 2);
    queue.reset();
    EXPECT(MessagesIn(*segment) == 0);
    EXPECT(BlocksIn(*segment, BlockState::kAttached) == 0);
    munmap(&counts, sizeof counts);
  }
}

TEST_MAIN()
