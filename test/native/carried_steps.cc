// Messages that carry references, killed at every step: what they refer to lives while anybody has
// it, a message among them, and no longer.

#include "queue_step_acts.h"
#include "sync/lock.h"

using namespace mp;
using namespace mp::test;

namespace {

StagedMessage StageRefs(MessageQueue& queue, const std::vector<ObjectRef>& refs) {
  const StagedMessage staged = queue.Stage(8, static_cast<uint32_t>(refs.size())).value();
  std::memset(staged.bytes, ' ', 8);
  CarriedRef* to = staged.carried;
  for (const ObjectRef& ref : refs) {
    *to++ = {ref.offset, ref.generation, static_cast<uint32_t>(ref.kind)};
  }
  return staged;
}
bool PutRefs(MessageQueue& queue, const std::vector<ObjectRef>& refs) {
  const StagedMessage staged = StageRefs(queue, refs);
  Status error;
  if (queue.TryPut(staged.block, &error) == SyncOutcome::kDone) return true;
  queue.Drop(staged);
  return false;
}

// The queue of the world, and one with a message in it that the test has no handle on: the first
// message carries it, with an end of a pipe.
ObjectRef inner;
void PutInner(QueueWorld& world, QueueShape shape) {
  world.Make(shape);
  QueuePtr made = MakeQueue(*world.getter);
  inner = made->ref();
  TryPut(*made, "inside");
  world.other = PipeEnd::MakePair(world.getter.get(), false).value();
  if (!PutRefs(*world.queue, {inner, world.other.right->ref()})) std::abort();
  world.other.right.reset();
}
void PutInnerPlain(QueueWorld& world) {
  PutInner(world, kPlain);
}
void PutInnerRedelivering(QueueWorld& world) {
  PutInner(world, kRedelivers);
}

using Received = std::vector<std::shared_ptr<SyncObject>>;
// False: no message.
bool TakeRefs(MessageSpace& space, MessageQueue& queue, Received* received) {
  std::vector<ObjectRef> refs;
  const uint32_t taken = queue.TryTake(
      1, [&refs](const std::byte*, uint64_t, const Block& block) { refs = CarriedBy(block); });
  for (const ObjectRef& ref : refs) {
    auto object = space.TakeReceived(ref);
    EXPECT(object != nullptr);
    if (object) received->push_back(std::move(object));
  }
  return taken > 0;
}

bool Exists(const QueueWorld& world, const ObjectRef& ref) {
  return world.reaper->store().Find(ref) != nullptr;
}
bool OtherIsClosed(const QueueWorld& world) {
  return world.other.left->in()->Look() == SyncOutcome::kClosed;
}
// Both are usable.
void AreWhole(QueueWorld& world, const Received& received) {
  if (!EXPECT(received.size() == 2)) return;
  EXPECT(TryTake(static_cast<MessageQueue&>(*received[0])) == "inside");
  EXPECT(TryPut(static_cast<MessageQueue&>(*received[0]), "inside") == SyncOutcome::kDone);
  EXPECT(TryPut(*static_cast<PipeEnd&>(*received[1]).out(), "x") == SyncOutcome::kDone);
  EXPECT(TryTake(*world.other.left->in()) == "x");
}
void NothingLeft(QueueWorld& world, int64_t ledger_blocks = 0) {
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

void ActReceive(QueueWorld& world, MessageSpace& space) {
  space.pool();
  QueuePtr queue = OpenQueue(space, world.queue->ref());
  Received received;
  StepFromHere();
  if (!TakeRefs(space, *queue, &received) || received.size() != 2) _exit(1);
  StepToHere();
}

// The message is there once more, with all that it carries, or has gone with whoever received it.
void ThereOrGone(QueueWorld& world, bool) {
  Received received;
  if (TakeRefs(*world.getter, *world.queue, &received)) {
    AreWhole(world, received);
    if (world.queue->Keeps()) EXPECT(world.queue->TaskDone());
  }
  received.clear();
  NothingLeft(world);
}

// With the message in its hands, or having received it: then what it carries is to be let go of.
void DieReceiving(QueueWorld& world, bool received) {
  WaitStatus(Start([&] {
    auto space = JoinMessages(world.segment);
    QueuePtr queue = OpenQueue(*space, world.queue->ref());
    queue->TryTake(1, [&](const std::byte*, uint64_t, const Block& block) {
      const uint32_t generation = GenerationOf(block.header->state.load());
      const uint64_t taken = PackBlockState(BlockState::kTaken, generation, space->stamp());
      space->KeepsOneMore();
      if (received) block.header->state.store(taken | kIsSpent);
      kill(getpid(), SIGKILL);
    });
  }));
}
void ActReap(QueueWorld&, MessageSpace& space) {
  space.pool();
  StepFromHere();
  space.reaper().Run();
  StepToHere();
}

}  // namespace

TEST(PutSteps) {
  KillEverywhere({"put what the sender alone has",
                  [](QueueWorld& world) {
                    PutInnerPlain(world);
                    // Out of the message again, so that the child is the only one to have them.
                    Received received;
                    TakeRefs(*world.getter, *world.queue, &received);
                  },
                  [](QueueWorld& world, MessageSpace& space) {
                    QueuePtr queue = OpenQueue(space, world.queue->ref());
                    QueuePtr made = MakeQueue(space);
                    TryPut(*made, "inside");
                    auto held = space.Make<Lock>().value();
                    const StagedMessage staged = StageRefs(*queue, {made->ref(), held->ref()});
                    Status error;
                    StepFromHere();
                    if (queue->TryPut(staged.block, &error) != SyncOutcome::kDone) _exit(1);
                    made.reset();
                    held.reset();
                    StepToHere();
                  },
                  [](QueueWorld& world, bool over) {
                    Received received;
                    const bool put = TakeRefs(*world.getter, *world.queue, &received);
                    EXPECT(put || !over);
                    EXPECT(received.size() == (put ? 2 : 0));
                    if (put)
                      EXPECT(TryTake(static_cast<MessageQueue&>(*received[0])) == "inside");
                    received.clear();
                    NothingLeft(world);
                  }});
  KillEverywhere({"put into a queue that is full", PutInnerPlain,
                  [](QueueWorld& world, MessageSpace& space) {
                    QueuePtr full = MakeQueue(space, {1});
                    TryPut(*full, "full");
                    QueuePtr queue = OpenQueue(space, world.queue->ref());
                    const StagedMessage staged = StageRefs(*full, {queue->ref()});
                    Status error;
                    StepFromHere();
                    if (full->TryPut(staged.block, &error) != SyncOutcome::kPending) _exit(1);
                    full->Drop(staged);
                    StepToHere();
                  },
                  ThereOrGone});
}

TEST(ReceiveSteps) {
  KillEverywhere({"receive", PutInnerPlain, ActReceive, ThereOrGone});
  KillEverywhere({"receive what is kept", PutInnerRedelivering, ActReceive,
                  [](QueueWorld& world, bool over) {
                    EXPECT(world.queue->Size() == 1);
                    ThereOrGone(world, over);
                  }});
  KillEverywhere({"say that it is done", PutInnerRedelivering,
                  [](QueueWorld& world, MessageSpace& space) {
                    QueuePtr queue = OpenQueue(space, world.queue->ref());
                    {
                      Received received;
                      if (!TakeRefs(space, *queue, &received)) _exit(1);
                    }
                    StepFromHere();
                    if (!queue->TaskDone()) _exit(2);
                    StepToHere();
                  },
                  [](QueueWorld& world, bool over) {
                    EXPECT(world.queue->Unfinished() == world.queue->Size());
                    EXPECT(!over || world.queue->Size() == 0);
                    ThereOrGone(world, over);
                  }});
}

TEST(ReapSteps) {
  KillEverywhere({"put back what the dead was receiving",
                  [](QueueWorld& world) {
                    PutInnerPlain(world);
                    DieReceiving(world, false);
                  },
                  ActReap,
                  [](QueueWorld& world, bool over) {
                    EXPECT(world.queue->Size() == 1);
                    ThereOrGone(world, over);
                  }});
  KillEverywhere({"let go of what the dead had received",
                  [](QueueWorld& world) {
                    PutInnerPlain(world);
                    DieReceiving(world, true);
                  },
                  ActReap,
                  [](QueueWorld& world, bool) {
                    EXPECT(world.queue->Size() == 0);
                    NothingLeft(world);
                  }});
}

TEST(GoingSteps) {
  const auto act = [](QueueWorld& world, MessageSpace& space) {
    space.pool();
    QueuePtr queue = OpenQueue(space, world.queue->ref());
    StepFromHere();
    queue.reset();
    StepToHere();
  };
  const auto gone = [](QueueWorld& world, bool) { NothingLeft(world); };
  KillEverywhere({"the last handle of a queue with such messages goes",
                  [](QueueWorld& world) {
                    PutInnerPlain(world);
                    PutRefs(*world.queue, {world.other.left->ref()});
                  },
                  act, gone, [](QueueWorld& world) { world.queue.reset(); }});
}

// More of them than there is room for in the ledger, in several turns.
TEST(AQueueGoesWithManyReferences) {
  QueueWorld world;
  PutInnerPlain(world);
  std::vector<ObjectRef> refs;
  Received held;
  for (uint32_t i = 0; i < 10 * kInlineLedgerEntries; i += 1) {
    held.push_back(world.getter->Make<Lock>().value());
    refs.push_back(held.back()->ref());
  }
  EXPECT(PutRefs(*world.queue, refs));
  held.clear();
  for (const ObjectRef& ref : refs) EXPECT(Exists(world, ref));
  // A participant without a ledger of that length.
  QueuePtr theirs = OpenQueue(*world.reaper, world.queue->ref());
  world.queue.reset();
  theirs.reset();
  for (const ObjectRef& ref : refs) EXPECT(!Exists(world, ref));
  // Who had them all has a ledger for as many.
  NothingLeft(world, 10);
}

TEST_MAIN()
