#pragma once
// Queues, killed and halted at every step. Participant 1 gets and waits, participant 2 looks after
// the dead, the child is a third one.

#include "queue_support.h"
#include "queues/pipe_end.h"
#include "step_scenario.h"

namespace mp::test {

// Fills a block of which there are few in a slab: a death is looked into by going through all.
inline std::string Long(int number) {
  std::string text = std::to_string(number);
  text.resize(3'000, ' ');
  return text;
}
inline std::string Short(const std::string& text) {
  return text.substr(0, text.find(' '));
}

struct QueueWorld {
  std::shared_ptr<Segment> segment = SmallSegment(8, 4, 64);
  std::unique_ptr<MessageSpace> getter = JoinMessages(segment);
  std::unique_ptr<MessageSpace> reaper = JoinMessages(segment);
  QueuePtr queue;
  // In pipe_steps.cc: the pipe, and one of which an end is sent.
  PipeEnd::Pair pipe;
  PipeEnd::Pair other;
  QueueWaiter waiting;
  // Set by the child: it has seen the message that it took.
  SharedNumber seen;
  uint64_t rings = 0;
  bool waker_lives = false;
  bool rung = false;  // when that was asked last

  using Space = MessageSpace;
  std::unique_ptr<Space> Join() { return JoinMessages(segment); }
  void Ready() {}

  void Make(QueueShape shape) { queue = MakeQueue(*getter, shape); }
  // The getter sleeps in its event loop from here on.
  void Sleep() {
    getter->participant().Doorbell();
    getter->participant().ArmDoorbell();
    std::vector<AsyncWaiter*> done;
    EXPECT(!getter->Serve(&done));
  }
  void WaitFor(QueueRequest::Kind kind) { WaitAt(*queue, kind); }
  void WaitAt(MessageQueue& at, QueueRequest::Kind kind) {
    waiting.wanted.kind = kind;
    EXPECT(at.RunAsync(&waiting) == SyncOutcome::kPending);
    Sleep();
  }
  // What the waiter finds when it is woken; it must have been if there is anything.
  SyncOutcome Woken() {
    rung = getter->participant().DisarmDoorbell();
    std::vector<AsyncWaiter*> done;
    const bool served = getter->Serve(&done);
    EXPECT(!served || rung || waker_lives);
    return served ? done[0]->outcome : SyncOutcome::kPending;
  }
  // Everything that is there, in order.
  std::vector<std::string> TakeAll() const {
    std::vector<std::string> texts;
    while (queue->TryTake(1, [&](const std::byte* bytes, uint64_t length) {
      texts.push_back(Short({reinterpret_cast<const char*>(bytes), length}));
    }) > 0) {
    }
    return texts;
  }
  // Nothing is left of the dead.
  void CleanedUp() {
    while (reaper->reaper().Run().pending != 0) usleep(200);
    EXPECT(segment->header().lease.load() == 0);
    for (uint32_t id = 3; id < segment->participants(); id += 1) {
      const ParticipantRow& row = segment->row(id);
      EXPECT(Identity::Unpack(row.identity.load()).state == RowState::kFree);
      EXPECT(!row.UsesArena());
    }
    BlockPool::ForEachBlock(*segment, [&](BlockRef, const Block&, uint64_t state) {
      const Stamp owner = OwnerOf(state);
      const bool ours = owner == getter->stamp() || owner == reaper->stamp();
      EXPECT(!owner || ours || StateOf(state) == BlockState::kQueued);
    });
  }
  // After everything was taken and done: nothing of it is left.
  void Gone() {
    queue.reset();
    pipe = {};
    other = {};
    CleanedUp();
    EXPECT(MessagesIn(*segment) == 0);
    EXPECT(BlocksIn(*segment, BlockState::kAttached) == 0);
    EXPECT(segment->chunk(0).used.load() <= 0);
  }
};

inline void NothingOf(QueueWorld&) {}

// In the child: the second one to look after the dead.
inline void ActReap(QueueWorld&, MessageSpace& space) {
  space.pool();
  StepFromHere();
  space.reaper().Run();
  StepToHere();
}

// What a death can leave: header, rows, the objects, the unit table, the beginning of every unit,
// the headers of all blocks and what they carry, and the slots of rings.
class QueueSnapshot {
 public:
  explicit QueueSnapshot(const Segment& segment) : segment_(segment) { Differs(); }

  bool Differs() {
    at_ = 0;
    bool differs = Take(&segment_.header(), sizeof(SegmentHeader));
    differs |= Take(&segment_.row(0), segment_.rows_used() * sizeof(ParticipantRow));
    differs |= Take(&segment_.chunk(0), segment_.chunks() * sizeof(ChunkEntry));
    const uint64_t first = segment_.chunks_offset();
    differs |= Take(segment_.ObjectAt<HugeObject>(first), kQueuesLooked * sizeof(HugeObject));
    // Ends of pipes, which come after their queues.
    const bool has_ends = segment_.chunk(1).state.load() != 0;
    const uint64_t ends = first + (has_ends ? kChunkSize : 0);
    differs |= Take(segment_.ObjectAt<SharedObject>(ends), kEndsLooked * sizeof(SharedObject));
    differs |= Take(&segment_.unit(0), segment_.units() * sizeof(UnitEntry));
    for (uint64_t unit = 1; unit < segment_.units_used(); unit += 1) {
      differs |= Take(segment_.UnitMemory(unit), kLooked);
    }
    BlockPool::ForEachBlock(segment_, [&](BlockRef, const Block& block, uint64_t state) {
      differs |= Take(block.header, sizeof(BlockHeader) + kCarriedLooked * sizeof(CarriedRef));
      if (StateOf(state) == BlockState::kAttached) differs |= Take(block.payload, block.capacity);
    });
    return differs;
  }

 private:
  static constexpr size_t kLooked = 1024;
  static constexpr size_t kQueuesLooked = 2;
  static constexpr size_t kEndsLooked = 4;
  static constexpr size_t kCarriedLooked = 3;

  bool Take(const void* from, size_t length) {
    const size_t at = at_;
    at_ += length;
    if (copy_.size() < at_) copy_.resize(at_);
    if (std::memcmp(&copy_[at], from, length) == 0) return false;
    std::memcpy(&copy_[at], from, length);
    return true;
  }

  const Segment& segment_;
  size_t at_ = 0;
  std::vector<unsigned char> copy_;
};

using QueueScenario = ScenarioOf<QueueWorld, QueueSnapshot>;

inline void KillEverywhere(const QueueScenario& scenario) {
  scenario.KillEverywhere();
}
inline void HaltEverywhere(const QueueScenario& scenario) {
  scenario.HaltEverywhere();
}

}  // namespace mp::test
