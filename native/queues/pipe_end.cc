#include "queues/pipe_end.h"

#include <utility>

namespace mp {
namespace {

constexpr QueueShape kDirection{kPipeMessages, kPipeBytes, OnConsumerDied::kNotCounted, true};

uint64_t NameOf(const ObjectRef& ref) {
  return ref.kind == ObjectKind::kNone ? 0 : LedgerEntryOf(ref);
}
ObjectRef QueueNamed(uint64_t name) {
  if (name == 0) return {};
  ObjectRef ref = RefOfLedgerEntry(name);
  ref.kind = ObjectKind::kQueue;
  return ref;
}
ObjectRef RefOf(const std::shared_ptr<MessageQueue>& queue) {
  return queue ? queue->ref() : ObjectRef{};
}

}  // namespace

// Dead anywhere in here: what is made is in the ledger of the dead, the ends with their queues. A
// queue is kept by an end only once that is made.
Result<PipeEnd::Pair> PipeEnd::MakePair(MessageSpace* space, bool duplex) {
  auto to_left = space->Make<MessageQueue>(kDirection);
  if (!to_left.ok()) return to_left.status();
  std::shared_ptr<MessageQueue> to_right;
  if (duplex) {
    auto made = space->Make<MessageQueue>(kDirection);
    if (!made.ok()) return made.status();
    to_right = std::move(made.value());
  }
  auto left = space->Make<PipeEnd>(RefOf(to_left.value()), RefOf(to_right));
  if (!left.ok()) return left.status();
  auto right = space->Make<PipeEnd>(RefOf(to_right), RefOf(to_left.value()));
  if (!right.ok()) return right.status();
  left.value()->Keep(to_left.value(), to_right);
  right.value()->Keep(to_right, to_left.value());
  return Pair{std::move(left.value()), std::move(right.value())};
}

void PipeEnd::Keep(std::shared_ptr<MessageQueue> in, std::shared_ptr<MessageQueue> out) {
  in_ = std::move(in);
  out_ = std::move(out);
  if (in_) in_->KeptBy(kKeptByReader, ref());
  if (out_) out_->KeptBy(kKeptByWriter, ref());
}

Result<std::shared_ptr<PipeEnd>> PipeEnd::Open(MessageSpace* space, const ObjectRef& ref) {
  auto opened = space->Open<PipeEnd>(ref);
  if (!opened.ok()) return opened;
  const Status complete = opened.value()->OpenQueues(space);
  if (!complete.ok()) return complete;
  return opened;
}

Status PipeEnd::OpenQueues(MessageSpace* space) {
  // The very ones that are open here already.
  if (in_ || out_) return Status::Ok();
  std::shared_ptr<MessageQueue> reads;
  const ObjectRef in = QueueNamed(shared().word.load(std::memory_order_relaxed));
  const ObjectRef out = QueueNamed(shared().parameter.load(std::memory_order_relaxed));
  if (in.kind != ObjectKind::kNone) {
    auto opened = space->Open<MessageQueue>(in);
    if (!opened.ok()) return opened.status();
    reads = std::move(opened.value());
  }
  if (out.kind != ObjectKind::kNone) {
    auto opened = space->Open<MessageQueue>(out);
    if (!opened.ok()) return opened.status();
    out_ = std::move(opened.value());
  }
  in_ = std::move(reads);
  return Status::Ok();
}

void PipeEnd::Initialise(SharedObject* object, const ObjectRef& in, const ObjectRef& out) {
  object->word.store(NameOf(in), std::memory_order_relaxed);
  object->parameter.store(NameOf(out), std::memory_order_relaxed);
}

// Nothing of the dead will be written or read any more, as with its side of a queue. Done once more
// when its row is freed.
void PipeEnd::Recover(ObjectStore& store, const ObjectRef& ref, Stamp dead) {
  store.DetachDead(ref.offset, dead.id);
}

// Dead in here, or before: the end is retired in the name of the dead, and dismantled once more.
// Dead behind it: the queues are in the ledger of the dead.
bool PipeEnd::Dismantle(SyncSpace* space, const ObjectRef& ref,
                        ObjectStore::Dismantling* dismantling) {
  const auto* const object = space->segment().ObjectAt<SharedObject>(ref.offset);
  const ObjectRef in = QueueNamed(object->word.load(std::memory_order_relaxed));
  const ObjectRef out = QueueNamed(object->parameter.load(std::memory_order_relaxed));
  for (const ObjectRef& queue : {in, out}) {
    const bool kept = queue.kind == ObjectKind::kNone || space->store().KeepFor(dismantling, queue);
    if (!kept) return false;
  }
  if (in.kind != ObjectKind::kNone) MessageQueue::EndHasGone(space, in, kKeptByReader);
  if (out.kind != ObjectKind::kNone) MessageQueue::EndHasGone(space, out, kKeptByWriter);
  return true;
}

}  // namespace mp
