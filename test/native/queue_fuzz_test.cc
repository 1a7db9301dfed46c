// Shared words of every kind of damage under queues at work: slots, heads, tails, rings, headers of
// blocks, units, rows. Whatever they say, nothing is touched outside the mapping, and every call
// comes to an end with an answer or an error. Seeded, so that every run is the same:
//
//   queue_fuzz_test [rounds] [first round]

#include <sys/time.h>

#include <cstdlib>
#include <random>

#include "queue_support.h"
#include "queues/message_recovery.h"

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

using Word = std::atomic<uint64_t>;

class World {
 public:
  explicit World(uint64_t seed) : random_(seed) {
    const QueueShape shapes[] = {{},       {3},
                                 {0, 900}, {0, 0, OnConsumerDied::kRedeliver},
                                 {70},     {0, 0, OnConsumerDied::kCount}};
    shape_ = shapes[random_() % std::size(shapes)];
    mine_ = MakeQueue(*one_, shape_);
    theirs_ = OpenQueue(*two_, mine_->ref());
    of_the_dead_ = OpenQueue(*dead_, mine_->ref());
    inner_ = MakeQueue(*one_);
    // Rings that have grown, messages in every state, and something in the hands of the dead.
    const uint64_t puts = random_() % 3 == 0 ? 150 : random_() % 20;
    for (uint64_t i = 0; i < puts; i += 1) Put(Any());
    Take(of_the_dead_, 1 + random_() % 3);
    if (random_() % 2 == 0) MessageRecovery(one_.get()).Run(dead_->stamp());
    Take(theirs_, random_() % 4);
    AnnounceOfTheDead();
  }

  void Damage() {
    const std::vector<Word*> words = Words();
    const uint64_t changes = 1 + random_() % (random_() % 4 == 0 ? 40 : 4);
    for (uint64_t i = 0; i < changes; i += 1) {
      Word& word = *words[random_() % words.size()];
      word.store(Damaged(word.load(), words[random_() % words.size()]->load()));
    }
  }

  void Work() {
    for (int call = 0; call < 25; call += 1) Call();
  }

 private:
  QueuePtr& Any() { return random_() % 2 == 0 ? mine_ : theirs_; }

