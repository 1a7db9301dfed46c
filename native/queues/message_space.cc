#include "queues/message_space.h"

#include <utility>

#include "queues/message_queue.h"
#include "queues/message_recovery.h"
#include "queues/pipe_end.h"
#include "sync/open_object.h"

namespace mp {

Result<std::unique_ptr<MessageSpace>> MessageSpace::Join(std::shared_ptr<Segment> segment) {
  auto participant = Participant::Join(std::move(segment));
  if (!participant.ok()) return participant.status();
  return std::unique_ptr<MessageSpace>(new MessageSpace(std::move(participant.value())));
}

MessageSpace::MessageSpace(std::unique_ptr<Participant> participant)
    : SyncSpace(std::move(participant)) {
  store().SetDismantle([this](const ObjectRef& ref, ObjectStore::Dismantling* dismantling) {
    if (ref.kind == ObjectKind::kPipeEnd) return PipeEnd::Dismantle(this, ref, dismantling);
    return MessageRecovery(this).Dismantle(ref, dismantling);
  });
}

void MessageSpace::KeepsOneMore() {
  kept_ += 1;
  if (kept_ == 1) pool().SetKeepsBlocks(true);
}

void MessageSpace::KeepsOneLess() {
  kept_ -= 1;
  if (kept_ == 0) pool().SetKeepsBlocks(false);
}

void MessageSpace::Receive(const Block& message) {
  for (const ObjectRef& ref : CarriedBy(message)) {
    auto opened = OpenAny(this, ref);
    received_.emplace(ref.offset, Received{ref, opened.ok() ? std::move(opened.value()) : nullptr});
  }
}

bool MessageSpace::TakeReceived(const ObjectRef& ref, std::shared_ptr<SyncObject>* object) {
  const auto [first, end] = received_.equal_range(ref.offset);
  for (auto at = first; at != end; ++at) {
    if (!(at->second.ref == ref)) continue;
    *object = std::move(at->second.object);
    received_.erase(at);
    return true;
  }
  return false;
}

BlockRef MessageSpace::list() {
  if (list_ == 0) {
    auto allocated = pool().Allocate(kMostAtOnce * sizeof(BlockRef));
    if (allocated.ok()) list_ = allocated.value();
  }
  return list_;
}

void MessageSpace::Recover(const ObjectRef& ref, Stamp dead) {
  SharedObject* const object = store().Find(ref);
  if (ref.kind == ObjectKind::kPipeEnd) return PipeEnd::Recover(store(), ref, dead);
  if (ref.kind != ObjectKind::kQueue) return SyncSpace::Recover(ref, dead);
  if (object != nullptr) MessageQueue::Recover(participant(), object, dead);
}

bool MessageSpace::RecoverMemory(Stamp dead) {
  return MessageRecovery(this).Run(dead);
}

Result<std::shared_ptr<SyncObject>> OpenAny(MessageSpace* space, const ObjectRef& ref) {
  if (ref.kind == ObjectKind::kPipeEnd) {
    auto end = PipeEnd::Open(space, ref);
    if (!end.ok()) return end.status();
    return std::static_pointer_cast<SyncObject>(end.value());
  }
  if (ref.kind != ObjectKind::kQueue) return OpenObject(space, ref);
  auto opened = space->Open<MessageQueue>(ref);
  if (!opened.ok()) return opened.status();
  return std::static_pointer_cast<SyncObject>(opened.value());
}

}  // namespace mp
