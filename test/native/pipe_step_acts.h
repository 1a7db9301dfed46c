#pragma once
// A pipe of one direction from which others read what the child sends, or the other way round, and
// what is there and what becomes of it, in order.

#include "pipe_step_ends.h"
#include "room_step_acts.h"

namespace mp::test {

constexpr size_t kQuarter = kPipeBytes / 4;

// Left reads, right writes. The queue in between is looked at as such.
inline void MakeOneWay(QueueWorld& world) {
  world.pipe = PipeEnd::MakePair(world.getter.get(), false).value();
  world.queue = OpenQueue(*world.getter, world.pipe.left->in()->ref());
  got.clear();
  there = 0;
}
template <int kMessages, size_t kLength>
void Fill(QueueWorld& world) {
  for (int i = 0; i < kMessages; i += 1, there += 1) {
    if (PutOfLength(*world.queue, std::to_string(there), kLength) != SyncOutcome::kDone) _exit(1);
  }
}
template <int kMessages, size_t kLength = kShort>
void MakeFilled(QueueWorld& world) {
  MakeOneWay(world);
  Fill<kMessages, kLength>(world);
}
// With slots that were all filled before.
constexpr int kGoneBy = kRingSlots + 10;
template <int kMessages, size_t kLength = kShort>
void MakeGoneRound(QueueWorld& world) {
  MakeOneWay(world);
  for (int i = 0; i < kGoneBy; i += 1) {
    TryPut(*world.queue, "before");
    if (TryTake(*world.queue) != "before") _exit(1);
  }
  Fill<kMessages, kLength>(world);
}
// The child's end is the last one of its side.
inline void GiveUpWriter(QueueWorld& world) {
  world.pipe.right.reset();
}
inline void GiveUpReader(QueueWorld& world) {
  world.pipe.left.reset();
}

// ---- in the child

// What a sender does (bind/pipe_wrap_linux.cc): it has nothing in its hands while it waits.
inline SyncOutcome SendOnce(MessageQueue& queue, size_t length) {
  const SyncOutcome room = queue.LookForRoom(length);
  return room == SyncOutcome::kDone ? PutOfLength(queue, "new", length) : room;
}
template <size_t kLength>
void ActSend(QueueWorld& world, MessageSpace& space) {
  space.pool();
  EndPtr right = OpenEnd(space, world.pipe.right->ref());
  QueueRequest request;
  request.kind = QueueRequest::Kind::kRoom;
  request.length = kLength;
  StepFromHere();
  SyncOutcome sent = SendOnce(*right->out(), kLength);
  while (sent == SyncOutcome::kPending) {
    right->out()->RunSync(&request, kNever);
    sent = SendOnce(*right->out(), kLength);
  }
  StepToHere();
  if (sent != SyncOutcome::kDone) _exit(1);
}
template <size_t kLength>
void ActSendInLoop(QueueWorld& world, MessageSpace& space) {
  space.pool();
  EndPtr right = OpenEnd(space, world.pipe.right->ref());
  QueueWaiter waiter;
  waiter.wanted.kind = QueueRequest::Kind::kRoom;
  waiter.wanted.length = kLength;
  space.participant().Doorbell();
  StepFromHere();
  SyncOutcome sent = SendOnce(*right->out(), kLength);
  while (sent == SyncOutcome::kPending) {
    right->out()->RunAsync(&waiter);
    SleepUntilServed(space, waiter);
    sent = SendOnce(*right->out(), kLength);
  }
  StepToHere();
  if (sent != SyncOutcome::kDone) _exit(1);
}
template <uint32_t kMost>
void ActReceive(QueueWorld& world, MessageSpace& space) {
  space.pool();
  EndPtr left = OpenEnd(space, world.pipe.left->ref());
  StepFromHere();
  const uint32_t count = left->in()->TryTake(
      kMost, [&](const std::byte*, uint64_t) { world.seen->store(world.seen->load() + 1); });
  StepToHere();
  if (count == 0) _exit(1);
}

// Nobody writes any more.
inline void SentOrNot(QueueWorld& world, bool over) {
  EXPECT(InOrder(world) || !over);
  EXPECT(world.queue->Look() == SyncOutcome::kClosed);
  world.Gone();
}
inline void Sent(QueueWorld& world) {
  SentOrNot(world, true);
}

}  // namespace mp::test
