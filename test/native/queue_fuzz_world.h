#pragma once
// A queue, or a pipe, with messages in every state and somebody dead, whose shared words can be
// damaged: by a seed, so that every run is the same.

#include <random>

#include "queue_support.h"
#include "queues/message_recovery.h"
#include "queues/pipe_end.h"

namespace mp::test {

using Word = std::atomic<uint64_t>;
using EndPtr = std::shared_ptr<PipeEnd>;

class FuzzWorld {
 public:
  explicit FuzzWorld(uint64_t seed) : random_(seed) {
    if (random_() % 2 == 0) {
      auto pair = PipeEnd::MakePair(one_.get(), random_() % 2 == 0);
      if (!EXPECT(pair.ok())) _exit(96);
      reader_ = std::move(pair.value().left);
      auto writer = PipeEnd::Open(two_.get(), pair.value().right->ref());
      if (!EXPECT(writer.ok())) _exit(96);
      writer_ = std::move(writer.value());
      mine_ = OpenQueue(*one_, reader_->in()->ref());
      Begin();
      return;
    }
    const QueueShape shapes[] = {{},       {3},
                                 {0, 900}, {0, 0, OnConsumerDied::kRedeliver},
                                 {70},     {0, 0, OnConsumerDied::kCount}};
    shape_ = shapes[random_() % std::size(shapes)];
    mine_ = MakeQueue(*one_, shape_);
    Begin();
  }

  void Damage() {
    const std::vector<Word*> words = Words();
    const uint64_t changes = 1 + random_() % (random_() % 4 == 0 ? 40 : 4);
    for (uint64_t i = 0; i < changes; i += 1) {
      Word& word = *words[random_() % words.size()];
      word.store(Damaged(word.load(), words[random_() % words.size()]->load()));
    }
  }

 protected:
  QueuePtr& Any() { return random_() % 2 == 0 ? mine_ : theirs_; }
  MessageSpace& SpaceOf(const QueuePtr& queue) { return queue == mine_ ? *one_ : *two_; }

  void Put(const QueuePtr& queue) {
    const uint64_t sizes[] = {0, 8, 100, 1'000, 9'000, 70'000};
    const uint64_t bytes = random_() % 4 == 0 ? sizes[random_() % std::size(sizes)] : 8;
    const bool carries = random_() % 4 == 0;
    auto staged = queue->Stage(bytes, carries ? 1 : 0, static_cast<uint32_t>(random_() % 3));
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
  // Of a pipe, whose one direction is the queue.
  EndPtr reader_;
  EndPtr writer_;
  volatile uint64_t read_ = 0;

 private:
  void Begin() {
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
      for (Word* word : {&queue.done, &queue.of_pipe, &queue.reader, &queue.writer, &queue.mark}) {
        words.push_back(word);
      }
      words.push_back(&queue.items.kept_by);
      for (const EndPtr& end : {reader_, writer_}) {
        if (end == nullptr) continue;
        auto& object = *segment_->ObjectAt<SharedObject>(end->ref().offset);
        for (Word* word : {&object.word, &object.parameter}) words.push_back(word);
      }
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
};

}  // namespace mp::test
