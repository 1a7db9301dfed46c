// What is different of a queue that is one direction of a pipe: it ends and breaks with the ends,
// and has room for any message when it is empty.

#include "queues/message_queue.h"
#include "sync/wait_set.h"

namespace mp {

bool MessageQueue::IsOfPipe() const {
  return queue().of_pipe.load(std::memory_order_relaxed) != 0;
}

bool MessageQueue::IsBroken() const {
  return IsOfPipe() && (queue().items.kept_by.load(std::memory_order_seq_cst) & kKeptByReader) == 0;
}

// Somebody else who has that end of the pipe: the end may go with it.
Stamp MessageQueue::HolderOf(uint64_t end) const {
  if (end == 0) return {};
  ObjectRef ref = RefOfLedgerEntry(end);
  ref.kind = ObjectKind::kPipeEnd;
  const SharedObject* const object = space().store().Find(ref);
  if (object == nullptr) return {};
  Stamp holder;
  NextBit(object->attached, 0, [&](uint32_t id) {
    if (id >= segment().participants() || id == space().stamp().id) return false;
    holder = LiveStampOf(segment(), id);
    return static_cast<bool>(holder);
  });
  return holder;
}

void MessageQueue::KeptBy(uint64_t end, const ObjectRef& ref) {
  (end == kKeptByReader ? queue().reader : queue().writer)
      .store(LedgerEntryOf(ref), std::memory_order_relaxed);
  queue().items.kept_by.fetch_or(end, std::memory_order_seq_cst);
}

void MessageQueue::EndHasGone(SyncSpace* space, const ObjectRef& ref, uint64_t end) {
  SharedObject* const object = space->store().Find(ref);
  if (object == nullptr || ref.kind != kKind) return;
  object->kept_by.fetch_and(~end, std::memory_order_seq_cst);
  auto& queue = reinterpret_cast<SharedQueue&>(*object);
  RingAllWaiters(end == kKeptByReader ? queue.room : queue.items,
                 [&](uint32_t id) { space->participant().Ring(id); });
}

// Alone in a pipe a message may be of any length.
bool MessageQueue::Fits(uint64_t length, bool alone, uint64_t in_queue) const {
  const uint64_t max_bytes = queue().max_bytes.load(std::memory_order_relaxed);
  if (alone && IsOfPipe()) return true;
  return length <= max_bytes && in_queue <= max_bytes - length;
}

SyncOutcome MessageQueue::LookForRoom(uint64_t length) {
  if (!Usable()) return SyncOutcome::kForeign;
  if (closed_) return SyncOutcome::kClosed;
  if (IsBroken()) return SyncOutcome::kBroken;
  return HasRoom(length) ? SyncOutcome::kDone : SyncOutcome::kPending;
}

}  // namespace mp
