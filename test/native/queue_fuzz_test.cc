// Shared words of every kind of damage under queues and pipes at work: slots, heads, tails, rings,
// headers of blocks, units, rows, the names that ends and their queues have of each other. Whatever
// they say, nothing is touched outside the mapping, and every call comes to an end with an answer
// or an error. Seeded, so that every run is the same:
//
//   queue_fuzz_test [rounds] [first round]

#include <sys/time.h>

#include <cstdlib>

#include "queue_fuzz_world.h"
#include "queues/loan.h"

using namespace mp;
using namespace mp::test;

namespace {

// Of processor time, so that a busy machine is none: a call takes some microseconds.
constexpr int kEndlessSeconds = 3;

int rounds = 1'500;
int first_round = 0;
// For whoever looks for the reason of an end by a signal.
volatile int current_round = 0;
const char* volatile current_call = "";

void IsEndless(int) {
  std::fprintf(stderr, "round %d: %s does not come to an end\n", current_round, current_call);
  _exit(1);
}

void WatchEndless() {
  signal(SIGVTALRM, IsEndless);
  const itimerval timer{{0, 0}, {kEndlessSeconds, 0}};
  setitimer(ITIMER_VIRTUAL, &timer, nullptr);
}

// Where messages are put that somebody takes at once.
struct Into final : MessageTarget {
  uint64_t got = 0;
  uint32_t RoomFor(uint64_t length) const override { return length <= 2'000 ? 8 : 0; }
  bool Add(const std::byte* bytes, uint64_t length) override {
    if (length > 2'000) return false;
    for (uint64_t i = 0; i < length; i += 64) got += static_cast<uint64_t>(bytes[i]);
    return true;
  }
  void AddElsewhere() override { got += 1; }
};

class World : public FuzzWorld {
 public:
  using FuzzWorld::FuzzWorld;

  void Work() {
    for (int call = 0; call < 25; call += 1) Call();
    current_call = "give back";
    for (const Lent& lent : lent_) GiveBack(lent.space, lent.loan);
  }

 private:
  struct Lent {
    MessageSpace* space;
    Loan loan;
  };

  MessageQueue* Direction() {
    const EndPtr& end = random_() % 2 == 0 ? reader_ : writer_;
    if (end == nullptr) return nullptr;
    return random_() % 2 == 0 ? end->in() : end->out();
  }

  // In place, or into memory of one's own, as whoever takes at once; and what it carries.
  void TakeOnce(const QueuePtr& queue) {
    Into into;
    QueueRequest request;
    request.kind = QueueRequest::Kind::kGet;
    request.most = static_cast<uint32_t>(1 + random_() % 20);
    if (random_() % 2 == 0) request.target = &into;
    queue->TakeOnce(&request);
    read_ = read_ + into.got;
    Keep(queue, request.messages);
    std::shared_ptr<SyncObject> object;
    SpaceOf(queue).TakeReceived(inner_->ref(), &object);
  }

  void Keep(const QueuePtr& queue, const std::vector<Message>& messages) {
    for (const Message& message : messages) {
      const bool lent = message.lent.bytes != nullptr;
      EXPECT(message.front <= (lent ? message.lent.length : message.bytes.size()));
      if (lent) Keep(queue, message.lent);
    }
  }
  void Keep(const QueuePtr& queue, const Loan& loan) {
    for (uint64_t i = 0; i < loan.length; i += 64) {
      read_ = read_ + static_cast<uint64_t>(loan.bytes[i]);
    }
    lent_.push_back({&SpaceOf(queue), loan});
  }

  void TakeInPlace(const QueuePtr& queue) {
    queue->TryTake(1, [&](const std::byte*, uint64_t, const Block& block) {
      Loan loan;
      if (LendToRead(&SpaceOf(queue), *queue, block, &loan)) Keep(queue, loan);
    });
  }

  // What only pipes have.
  void CallEnd() {
    MessageQueue* const direction = Direction();
    current_call = "an end of a pipe";
    switch (random_() % 5) {
      case 0:
        MessageQueue::EndHasGone(one_.get(), mine_->ref(), 1 + random_() % 3);
        return;
      case 1: {
        // As whoever receives it.
        const EndPtr& end = random_() % 2 == 0 ? reader_ : writer_;
        if (end == nullptr) return;
        auto opened = PipeEnd::Open(two_.get(), end->ref());
        if (opened.ok() && random_() % 2 == 0) writer_ = std::move(opened.value());
        return;
      }
      case 2:
        if (direction != nullptr) direction->SetMark(random_());
        return;
      case 3:
        read_ = read_ + mine_->mark() + (direction == nullptr ? 0 : direction->mark());
        return;
      default:
        if (direction == nullptr) return;
        if (direction->LookForRoom(random_() % 300'000) == SyncOutcome::kDone) {
          SendThrough(direction);
        }
        direction->TryTake(2, [&](const std::byte*, uint64_t length) { read_ = read_ + length; });
    }
  }
  void SendThrough(MessageQueue* direction) {
    auto staged = direction->Stage(30, 0);
    Status error;
    if (staged.ok() && direction->TryPut(staged.value().block, &error) != SyncOutcome::kDone) {
      direction->Drop(staged.value());
    }
  }

  void Wait(const QueuePtr& queue, QueueRequest::Kind kind) {
    QueueRequest request;
    request.kind = kind;
    request.length = random_() % 2 == 0 ? 10 : 300'000;
    constexpr uint64_t kLongAgo = 1;
    if (kind != QueueRequest::Kind::kPut) {
      queue->RunSync(&request, kLongAgo);
      return Keep(queue, request.messages);
    }
    auto staged = queue->Stage(10, 0);
    if (!staged.ok()) return;
    request.staged = staged.value().block;
    if (queue->RunSync(&request, kLongAgo) != SyncOutcome::kDone) queue->Drop(staged.value());
  }

  void WaitAsync(const QueuePtr& queue) {
    QueueWaiter waiter;
    const bool for_room = random_() % 3 == 0;
    waiter.wanted.kind = for_room ? QueueRequest::Kind::kRoom : QueueRequest::Kind::kGet;
    waiter.wanted.length = 300'000;
    if (queue->RunAsync(&waiter) == SyncOutcome::kPending) {
      std::vector<AsyncWaiter*> done;
      SpaceOf(queue).Serve(&done);
      if (done.empty()) waiter.object->Cancel(&waiter);
    }
    Keep(queue, waiter.wanted.messages);
  }

  void Call() {
    const QueuePtr& queue = Any();
    uint64_t length = 0;
    uint32_t front = 0;
    switch (random_() % 20) {
      case 0:
      case 1:
      case 2:
        current_call = "put";
        return Put(queue);
      case 3:
      case 4:
      case 5:
        current_call = "take";
        return Take(queue, 1 + random_() % 3);
      case 6:
        current_call = "take many";
        return Take(queue, 1'024);
      case 7:
        current_call = "look";
        queue->Look();
        return;
      case 8:
        current_call = "length";
        if (queue->FirstLength(&length, &front)) {
          EXPECT(front <= length && length <= segment_->units() * kUnitSize);
        }
        return;
      case 9:
        current_call = "size";
        read_ = read_ + queue->Size() + queue->Unfinished();
        return;
      case 10:
        current_call = "done";
        queue->TaskDone();
        return;
      case 11:
        current_call = "wait";
        return Wait(queue, static_cast<QueueRequest::Kind>(random_() % 5));
      case 12:
        current_call = "wait in the event loop";
        return WaitAsync(queue);
      case 13:
        current_call = "recover";
        segment_->row(dead_->stamp().id).uses.fetch_or(kHoldsSpans | kKeepsBlocks);
        MessageRecovery(one_.get()).Run(dead_->stamp());
        return;
      case 14:
        current_call = "trim";
        return (random_() % 2 == 0 ? one_ : two_)->Trim();
      case 15:
        current_call = "take at once";
        return TakeOnce(queue);
      case 16:
        current_call = "take in place";
        return TakeInPlace(queue);
      case 17:
      case 18:
        return CallEnd();
      default:
        current_call = "recover waiters";
        MessageQueue::Recover(one_->participant(),
                              segment_->ObjectAt<SharedObject>(mine_->ref().offset),
                              dead_->stamp());
    }
  }

  std::vector<Lent> lent_;
};

}  // namespace

TEST(DamagedQueuesAreHarmless) {
  for (int round = first_round; round < first_round + rounds; round += 1) {
    current_round = round;
    WatchEndless();
    World world(static_cast<uint64_t>(round));
    world.Damage();
    world.Work();
    current_call = "dismantle";
  }
}

int main(int argc, char** argv) {
  if (argc > 1) {
    rounds = std::atoi(argv[1]);
    alarm(0);
  }
  if (argc > 2) first_round = std::atoi(argv[2]);
  return RunAll();
}
