// Messages that are finished, and how many are not.

#include <algorithm>

#include "queues/done_count.h"
#include "queues/message_queue.h"
#include "queues/queue_wake.h"

namespace mp {

// How many have been put, as far as anybody who has taken one can know.
uint64_t MessageQueue::Reached() const {
  return std::max(main_.tail(), main_.head());
}

uint64_t MessageQueue::Unfinished() const {
  return mp::Unfinished(queue(), [this] { return Reached(); });
}

// Dead before the swap: the message is kept in the name of the dead. After it: announced, and the
// count tells that it was counted.
bool MessageQueue::TaskDone() {
  if (!Usable()) return false;
  const uint32_t id = space().stamp().id;
  const uint32_t number = NextDoneOf(queue(), id);
  const bool own = !kept_.empty();
  if (own) {
    const uint64_t announced = PackAnnouncedDone(kept_.front().block, number);
    row().ring_announced[kAnnouncedBlock].store(announced, std::memory_order_seq_cst);
  }
  const bool counted = CountDone(&queue(), id, number, [this] { return Reached(); });
  if (own) {
    const Kept kept = kept_.front();
    kept_.pop_front();
    const Block block = BlockPool::At(segment(), kept.block);
    const std::vector<ObjectRef> carried = block ? CarriedBy(block) : std::vector<ObjectRef>();
    if (block) BlockPool::Free(block, kept.state);
    for (const ObjectRef& ref : carried) {
      space().store().Land(ref);
      Landed(&space(), ref);
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
