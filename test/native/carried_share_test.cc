// Objects that are handed on in messages among many, by threads and by processes that are killed at
// random: each is somewhere, and whole, or it has gone with whoever had it.

#include <array>
#include <atomic>
#include <memory>
#include <random>
#include <thread>

#include "queue_support.h"
#include "queues/pipe_end.h"

using namespace mp;
using namespace mp::test;

namespace {

constexpr size_t kQueues = 3;
constexpr size_t kTokens = 100;
// Full now and then.
constexpr uint64_t kBound = 50;
constexpr uint32_t kAtOnce = 3;

constexpr OnConsumerDied kEvery[] = {OnConsumerDied::kNotCounted, OnConsumerDied::kRedeliver,
                                     OnConsumerDied::kCount};

// A token is a queue with a message in it, and an end of a pipe whose other end is kept at home.
struct Home {
  std::shared_ptr<Segment> segment = SmallSegment(16, 256, 512);
  std::unique_ptr<MessageSpace> space = JoinMessages(segment);
  std::array<QueuePtr, kQueues> queues;
  std::vector<std::shared_ptr<PipeEnd>> left;
};

struct Token {
  std::shared_ptr<MessageQueue> queue;
  std::shared_ptr<PipeEnd> end;
};

bool PutToken(MessageQueue& queue, const Token& token) {
  const StagedMessage staged = queue.Stage(0, 2).value();
  CarriedRef* to = staged.carried;
  for (const ObjectRef& ref : {token.queue->ref(), token.end->ref()}) {
    *to++ = {ref.offset, ref.generation, static_cast<uint32_t>(ref.kind)};
  }
  Status error;
  const SyncOutcome outcome = queue.TryPut(staged.block, &error);
  if (outcome == SyncOutcome::kDone) return true;
  EXPECT(outcome == SyncOutcome::kPending);
  queue.Drop(staged);
  return false;
}

std::vector<Token> TakeTokens(MessageSpace& space, MessageQueue& queue, uint32_t most) {
  std::vector<std::vector<ObjectRef>> carried;
  queue.TryTake(most, [&carried](const std::byte*, uint64_t, const Block& block) {
    carried.push_back(CarriedBy(block));
  });
  std::vector<Token> tokens;
  for (const std::vector<ObjectRef>& refs : carried) {
    if (!EXPECT(refs.size() == 2)) continue;
    std::shared_ptr<SyncObject> objects[2];
    for (size_t i = 0; i < 2; i += 1) {
      EXPECT(space.TakeReceived(refs[i], &objects[i]) && objects[i] != nullptr);
    }
    if (objects[0] == nullptr || objects[1] == nullptr) continue;
    tokens.push_back({std::static_pointer_cast<MessageQueue>(objects[0]),
                      std::static_pointer_cast<PipeEnd>(objects[1])});
  }
  return tokens;
}

bool IsWhole(const Token& token) {
  return token.queue->Size() == 1 && token.end->in()->Look() == SyncOutcome::kPending;
}

void Fill(Home* home, OnConsumerDied on_consumer_died) {
  for (QueuePtr& queue : home->queues) {
    queue = MakeQueue(*home->space, {kBound, 0, on_consumer_died});
  }
  for (size_t i = 0; i < kTokens; i += 1) {
    PipeEnd::Pair pipe = PipeEnd::MakePair(home->space.get(), true).value();
    Token token{MakeQueue(*home->space), pipe.right};
    EXPECT(TryPut(*token.queue, "inside") == SyncOutcome::kDone);
    EXPECT(PutToken(*home->queues[i % kQueues], token));
    home->left.push_back(pipe.left);
  }
}

// From queue to queue, for ever or as often as that.
void HandOn(const Home& home, unsigned seed, uint64_t times) {
  auto space = JoinMessages(home.segment);
  std::array<QueuePtr, kQueues> queues;
  for (size_t i = 0; i < kQueues; i += 1) queues[i] = OpenQueue(*space, home.queues[i]->ref());
  std::mt19937 random(seed);
  for (uint64_t done = 0; done < times;) {
    MessageQueue& from = *queues[random() % kQueues];
    for (const Token& token : TakeTokens(*space, from, 1 + random() % kAtOnce)) {
      EXPECT(IsWhole(token));
      while (!PutToken(*queues[random() % kQueues], token)) {
      }
      if (from.Keeps()) EXPECT(from.TaskDone());
      done += 1;
    }
  }
}

// Every token that is still there is whole, and nothing is left of it in the end. How many.
size_t Collect(Home* home) {
  size_t found = 0;
  {
    std::vector<Token> tokens;
    for (const QueuePtr& queue : home->queues) {
      for (;;) {
        const std::vector<Token> taken = TakeTokens(*home->space, *queue, 1);
        if (taken.empty()) break;
        EXPECT(IsWhole(taken[0]));
        tokens.push_back(taken[0]);
        if (queue->Keeps()) EXPECT(queue->TaskDone());
      }
    }
    found = tokens.size();
    size_t open = 0;
    for (const auto& end : home->left) open += end->in()->Look() == SyncOutcome::kPending;
    EXPECT(open <= found);
  }
  for (const auto& end : home->left) EXPECT(end->in()->Look() == SyncOutcome::kClosed);
  home->left.clear();
  for (QueuePtr& queue : home->queues) queue.reset();
  EXPECT(MessagesIn(*home->segment) == 0);
  EXPECT(BlocksIn(*home->segment, BlockState::kAttached) == 0);
  return found;
}

}  // namespace

TEST(AmongThreads) {
  for (const OnConsumerDied on_died : kEvery) {
    Home home;
    Fill(&home, on_died);
    std::vector<std::thread> threads;
    for (unsigned seed = 0; seed < 3; seed += 1) {
      threads.emplace_back([&, seed] { HandOn(home, seed, 2'000); });
    }
    for (std::thread& thread : threads) thread.join();
    EXPECT(Collect(&home) == kTokens);
  }
}

// What a queue redelivers is there in the end, perhaps twice: with whoever had put it on and had
// not said so. Of another one each death takes what was taken at once, at most.
TEST(AmongProcessesKilledAtRandom) {
  for (const OnConsumerDied on_died : kEvery) {
    constexpr size_t kKills = 80;
    Home home;
    Fill(&home, on_died);
    std::mt19937 random(11);
    unsigned seed = 100;
    std::array<pid_t, 3> pids{};
    const auto start = [&] { return Start([&home, seed] { HandOn(home, seed, ~uint64_t{0}); }); };
    for (pid_t& pid : pids) {
      pid = start();
      seed += 1;
    }
    for (size_t kills = 0; kills < kKills; kills += 1) {
      usleep(random() % 5'000);
      pid_t& victim = pids[random() % pids.size()];
      KillAndWait(victim);
      home.space->reaper().Run();
      victim = start();
      seed += 1;
    }
    for (const pid_t pid : pids) KillAndWait(pid);
    while (home.space->reaper().Run().pending != 0) usleep(500);
    const size_t found = Collect(&home);
    const size_t lost = kAtOnce * (kKills + pids.size());
    if (on_died == OnConsumerDied::kRedeliver) {
      EXPECT(found >= kTokens && found <= kTokens + lost);
    } else {
      EXPECT(found <= kTokens && found + lost >= kTokens);
    }
    std::printf("       %zu of %zu found\n", found, kTokens);
    EXPECT(PlacesInUse(*home.segment) <= 16);
  }
}

TEST_MAIN()
