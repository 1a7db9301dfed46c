// The end of a queue that nobody has any more: what it has of the arena, and what its messages
// carry.

#include "queues/message_queue.h"
#include "queues/message_recovery.h"

namespace mp {

bool MessageRecovery::Dismantle(const ObjectRef& ref, ObjectStore::Dismantling* dismantling) {
  if (ref.kind != ObjectKind::kQueue) return true;
  auto* const shared = segment_.ObjectAt<SharedQueue>(ref.offset);
  const QueueName name = LedgerEntryOf(ref);
  Line main(&segment_, &shared->main, {name, 0, FirstRingOf(*shared)});
  Line back(&segment_, &shared->back, {name, kBackLine, kSmallestRing});
  return FreeLine(name, &back, &shared->back, dismantling) &&
         FreeLine(name, &main, &shared->main, dismantling);
}

// Nobody puts and nobody gets. Dead anywhere in here: what is free by then is not the queue's.
bool MessageRecovery::FreeLine(QueueName name, Line* line, SharedLine* shared,
                               ObjectStore::Dismantling* dismantling) {
  for (;;) {
    const Line::First first = line->Peek();
    if (first.block == 0) break;
    const Block block = BlockPool::At(segment_, first.block);
    if (block && block.header->queue.load() == name &&
        block.header->position.load() == (line->line() | first.position)) {
      if (!FreeMessage(first.block, block, dismantling)) return false;
    }
    line->Skip(first);
  }
  for (uint64_t ring = kMaxRings; ring > 0; ring -= 1) {
    RingEntry& entry = shared->rings[ring - 1];
    const Block block = BlockPool::At(segment_, entry.block.load());
    const bool its = block && block.header->queue.load() == name &&
                     block.header->position.load() == (line->line() | (ring - 1));
    if (!its) continue;
    const uint64_t seen = block.header->state.load();
    if (StateOf(seen) == BlockState::kAttached) BlockPool::Free(block, seen);
  }
  return true;
}

// Dead in here, with something that it carries: spent in the name of the dead, and lost with what
// else that had. A reaper may be at it as well, of whoever had put it.
bool MessageRecovery::FreeMessage(BlockRef ref, const Block& block,
                                  ObjectStore::Dismantling* dismantling) {
  uint64_t seen = block.header->state.load();
  if (CarriedCount(block) == 0) {
    if (StateOf(seen) == BlockState::kQueued) BlockPool::Free(block, seen);
    return true;
  }
  const uint64_t spent =
      PackBlockState(BlockState::kTaken, GenerationOf(seen), space_.stamp()) | kIsSpent;
  if (seen != spent) {
    if (StateOf(seen) != BlockState::kQueued) return true;
    space_.KeepsOneMore();
    if (!block.header->state.compare_exchange_strong(seen, spent)) {
      space_.KeepsOneLess();
      return true;
    }
  }
  const bool all = LandCarried(&space_, ref, block, dismantling);
  // Between two turns the queue is anybody's who still lets go of it. The marks say what is left.
  if (all) BlockPool::Free(block, spent);
  if (!all) {
    const uint64_t queued =
        PackBlockState(BlockState::kQueued, GenerationOf(spent), space_.stamp());
    block.header->state.store(queued, std::memory_order_seq_cst);
  }
  space_.KeepsOneLess();
  return all;
}

}  // namespace mp
