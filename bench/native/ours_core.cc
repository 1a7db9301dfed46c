// The core without Node: ours_core <measurement> <sizes as JSON>. Prints milliseconds per operation, one number for each
// round.

#include <signal.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include <atomic>
#include <cstring>
#include <memory>
#include <vector>

#include "../subjects/clock.h"
#include "base/deadline.h"
#include "queues/message_queue.h"
#include "sync/lock.h"

using namespace mp;

namespace {

template <typename T>
T Need(Result<T> result, const char* what) {
  if (!result.ok()) {
    std::fprintf(stderr, "%s: %s: %s\n", what, result.status().operation,
                 std::strerror(result.status().error));
    _exit(1);
  }
  return std::move(result.value());
}
void Need(bool done, const char* what) {
  if (done) return;
  std::fprintf(stderr, "%s\n", what);
  _exit(1);
}

std::shared_ptr<Segment> NewSegment() {
  return std::make_shared<Segment>(Need(Segment::Create({16, 16, 1024}), "Create"));
}
std::unique_ptr<MessageSpace> Join(const std::shared_ptr<Segment>& segment) {
  return Need(MessageSpace::Join(segment), "Join");
}

void LockPair(long rounds, long batch) {
  auto space = Join(NewSegment());
  auto lock = Need(space->Make<Lock>(), "Make");
  for (long round = -(rounds / 10 + 1); round < rounds; round += 1) {
    const double started_at = now_ms();
    for (long i = 0; i < batch; i += 1) {
      Need(lock->AcquireSync(kNever) == SyncOutcome::kDone, "AcquireSync");
      Need(lock->Release().ok(), "Release");
    }
    if (round >= 0) print_sample(round, (now_ms() - started_at) / batch);
  }
}

// ---- messages from some processes to as many others

struct Flow {
  long items;  // of each producer
  long pairs;
  long rounds;
  long bytes;
  long bound;  // of the queue, in messages
};

// In memory that all of them share.
struct Board {
  std::atomic<long> round;  // which round may begin
  std::atomic<long> taken;  // in this round
  std::atomic<long> ready;
};

void AwaitRound(const Board& board, long round) {
  while (board.round.load(std::memory_order_acquire) < round) usleep(50);
}

void Produce(MessageQueue* queue, Board* board, const Flow& flow) {
  std::vector<std::byte> message(flow.bytes);
  for (long round = 1; round <= flow.rounds; round += 1) {
    board->ready += 1;
    AwaitRound(*board, round);
    for (long i = 0; i < flow.items; i += 1) {
      const StagedMessage staged = Need(queue->Stage(message.size(), 0), "Stage");
      std::memcpy(staged.bytes, message.data(), message.size());
      QueueRequest request;
      request.kind = QueueRequest::Kind::kPut;
      request.staged = staged.block;
      SyncOutcome outcome = queue->TryPut(staged.block, &request.error);
      if (outcome == SyncOutcome::kPending) outcome = queue->RunSync(&request, kNever);
      Need(outcome == SyncOutcome::kDone, "TryPut");
    }
  }
}

// Where a message is copied to.
struct Copy final : MessageTarget {
  explicit Copy(const Flow& flow) : bytes(flow.bytes) {}
  uint32_t RoomFor(uint64_t length) const override { return length <= bytes.size() ? 1 : 0; }
  bool Add(const std::byte* from, uint64_t length) override {
    std::memcpy(bytes.data(), from, length);
    return true;
  }
  void AddElsewhere() override {}
  std::vector<std::byte> bytes;
};

void Consume(MessageQueue* queue, Board* board, const Flow& flow) {
  Copy copy(flow);
  for (long round = 1; round <= flow.rounds; round += 1) {
    board->ready += 1;
    AwaitRound(*board, round);
    for (long i = 0; i < flow.items; i += 1) {
      QueueRequest request;
      request.kind = QueueRequest::Kind::kGet;
      request.target = &copy;
      SyncOutcome outcome = queue->TakeOnce(&request);
      if (outcome == SyncOutcome::kPending) outcome = queue->RunSync(&request, kNever);
      Need(outcome == SyncOutcome::kDone && request.taken == 1, "TakeOnce");
    }
    board->taken += flow.items;
  }
}

template <typename Body>
void Start(const std::shared_ptr<Segment>& segment, const ObjectRef& ref, Body body) {
  if (fork() != 0) return;
  auto space = Join(segment);
  auto queue = Need(space->Open<MessageQueue>(ref), "Open");
  body(queue.get());
  _exit(0);
}

void Messages(const Flow& flow) {
  auto segment = NewSegment();
  auto space = Join(segment);
  auto queue = Need(space->Make<MessageQueue>(QueueShape{.max_size = static_cast<uint64_t>(flow.bound)}), "Make");
  void* const page =
      mmap(nullptr, sizeof(Board), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
  Need(page != MAP_FAILED, "mmap");
  auto* const board = new (page) Board{};
  for (long pair = 0; pair < flow.pairs; pair += 1) {
    Start(segment, queue->ref(), [&](MessageQueue* mine) { Produce(mine, board, flow); });
    Start(segment, queue->ref(), [&](MessageQueue* mine) { Consume(mine, board, flow); });
  }
  const long all = flow.items * flow.pairs;
  for (long round = 1; round <= flow.rounds; round += 1) {
    while (board->ready.load() < round * flow.pairs * 2) usleep(200);
    const double started_at = now_ms();
    board->round.store(round, std::memory_order_release);
    while (board->taken.load() < round * all) usleep(100);
    print_sample(round - 1, (now_ms() - started_at) / static_cast<double>(all));
  }
  while (wait(nullptr) > 0) {
  }
}

}  // namespace

int main(int argc, char** argv) {
  if (argc < 3) return 2;
  const char* const sizes = argv[2];
  const long rounds = size_of(sizes, "rounds");
  if (std::strcmp(argv[1], "lockPair") == 0) LockPair(rounds, size_of(sizes, "batch"));
  if (std::strcmp(argv[1], "messages") == 0) {
    Messages({size_of(sizes, "items"), size_of(sizes, "pairs"), rounds, size_of(sizes, "bytes"),
              size_of(sizes, "bound")});
  }
  std::puts("]");
  return 0;
}
