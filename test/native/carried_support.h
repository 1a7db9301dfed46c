#pragma once
// Messages that carry references, and what must hold of them after a death.

#include <vector>

#include "queue_step_acts.h"
#include "queues/fork_departure.h"
#include "sync/lock.h"

namespace mp::test {

inline StagedMessage StageRefs(MessageQueue& queue, const std::vector<ObjectRef>& refs) {
  // Of blocks of that length there are few in a slab (see Long).
  const StagedMessage staged = queue.Stage(3'000, static_cast<uint32_t>(refs.size())).value();
  CarriedRef* to = staged.carried;
  for (const ObjectRef& ref : refs) {
    *to++ = {ref.offset, ref.generation, static_cast<uint32_t>(ref.kind)};
  }
  return staged;
}
inline bool PutRefs(MessageQueue& queue, const std::vector<ObjectRef>& refs) {
  const StagedMessage staged = StageRefs(queue, refs);
  Status error;
  if (queue.TryPut(staged.block, &error) == SyncOutcome::kDone) return true;
  queue.Drop(staged);
  return false;
}

// The queue of the world, and one with a message in it that the test has no handle on: so many
// messages carry it, with an end of a pipe. Whoever counts something twice leaves the second one
// with what is gone; who counts something too little leaves the one for ever.
inline ObjectRef inner;
inline int carriers = 0;
inline void PutInner(QueueWorld& world, QueueShape shape, int messages) {
  carriers = messages;
  world.Make(shape);
  QueuePtr made = MakeQueue(*world.getter);
  inner = made->ref();
  TryPut(*made, Long(1));
  world.other = PipeEnd::MakePair(world.getter.get(), false).value();
  for (int i = 0; i < messages; i += 1) {
    if (!PutRefs(*world.queue, {inner, world.other.right->ref()})) std::abort();
  }
  world.other.right.reset();
}
template <int kMessages>
void PutInnerPlain(QueueWorld& world) {
  PutInner(world, kPlain, kMessages);
}
template <int kMessages>
void PutInnerRedelivering(QueueWorld& world) {
  PutInner(world, kRedelivers, kMessages);
}

using Received = std::vector<std::shared_ptr<SyncObject>>;
// False: no message.
inline bool TakeRefs(MessageSpace& space, MessageQueue& queue, Received* received) {
  std::vector<ObjectRef> refs;
  const uint32_t taken = queue.TryTake(
      1, [&refs](const std::byte*, uint64_t, const Block& block) { refs = CarriedBy(block); });
  for (const ObjectRef& ref : refs) {
    std::shared_ptr<SyncObject> object;
    if (EXPECT(space.TakeReceived(ref, &object) && object != nullptr)) {
      received->push_back(std::move(object));
    }
  }
  return taken > 0;
}

inline bool Exists(const QueueWorld& world, const ObjectRef& ref) {
  return world.reaper->store().Find(ref) != nullptr;
}
inline bool OtherIsClosed(const QueueWorld& world) {
  return world.other.left->in()->Look() == SyncOutcome::kClosed;
}
// Both are usable.
inline void AreWhole(QueueWorld& world, const Received& received) {
  if (!EXPECT(received.size() == 2)) return;
  EXPECT(Short(TryTake(static_cast<MessageQueue&>(*received[0]))) == "1");
  EXPECT(TryPut(static_cast<MessageQueue&>(*received[0]), Long(1)) == SyncOutcome::kDone);
  EXPECT(TryPut(*static_cast<PipeEnd&>(*received[1]).out(), Long(3)) == SyncOutcome::kDone);
  EXPECT(Short(TryTake(*world.other.left->in())) == "3");
}
inline void NothingLeft(QueueWorld& world, int64_t ledger_blocks = 0) {
  world.queue.reset();
  world.CleanedUp();
  EXPECT(!Exists(world, inner));
  EXPECT(OtherIsClosed(world));
  world.other = {};
  world.CleanedUp();
  EXPECT(MessagesIn(*world.segment) == 0);
  EXPECT(BlocksIn(*world.segment, BlockState::kAttached) == 0);
  EXPECT(BlocksIn(*world.segment, BlockState::kTaken) == 0);
  EXPECT(PlacesInUse(*world.segment) <= ledger_blocks);
}

// Of the messages the first one is there once more, with all that it carries, or has gone with
// whoever received it.
inline int TakeWhole(QueueWorld& world) {
  int messages = 0;
  for (Received received; TakeRefs(*world.getter, *world.queue, &received); received.clear()) {
    AreWhole(world, received);
    if (world.queue->Keeps()) EXPECT(world.queue->TaskDone());
    messages += 1;
  }
  return messages;
}
inline void ThereOrGone(QueueWorld& world, bool) {
  const int messages = TakeWhole(world);
  EXPECT(messages == carriers || messages == carriers - 1);
  NothingLeft(world);
}

}  // namespace mp::test
