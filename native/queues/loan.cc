#include "queues/loan.h"

namespace mp {

Result<Loan> LendToWrite(MessageSpace* space, MessageQueue* queue, uint64_t bytes, uint32_t front) {
  auto staged = queue->Stage(bytes, 0, front);
  if (!staged.ok()) return staged.status();
  const Block block = BlockPool::At(space->segment(), staged.value().block);
  Loan loan;
  loan.block = staged.value().block;
  loan.state_word = &block.header->state;
  loan.state = block.header->state.load(std::memory_order_relaxed);
  loan.bytes = staged.value().bytes;
  loan.length = bytes;
  return loan;
}

// Dead before the store: the message is announced as taken, and goes back to the others. After it:
// lent to the dead, and freed. The take that this is part of frees a block only if it is as it was.
bool LendToRead(MessageSpace* space, const MessageQueue& queue, const Block& block, Loan* loan) {
  const uint64_t length = block.header->length.load(std::memory_order_relaxed);
  if (queue.Keeps() || CarriedCount(block) != 0 || length > block.capacity) return false;
  const uint64_t seen = block.header->state.load(std::memory_order_relaxed);
  space->KeepsOneMore();
  loan->block = 0;
  loan->state_word = &block.header->state;
  loan->state = PackBlockState(BlockState::kTaken, GenerationOf(seen), space->stamp());
  loan->bytes = block.payload;
  loan->length = length;
  loan->state_word->store(loan->state, std::memory_order_release);
  return true;
}

// The state has a generation: what was freed by somebody else is not freed once more.
void GiveBack(MessageSpace* space, const Loan& loan) {
  uint64_t seen = loan.state;
  loan.state_word->compare_exchange_strong(seen, FreedBlockState(seen), std::memory_order_acq_rel,
                                           std::memory_order_relaxed);
  if (loan.reads() && space != nullptr) space->KeepsOneLess();
}

}  // namespace mp