  uint64_t Damaged(uint64_t value, uint64_t other) {
    static constexpr uint64_t kLikely[] = {0,
                                           1,
                                           2,
                                           63,
                                           64,
                                           1023,
                                           1024,
                                           0xffff'ffff,
                                           uint64_t{1} << 34 | 1,
                                           uint64_t{1} << 34,
                                           uint64_t{1} << 63,
                                           ~uint64_t{0},
                                           ~uint64_t{0} >> 10};
    switch (random_() % 6) {
      case 0:
        return value ^ uint64_t{1} << random_() % 64;
      case 1:
        return kLikely[random_() % std::size(kLikely)];
      case 2:
        return random_();
      case 3:
        return value + random_() % 9 - 4;
      case 4:
        return other;
      default:
        // A slot of a lap and a block that may well be.
        return (1 + random_() % 3) << 34 | (random_() % 3 == 0 ? kEndMark : random_() % 40'000);
    }
  }

  // Those that somebody who runs wild may write to, and that readers go by. Not the identities of
  // rows, nor the descriptors of doorbells, which may be anybody's.
  std::vector<Word*> Words() {
    std::vector<Word*> words;
    const auto add = [&words](void* first, size_t bytes) {
      for (size_t i = 0; i < bytes / sizeof(Word); i += 1) {
        words.push_back(static_cast<Word*>(first) + i);
      }
    };
    auto& queue = *segment_->ObjectAt<SharedQueue>(mine_->ref().offset);
    for (int times = 0; times < 20; times += 1) {
      for (SharedLine* line : {&queue.main, &queue.back}) {
        words.push_back(&line->head);
        words.push_back(&line->tail);
        add(line->rings, 4 * sizeof(RingEntry));
      }
      words.push_back(&queue.done);
      for (uint32_t id = 1; id < segment_->rows_used(); id += 1) {
        add(segment_->row(id).ring_announced, sizeof segment_->row(id).ring_announced);
        add(segment_->row(id).step_announced, sizeof segment_->row(id).step_announced);
        words.push_back(&segment_->row(id).uses);
      }
    }
    add(&queue.max_size, 4 * sizeof(Word));
    for (SharedObject* point : {&queue.items, &queue.room, &queue.finish}) {
      words.push_back(&point->word);
      words.push_back(&point->travelling);
      add(&point->attached, 3 * sizeof(Bitmap));
    }
    add(&queue.writers, sizeof queue.writers);
    add(&queue.main.confirmed, 64);
    for (uint64_t unit = 0; unit < segment_->units_used(); unit += 1) {
      words.push_back(&segment_->unit(unit).state);
    }
    BlockPool::ForEachBlock(*segment_, [&](BlockRef, const Block& block, uint64_t seen) {
      add(block.header, sizeof(BlockHeader));
      // Slots of rings, lists of what is being taken, references that are carried.
      const bool ring = StateOf(seen) == BlockState::kAttached;
      add(block.payload, std::min<uint64_t>(block.capacity, ring ? 1'024 : 64));
    });
    words.push_back(&segment_->header().units_used);
    words.push_back(&segment_->header().orphans);
    return words;
  }

  void Put(const QueuePtr& queue) {
    const uint64_t sizes[] = {0, 8, 100, 1'000, 9'000, 70'000};
    const uint64_t bytes = random_() % 4 == 0 ? sizes[random_() % std::size(sizes)] : 8;
    const bool carries = random_() % 4 == 0;
    auto staged = queue->Stage(bytes, carries ? 1 : 0);
    if (!staged.ok()) return;
    std::memset(staged.value().bytes, 0x55, bytes);
    if (carries) {
      *staged.value().carried = {inner_->ref().offset, inner_->ref().generation,
                                 static_cast<uint32_t>(inner_->ref().kind)};
    }
    Status error;
    if (queue->TryPut(staged.value().block, &error) != SyncOutcome::kDone) {
      queue->Drop(staged.value());
    }
  }

  void Take(const QueuePtr& queue, uint64_t most) {
    uint64_t read = 0;
    queue->TryTake(static_cast<uint32_t>(most), [&](const std::byte* bytes, uint64_t length) {
      for (uint64_t i = 0; i < length; i += 64) read += static_cast<uint64_t>(bytes[i]);
    });
    read_ = read_ + read;
  }

  // As if it had died between its announcements and what they are about.
  void AnnounceOfTheDead() {
    ParticipantRow& row = dead_->participant().row();
    const auto& queue = *segment_->ObjectAt<SharedQueue>(mine_->ref().offset);
    const uint64_t head = queue.main.head.load() >> 10;
    if (random_() % 2 == 0) {
      auto staged = of_the_dead_->Stage(20, 0);
      if (staged.ok()) row.ring_announced[kAnnouncedPublish].store(staged.value().block);
    }
    if (random_() % 2 == 0) {
      AnnounceTake(&row, LedgerEntryOf(mine_->ref()),
                   {head, static_cast<uint32_t>(1 + random_() % 5)}, random_() % 40'000);
    }
  }

  void Wait(const QueuePtr& queue, QueueRequest::Kind kind) {
    QueueRequest request;
    request.kind = kind;
    constexpr uint64_t kLongAgo = 1;
    if (kind != QueueRequest::Kind::kPut) {
      queue->RunSync(&request, kLongAgo);
      return;
    }
    auto staged = queue->Stage(10, 0);
    if (!staged.ok()) return;
    request.staged = staged.value().block;
    if (queue->RunSync(&request, kLongAgo) != SyncOutcome::kDone) queue->Drop(staged.value());
  }

  void WaitAsync(const QueuePtr& queue) {
    QueueWaiter waiter;
    waiter.wanted.kind = QueueRequest::Kind::kGet;
    if (queue->RunAsync(&waiter) != SyncOutcome::kPending) return;
    std::vector<AsyncWaiter*> done;
    MessageSpace& space = queue == mine_ ? *one_ : *two_;
    space.Serve(&done);
    if (done.empty()) waiter.object->Cancel(&waiter);
  }

  void Call() {
    const QueuePtr& queue = Any();
    uint64_t length = 0;
    switch (random_() % 16) {
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
        if (queue->FirstLength(&length)) EXPECT(length <= segment_->units() * kUnitSize);
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
        return Wait(queue, static_cast<QueueRequest::Kind>(random_() % 4));
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
      default:
        current_call = "recover waiters";
        MessageQueue::Recover(one_->participant(),
                              segment_->ObjectAt<SharedObject>(mine_->ref().offset),
                              dead_->stamp());
    }
  }

  std::mt19937_64 random_;
  QueueShape shape_;
  std::shared_ptr<Segment> segment_ = SmallSegment(6, 3, 40);
  // The handles go first: that dismantles the queue.
  std::unique_ptr<MessageSpace> one_ = JoinMessages(segment_);
  std::unique_ptr<MessageSpace> two_ = JoinMessages(segment_);
  std::unique_ptr<MessageSpace> dead_ = JoinMessages(segment_);
  QueuePtr mine_;
  QueuePtr theirs_;
  QueuePtr of_the_dead_;
  QueuePtr inner_;
  volatile uint64_t read_ = 0;
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
