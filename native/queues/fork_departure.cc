#include "queues/fork_departure.h"

#include <algorithm>

#include "os/thread_identity.h"
#include "queues/message_queue.h"

namespace mp {
namespace {

uint64_t SpentBy(Stamp owner, uint64_t seen) {
  return PackBlockState(BlockState::kTaken, GenerationOf(seen), owner) | kIsSpent;
}

void LandAndFree(MessageSpace* space, const ForkDeparture& departure, const Block& block) {
  LandCarried(space, departure.block, block);
  BlockPool::Free(block, departure.state);
}

}  // namespace

// Dead in here: a block owned by the dead with no marks, or a spent one, whose marks tell.
ForkDeparture DepartAhead(MessageSpace* space, const std::vector<ObjectRef>& refs) {
  auto allocated = space->pool().Allocate(refs.size() * sizeof(CarriedRef));
  // The child is a party only when it has opened them, then.
  if (!allocated.ok()) return {};
  const Block block = BlockPool::At(space->segment(), allocated.value());
  if (!block) return {};
  block.header->queue.store(0, std::memory_order_relaxed);
  block.header->extra.store(0, std::memory_order_relaxed);
  block.header->spare.store(refs.size(), std::memory_order_relaxed);
  std::transform(refs.begin(), refs.end(), reinterpret_cast<CarriedRef*>(block.payload),
                 [](const ObjectRef& ref) {
                   return CarriedRef{ref.offset, ref.generation, static_cast<uint32_t>(ref.kind)};
                 });
  space->KeepsOneMore();
  const uint64_t state = SpentBy(space->stamp(), block.header->state.load());
  block.header->state.store(state, std::memory_order_release);
  DepartCarried(space, allocated.value(), block);
  return {allocated.value(), state};
}

// The low half of the word, as on every processor that this runs on.
int* ChildNumberOf(const Segment& segment, const ForkDeparture& departure) {
  const Block block = BlockPool::At(segment, departure.block);
  return block ? reinterpret_cast<int*>(&block.header->extra) : nullptr;
}

bool IsForChild(const Block& block, uint64_t state, uint32_t dead_pid) {
  if (StateOf(state) != BlockState::kTaken || block.header->queue.load() != 0) return false;
  const auto pid = static_cast<uint32_t>(block.header->extra.load(std::memory_order_seq_cst));
  return pid != 0 && pid != dead_pid && !HasEnded(ThreadIdentity{0, pid, 0, 0});
}

// The block stands still while a child lives that has not taken it over.
void RefuseDeparture(const Segment& segment, const ForkDeparture& departure) {
  if (const Block block = BlockPool::At(segment, departure.block)) {
    block.header->extra.store(0, std::memory_order_seq_cst);
  }
}

bool TakeOver(MessageSpace* space, ForkDeparture* departure) {
  const Block block = BlockPool::At(space->segment(), departure->block);
  if (!block) return false;
  const uint64_t mine = SpentBy(space->stamp(), departure->state);
  space->KeepsOneMore();
  uint64_t theirs = departure->state;
  if (block.header->state.compare_exchange_strong(theirs, mine)) {
    departure->state = mine;
    return true;
  }
  space->KeepsOneLess();
  return false;
}

void LandBehind(MessageSpace* space, const ForkDeparture& departure) {
  if (const Block block = BlockPool::At(space->segment(), departure.block)) {
    LandAndFree(space, departure, block);
  }
  space->KeepsOneLess();
}

// The child does not run, or is through with it: nobody else changes the block.
void EndDeparture(MessageSpace* space, const ForkDeparture& departure) {
  if (departure.block == 0) return;
  const Block block = BlockPool::At(space->segment(), departure.block);
  if (block && block.header->state.load() == departure.state) LandAndFree(space, departure, block);
  space->KeepsOneLess();
}

}  // namespace mp
