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

void PutToken(MessageQueue& queue, const Token& token) {
  const StagedMessage staged = queue.Stage(0, 2).value();
  CarriedRef* to = staged.carried;
  for (const ObjectRef& ref : {token.queue->ref(), token.end->ref()}) {
    *to++ = {ref.offset, ref.generation, static_cast<uint32_t>(ref.kind)};
  }
  Status error;
  EXPECT(queue.TryPut(staged.block, &error) == SyncOutcome::kDone);
}

bool TakeToken(MessageSpace& space, MessageQueue& queue, Token* token) {
  std::vector<ObjectRef> refs;
  const uint32_t taken = queue.TryTake(
      1, [&refs](const std::byte*, uint64_t, const Block& block) { refs = CarriedBy(block); });
  if (taken == 0) return false;
  if (!EXPECT(refs.size() == 2)) return false;
  std::shared_ptr<SyncObject> objects[2];
  for (size_t i = 0; i < 2; i += 1) {
    if (!EXPECT(space.TakeReceived(refs[i], &objects[i]) && objects[i] != nullptr)) return false;
  }
  token->queue = std::static_pointer_cast<MessageQueue>(objects[0]);
  token->end = std::static_pointer_cast<PipeEnd>(objects[1]);
  return true;
}

bool IsWhole(const Token& token) {
  return token.queue->Size() == 1 && token.end->in()->Look() == SyncOutcome::kPending;
}

void Fill(Home* home, OnConsumerDied on_consumer_died) {
  for (QueuePtr& queue : home->queues) {
    queue = MakeQueue(*home->space, {0, 0, on_consumer_died});
  }
  for (size_t i = 0; i < kTokens; i += 1) {
    PipeEnd::Pair pipe = PipeEnd::MakePair(home->space.get(), true).value();
    Token token{MakeQueue(*home->space), pipe.right};
    EXPECT(TryPut(*token.queue, "inside") == SyncOutcome::kDone);
    PutToken(*home->queues[i % kQueues], token);
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
    Token token;
    if (!TakeToken(*space, from, &token)) continue;
    EXPECT(IsWhole(token));
    PutToken(*queues[random() % kQueues], token);
    if (from.Keeps()) EXPECT(from.TaskDone());
    done += 1;
  }
}

// Every token that is still there is whole, and nothing is left of it in the end. How many.
size_t Collect(Home* home) {
  size_t found = 0;
  {
    std::vector<Token> tokens;
    for (const QueuePtr& queue : home->queues) {
      for (Token token; TakeToken(*home->space, *queue, &token); token = {}) {
        EXPECT(IsWhole(token));
        tokens.push_back(token);
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
  for (const OnConsumerDied on_died : {OnConsumerDied::kNotCounted, OnConsumerDied::kRedeliver}) {
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
// not said so. Of another one each death takes one token at most.
TEST(AmongProcessesKilledAtRandom) {
  for (const OnConsumerDied on_died : {OnConsumerDied::kNotCounted, OnConsumerDied::kRedeliver}) {
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
    if (on_died == OnConsumerDied::kRedeliver) {
      EXPECT(found >= kTokens && found <= kTokens + kKills + pids.size());
    } else {
      EXPECT(found <= kTokens && found + kKills + pids.size() >= kTokens);
    }
    std::printf("       %zu of %zu found\n", found, kTokens);
    EXPECT(PlacesInUse(*home.segment) <= 16);
  }
}

TEST_MAIN()
