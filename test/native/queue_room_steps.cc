// Queues that are full, in messages or in bytes, and whoever waits for room, until it has put:
// killed and halted at every step.

#include "room_step_acts.h"

using namespace mp;
using namespace mp::test;

namespace {

constexpr size_t kEach = 3'000;  // bytes of a message that is there

using Make = void (*)(QueueWorld&);
using Act = void (*)(QueueWorld&, MessageSpace&);

// Four that are there, in a ring that has gone round.
void MakeFull(QueueWorld& world) {
  MakeWrapped<kBound>(world);
  got.clear();
  there = kBound;
}
void MakeFullOfBytes(QueueWorld& world) {
  world.Make({0, kBound * kEach});
  for (int i = 0; i < kRingSlots + 10; i += 1) {
    TryPut(*world.queue, "before");
    if (TryTake(*world.queue) != "before") _exit(1);
  }
  for (uint64_t i = 0; i < kBound; i += 1) {
    PutOfLength(*world.queue, std::to_string(i), kEach);
  }
  EXPECT(world.queue->LookForRoom(1) == SyncOutcome::kPending);
  got.clear();
  there = kBound;
}

template <size_t kLength>
void ActPutSync(QueueWorld& world, MessageSpace& space) {
  QueuePtr queue = OpenQueue(space, world.queue->ref());
  QueueRequest request;
  request.kind = QueueRequest::Kind::kPut;
  request.staged = StageNamed(*queue, "new", kLength).block;
  StepFromHere();
  if (queue->RunSync(&request, kNever) != SyncOutcome::kDone) _exit(1);
  StepToHere();
}
template <size_t kLength>
void ActPutInLoop(QueueWorld& world, MessageSpace& space) {
  QueuePtr queue = OpenQueue(space, world.queue->ref());
  QueueWaiter waiter;
  waiter.wanted.kind = QueueRequest::Kind::kPut;
  waiter.wanted.staged = StageNamed(*queue, "new", kLength).block;
  space.participant().Doorbell();
  StepFromHere();
  queue->RunAsync(&waiter);
  SleepUntilServed(space, waiter);
  StepToHere();
  if (waiter.outcome != SyncOutcome::kDone) _exit(1);
}

void PutOrNot(QueueWorld& world, bool over) {
  EXPECT(InOrder(world) || !over);
  world.Gone();
}
// Halted, it sleeps or is about to, or has put: others make room, and it has put in the end.
template <size_t kLength>
void IsWoken(const char* what, Make make, Act act) {
  KillEverywhere(Waking({what, make, act, PutOrNot}));
  HaltEverywhere(Waking({what, make, act, MakeRoom<kLength>, NothingOf,
                         [](QueueWorld& world) { PutOrNot(world, true); }}));
}

// The child's turn is the next.
void AnotherWaits(QueueWorld& world) {
  world.waiting.wanted.staged = StageNamed(*world.queue, "mine", kShort).block;
  world.WaitFor(QueueRequest::Kind::kPut);
  world.segment->ObjectAt<SharedQueue>(world.queue->ref().offset)->room.cursor.store(1);
}

}  // namespace

TEST(WokenSteps) {
  IsWoken<kShort>("woken for room in a queue that has gone round", MakeFull, ActPutSync<kShort>);
  IsWoken<kShort>("the same in an event loop", MakeFull, ActPutInLoop<kShort>);
  IsWoken<2 * kEach>("woken for room in bytes, in vain at first", MakeFullOfBytes,
                     ActPutSync<2 * kEach>);
  IsWoken<2 * kEach>("the same in an event loop", MakeFullOfBytes, ActPutInLoop<2 * kEach>);
  IsWoken<kBound * kEach>("woken as often as a message goes, until the queue is empty",
                          MakeFullOfBytes, ActPutSync<kBound * kEach>);
}

TEST(BesideAnother) {
  for (const Act act : {ActPutSync<kShort>, ActPutInLoop<kShort>}) {
    WokenBesideAnother<OtherHasRoom>(MakeFull, act, AnotherWaits);
    WokenBesideAnother<OtherHasRoom>(MakeFullOfBytes, act, AnotherWaits);
  }
}

TEST_MAIN()
