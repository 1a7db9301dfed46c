// Messages that are finished, and how many are not.

#include <algorithm>

#include "queues/done_count.h"
#include "queues/message_queue.h"

namespace mp {

// How many have been put, as far as anybody who has taken one can know.
uint64_t MessageQueue::Reached() const {
  return std::max(main_.End(), main_.head());
}

uint64_t MessageQueue::Unfinished() const {
  return mp::Unfinished(queue(), [this] { return Reached(); });
}

uint64_t MessageQueue::Abandoned() const {
  return CountWord::Unpack(queue().abandoned.load(std::memory_order_seq_cst)).count;
}

// Dead before the swap: the message is kept in the name of the dead. After it: announced, and the
// count tells that it was counted.
bool MessageQueue::TaskDone() {
  if (!Usable()) return false;
  const uint32_t id = space().stamp().id;
  const uint32_t step = NextStep(&row());
  const bool own = !kept_.empty();
  if (own) {
    const uint64_t announced = PackAnnouncedDone(kept_.front().block, step);
    row().ring_announced[kAnnouncedBlock].store(announced, std::memory_order_seq_cst);
  }
  const bool counted = CountDone(segment(), &queue(), {id, step}, [this] { return Reached(); });
  if (own) {
    const Kept kept = kept_.front();
    kept_.pop_front();
    const Block block = BlockPool::At(segment(), kept.block);
    if (block && CarriedCount(block) != 0) {
      // Dead from here on: counted already, whatever steps have been made since.
      block.header->state.store(kept.state | kIsSpent, std::memory_order_seq_cst);
      LandCarried(&space(), kept.block, block);
      BlockPool::Free(block, kept.state | kIsSpent);
    } else if (block) {
      BlockPool::Free(block, kept.state);
    }
    Unannounce(&row(), kAnnouncedBlock);
    if (kept_.empty()) messages().KeepsOneLess();
  }
  if (!counted) return false;
  if (MayHaveWaiters(&queue().finish) && Unfinished() == 0) {
    WakeAll(space().participant(), queue().finish);
  }
  if (MayHaveWaiters(&queue().items)) WakeIfEnded();
  return true;
}

}  // namespace mp
