// Room in a queue: who waits for it, and who is told when there is some.

#include "queues/message_queue.h"
#include "queues/queue_wake.h"

namespace mp {

bool MessageQueue::HasRoom(uint64_t length) {
  const uint64_t max_size = queue().max_size.load(std::memory_order_relaxed);
  if (max_size != 0 && Size() >= max_size) return false;
  if (queue().max_bytes.load(std::memory_order_relaxed) == 0) return true;
  for (;;) {
    const uint64_t position = main_.tail();
    const uint64_t head = main_.head();
    uint64_t in_queue = 0;
    uint64_t sum = 0;
    // A slot that is filled already, and a tail that lags: the put itself helps it on.
    if (head >= position) return true;
    if (!BytesBefore(position, head, &in_queue, &sum)) {
      // Damage, if nothing has moved meanwhile: the put says so.
      if (main_.tail() == position && main_.head() == head) return true;
      continue;
    }
    return Fits(length, false, in_queue);
  }
}

// Before it looks. True when nobody waits for more, with a bound in bytes. Too much is said when
// that one has gone: then others are woken in vain, once.
bool MessageQueue::SayLength(const QueueRequest& wanted) {
  if (queue().max_bytes.load(std::memory_order_relaxed) == 0) return false;
  uint64_t length = wanted.length;
  if (wanted.kind == QueueRequest::Kind::kPut) {
    const Block block = BlockPool::At(segment(), wanted.staged);
    length = block ? block.header->length.load(std::memory_order_relaxed) : 0;
  }
  std::atomic<uint64_t>& longest = queue().room.parameter;
  uint64_t said = longest.load(std::memory_order_seq_cst);
  while (said < length) {
    if (longest.compare_exchange_weak(said, length)) return true;
  }
  return false;
}

// Room in bytes may be enough for one of them and not for another, and who is woken in vain wakes
// nobody: so everybody looks, unless there is enough for the longest that anybody waits for.
void MessageQueue::AfterTaking(uint32_t count) {
  if (!MayHaveWaiters(&queue().room)) return;
  std::atomic<uint64_t>& longest = queue().room.parameter;
  // Where no length counts nobody looks at the tail, which is theirs who put.
  const bool in_bytes = queue().max_bytes.load(std::memory_order_relaxed) != 0;
  if (!in_bytes || HasRoom(longest.load(std::memory_order_seq_cst))) {
    WakeSome(space().participant(), &queue().room, count);
  } else {
    // Who still waits after that says anew for how much.
    longest.store(0, std::memory_order_seq_cst);
    WakeEach(space().participant(), &queue().room);
  }
}

}  // namespace mp
