#include "queues/message_recovery.h"

#include <algorithm>
#include <cerrno>
#include <tuple>

#include "queues/done_count.h"
#include "queues/fork_departure.h"
#include "queues/message_queue.h"

namespace mp {
namespace {

ParticipantRow& RowOf(const Segment& segment, Stamp stamp) {
  return segment.row(stamp.id);
}

}  // namespace

bool MessageRecovery::Run(Stamp dead) {
  dead_ = dead;
  ParticipantRow& row = RowOf(segment_, dead);
  // First what was counted already: it must not be counted again. A reference before a message: if
  // it was counting both, then the reference last.
  SettleCarried(&space_.store(), segment_, dead_.id);
  SettleDone();
  SettlePublish();
  CollectTaken();
  if ((row.uses.load(std::memory_order_acquire) & kKeepsBlocks) != 0) CollectKept();
  // Before its own blocks go, one of which may list what it was taking.
  if (!ReturnAll()) return false;
  row.ring_announced[kAnnouncedQueue].store(0, std::memory_order_seq_cst);
  row.ring_announced[kAnnouncedBlock].store(0, std::memory_order_seq_cst);
  CountAllAsDone();
  WakeAll();
  return BlockPool::Recover(space_.participant(), dead, *this) && !leaves_to_child_;
}

// ---- queues

MessageRecovery::Opened* MessageRecovery::Open(QueueName name) {
  for (const auto& open : opened_) {
    if (open->name == name) return open.get();
  }
  ObjectRef ref = RefOfLedgerEntry(name);
  ref.kind = ObjectKind::kQueue;
  SharedObject* const object = space_.store().Find(ref);
  if (object == nullptr || name != LedgerEntryOf(ref)) return nullptr;
  auto* const shared = reinterpret_cast<SharedQueue*>(object);
  opened_.emplace_back(
      new Opened{shared, name, Line(&segment_, &shared->main, {name, 0, FirstRingOf(*shared)}),
                 Line(&segment_, &shared->back, {name, kBackLine, kSmallestRing})});
  return opened_.back().get();
}

// A ring that was being added: its own block says which it is.
bool MessageRecovery::IsPartOfQueue(BlockRef ref, const Block& block) {
  Opened* const queue = Open(block.header->queue.load(std::memory_order_acquire));
  if (queue == nullptr) return false;
  const uint64_t position = block.header->position.load(std::memory_order_acquire);
  const Line& line = (position & kBackLine) != 0 ? queue->back : queue->main;
  return line.IsLinked(ref, position & ~kBackLine);
}

// The position of a message is that of its slot once it is in one, and stays so.
bool MessageRecovery::IsInSlot(Opened* queue, BlockRef ref, uint64_t position) const {
  Line& line = (position & kBackLine) != 0 ? queue->back : queue->main;
  return line.InSlot(position & ~kBackLine) == ref;
}

// ---- what the dead was doing

// It was counting a message that it kept. Counted: it only has to become free; counted among the
// abandoned, it has to be counted as done.
void MessageRecovery::SettleDone() {
  auto& word = RowOf(segment_, dead_).ring_announced[kAnnouncedBlock];
  const uint64_t announced = word.load(std::memory_order_seq_cst);
  if (announced == 0 || (announced & kIsTaken) != 0) return;
  const BlockRef ref = announced & ((uint64_t{1} << 34) - 1);
  const auto step = static_cast<uint32_t>(announced >> 34) & kStepMask;
  const bool is_for_abandoned = (announced & kIsForAbandoned) != 0;
  if (const Block block = BlockPool::At(segment_, ref)) {
    const uint64_t seen = block.header->state.load(std::memory_order_acquire);
    const bool kept = StateOf(seen) == BlockState::kTaken && OwnerOf(seen) == dead_;
    Opened* const queue = kept ? Open(block.header->queue.load()) : nullptr;
    if (queue != nullptr) {
      // A spent one is lost in any case, whatever steps have been made since.
      auto& count = is_for_abandoned ? queue->shared->abandoned : queue->shared->done;
      const bool counted = WasMade(segment_, count, dead_.id, step);
      if (counted && is_for_abandoned) block.header->state.store(seen | kIsAbandoned);
      if (counted && !is_for_abandoned) Lose(ref, block, seen);
    }
  }
  word.store(0, std::memory_order_seq_cst);
}

// It was putting a message. In its slot, or read from it by somebody who takes it: the message is
// the others'.
void MessageRecovery::SettlePublish() {
  auto& word = RowOf(segment_, dead_).ring_announced[kAnnouncedPublish];
  const BlockRef ref = word.load(std::memory_order_seq_cst);
  if (ref == 0) return;
  if (const Block block = BlockPool::At(segment_, ref)) {
    const uint64_t seen = block.header->state.load(std::memory_order_seq_cst);
    if (StateOf(seen) == BlockState::kQueued && OwnerOf(seen) == dead_) {
      const QueueName name = block.header->queue.load();
      const uint64_t position = block.header->position.load();
      Opened* const queue = Open(name);
      // The slot before the head: not refilled yet if the head is not behind it. Behind the head,
      // and nobody takes it: it never was in the slot, or whoever took it is done, and then its
      // state is another. A position may be from the block's life before; one of the back line is,
      // where only a reaper puts.
      const bool is_its = queue != nullptr && (position & kBackLine) == 0;
      const bool in_slot = is_its && IsInSlot(queue, ref, position);
      const bool put = is_its && (position >= queue->main.head()
                                      ? in_slot
                                      : IsAnnouncedAsTaken({position, ref, seen}, name));
      if (!put) Lose(ref, block, seen);
    }
  }
  word.store(0, std::memory_order_seq_cst);
}

// Messages that the dead was taking, and had taken if the head says so. What it was done with, or
// has kept, is in another state by now.
void MessageRecovery::CollectTaken() {
  const ParticipantRow& row = RowOf(segment_, dead_);
  const QueueName name = row.ring_announced[kAnnouncedQueue].load(std::memory_order_seq_cst);
  Opened* const queue = name != 0 ? Open(name) : nullptr;
  if (queue == nullptr) return;
  const AnnouncedTake take = AnnouncedTake::Unpack(row.ring_announced[kAnnouncedTake].load());
  const Line& line = (take.first & kBackLine) != 0 ? queue->back : queue->main;
  if (!line.WasTaken(dead_.id, (take.first & ~kBackLine) + take.count)) return;
  uint64_t position = take.first;
  for (const BlockRef ref : ListOf(row, take.count)) {
    const Block block = BlockPool::At(segment_, ref);
    const uint64_t seen = block ? block.header->state.load(std::memory_order_seq_cst) : 0;
    if (StateOf(seen) == BlockState::kQueued && block.header->queue.load() == name &&
        block.header->position.load() == position) {
      returning_.push_back({position, ref, seen});
    }
    position += 1;
  }
}

// Messages that the dead has kept, or was putting back for somebody who had died before.
void MessageRecovery::CollectKept() {
  BlockPool::ForEachBlock(segment_, [&](BlockRef ref, const Block& block, uint64_t seen) {
    if (OwnerOf(seen) != dead_) return;
    const BlockState state = StateOf(seen);
    if (state == BlockState::kTaken || state == BlockState::kReturning) {
      return Settle(ref, block, seen);
    }
    const uint64_t position = block.header->position.load(std::memory_order_acquire);
    if (state != BlockState::kQueued || (position & kBackLine) == 0) return;
    Opened* const queue = Open(block.header->queue.load(std::memory_order_acquire));
    if (queue == nullptr) return Lose(ref, block, seen);
    // Only whoever has the lease fills the back line: what was put there is in its slot, or was
    // taken from it.
    const bool put =
        IsInSlot(queue, ref, position) || IsAnnouncedAsTaken({position, ref, seen}, queue->name);
    if (!put) returning_.push_back({position, ref, seen});
  });
}

std::vector<BlockRef> MessageRecovery::ListOf(const ParticipantRow& row, uint32_t count) const {
  const uint64_t announced = row.ring_announced[kAnnouncedBlock].load(std::memory_order_seq_cst);
  if ((announced & kIsTaken) == 0) return {};
  const BlockRef named = announced & ~kIsTaken;
  if (count == 1) return {named};
  const Block list = BlockPool::At(segment_, named);
  if (!list || list.capacity < count * sizeof(BlockRef)) return {};
  const auto* const words = reinterpret_cast<const std::atomic<uint64_t>*>(list.payload);
  std::vector<BlockRef> refs;
  for (uint32_t i = 0; i < count; i += 1) refs.push_back(words[i].load(std::memory_order_relaxed));
  return refs;
}

// By anybody, dead or alive, that has read it from its slot and may still be reading its bytes.
bool MessageRecovery::IsAnnouncedAsTaken(const Returning& message, QueueName name) const {
  for (uint32_t id = 1; id < segment_.rows_used(); id += 1) {
    if (id != dead_.id && IsTaking(segment_.row(id), name, message)) return true;
  }
  return false;
}

// Somebody who lives may say something else meanwhile; then it was not taking this one, or is done.
bool MessageRecovery::IsTaking(const ParticipantRow& row, QueueName name,
                               const Returning& message) const {
  if (row.ring_announced[kAnnouncedQueue].load(std::memory_order_seq_cst) != name) return false;
  const AnnouncedTake take = AnnouncedTake::Unpack(row.ring_announced[kAnnouncedTake].load());
  if (!take.Has(message.position)) return false;
  const std::vector<BlockRef> list = ListOf(row, take.count);
  const uint64_t index = message.position - take.first;
  return index < list.size() && list[index] == message.ref;
}

// ---- what the dead had

void MessageRecovery::Settle(BlockRef ref, const Block& block, uint64_t seen) {
  if ((seen & kIsSpent) != 0) {
    if (!IsForChild(block, seen, RowOf(segment_, dead_).pid.load())) return Lose(ref, block, seen);
    leaves_to_child_ = true;
    return;
  }
  Opened* const queue = Open(block.header->queue.load(std::memory_order_acquire));
  if (queue == nullptr) return Lose(ref, block, seen);
  const uint64_t on_consumer_died = queue->shared->on_consumer_died.load();
  // Lent to the dead, who had got it.
  if (StateOf(seen) == BlockState::kTaken &&
      on_consumer_died == static_cast<uint64_t>(OnConsumerDied::kNotCounted)) {
    return Lose(ref, block, seen);
  }
  const bool counts = on_consumer_died == static_cast<uint64_t>(OnConsumerDied::kCount);
  auto& list = counts && StateOf(seen) == BlockState::kTaken ? counting_ : returning_;
  list.push_back({block.header->position.load(), ref, seen});
}

// As the dead would have done it, in its row.
void MessageRecovery::CountAllAsDone() {
  auto& word = RowOf(segment_, dead_).ring_announced[kAnnouncedBlock];
  for (Returning& message : counting_) {
    const Block block = BlockPool::At(segment_, message.ref);
    if (!block) continue;
    Opened* const queue = Open(block.header->queue.load());
    if (queue == nullptr) {
      Lose(message.ref, block, message.seen);
      continue;
    }
    const auto reached = [queue] { return std::max(queue->main.End(), queue->main.head()); };
    // Others may have said that all were done with.
    const bool unfinished = Unfinished(*queue->shared, reached) != 0;
    if (unfinished && (message.seen & kIsAbandoned) == 0) {
      CountAsAbandoned(queue, &message, block);
    }
    const uint32_t step = NextStep(&RowOf(segment_, dead_));
    word.store(PackAnnouncedDone(message.ref, step), std::memory_order_seq_cst);
    CountDone(segment_, queue->shared, {dead_.id, step},
              [&] { return std::max(queue->main.End(), queue->main.head()); });
    Lose(message.ref, block, message.seen);
    word.store(0, std::memory_order_seq_cst);
  }
  counting_.clear();
}

// First, so that whoever has waited for all to be done sees it. Its state says that it was counted
// before anything else is announced.
void MessageRecovery::CountAsAbandoned(Opened* queue, Returning* message, const Block& block) {
  auto& word = RowOf(segment_, dead_).ring_announced[kAnnouncedBlock];
  const uint32_t step = NextStep(&RowOf(segment_, dead_));
  word.store(PackAnnouncedDone(message->ref, step) | kIsForAbandoned, std::memory_order_seq_cst);
  CountAbandoned(segment_, queue->shared, {dead_.id, step});
  message->seen |= kIsAbandoned;
  block.header->state.store(message->seen, std::memory_order_seq_cst);
}

// In the order in which they were put: those that had been put back before are older.
bool MessageRecovery::ReturnAll() {
  std::sort(returning_.begin(), returning_.end(), [](const Returning& a, const Returning& b) {
    const auto key = [](const Returning& message) {
      return std::make_tuple((message.position & kBackLine) == 0, message.position);
    };
    return key(a) < key(b);
  });
  for (const Returning& message : returning_) {
    if (!Return(message)) return false;
  }
  returning_.clear();
  return true;
}

// Whoever waits for what has come back, or was counted.
void MessageRecovery::WakeAll() {
  for (const auto& queue : opened_) {
    queue->back.CatchUp();
    queue->main.CatchUp();
    MessageQueue::Recover(space_.participant(), &queue->shared->items, dead_);
  }
}

bool MessageRecovery::Return(const Returning& message) {
  const Block block = BlockPool::At(segment_, message.ref);
  if (!block) return true;
  Opened* const queue = Open(block.header->queue.load(std::memory_order_acquire));
  if (queue == nullptr) {
    Lose(message.ref, block, message.seen);
    return true;
  }
  return PutBack(queue, message, block);
}

// returning → queued, in the name of the dead, and into the slot. Dead before the slot: in the name
// of the dead and in no slot, so it is collected again. After it: in its slot, or taken from it.
bool MessageRecovery::PutBack(Opened* queue, const Returning& message, const Block& block) {
  const uint32_t generation = GenerationOf(message.seen);
  RowOf(segment_, dead_).uses.fetch_or(kKeepsBlocks, std::memory_order_seq_cst);
  uint64_t state = message.seen;
  const uint64_t returning = PackBlockState(BlockState::kReturning, generation, dead_);
  // Somebody was taking it, and has it.
  if (!block.header->state.compare_exchange_strong(state, returning)) return true;
  const auto place = [&](uint64_t position, uint64_t) {
    block.header->position.store(kBackLine | position, std::memory_order_seq_cst);
    block.header->state.store(PackBlockState(BlockState::kQueued, generation, dead_),
                              std::memory_order_seq_cst);
    return Line::Admission::kGo;
  };
  Status failed;
  const auto published = queue->back.PublishOrGrow(&space_.pool(), message.ref, place, &failed);
  if (published == Line::Published::kDone) return true;
  if (failed.error == EBADMSG) {
    // There is no place for it any more.
    Lose(message.ref, block, block.header->state.load());
    return true;
  }
  block.header->state.store(returning, std::memory_order_seq_cst);
  return false;
}

// Gone, and what it carried with it. Dead in here: spent in the name of the dead, which whoever
// comes next sees.
void MessageRecovery::Lose(BlockRef ref, const Block& block, uint64_t seen) {
  if (CarriedCount(block) == 0) {
    BlockPool::Free(block, seen);
    return;
  }
  RowOf(segment_, dead_).uses.fetch_or(kKeepsBlocks, std::memory_order_seq_cst);
  const uint64_t spent =
      PackBlockState(BlockState::kReturning, GenerationOf(seen), dead_) | kIsSpent;
  if (seen != spent && !block.header->state.compare_exchange_strong(seen, spent)) return;
  SettleCarriedOf(&space_.store(), segment_, ref);
  LandCarried(&space_, ref, block);
  BlockPool::Free(block, spent);
}

}  // namespace mp
