// Messages that carry references, killed and halted at every step: what they refer to lives while
// anybody has it, a message among them, and no longer.

#include "carried_support.h"
#include "queues/message_recovery.h"

using namespace mp;
using namespace mp::test;

namespace {

void ActReceive(QueueWorld& world, MessageSpace& space) {
  space.pool();
  QueuePtr queue = OpenQueue(space, world.queue->ref());
  Received received;
  StepFromHere();
  if (!TakeRefs(space, *queue, &received) || received.size() != 2) _exit(1);
  StepToHere();
}

void MakeForSender(QueueWorld& world) {
  PutInnerPlain<2>(world);
  // Out of the message again, so that the child is the only one to have them.
  EXPECT(TakeWhole(world) == 2);
}
void ActSend(QueueWorld& world, MessageSpace& space) {
  QueuePtr queue = OpenQueue(space, world.queue->ref());
  QueuePtr made = MakeQueue(space);
  TryPut(*made, Long(1));
  auto held = space.Make<Lock>().value();
  const StagedMessage staged = StageRefs(*queue, {made->ref(), held->ref()});
  Status error;
  StepFromHere();
  if (queue->TryPut(staged.block, &error) != SyncOutcome::kDone) _exit(1);
  made.reset();
  held.reset();
  StepToHere();
}
void ActSendInVain(QueueWorld& world, MessageSpace& space) {
  QueuePtr full = MakeQueue(space, {1});
  TryPut(*full, Long(0));
  QueuePtr queue = OpenQueue(space, world.queue->ref());
  const StagedMessage staged = StageRefs(*full, {queue->ref()});
  Status error;
  StepFromHere();
  if (full->TryPut(staged.block, &error) != SyncOutcome::kPending) _exit(1);
  full->Drop(staged);
  StepToHere();
}
void ActDone(QueueWorld& world, MessageSpace& space) {
  QueuePtr queue = OpenQueue(space, world.queue->ref());
  {
    Received received;
    if (!TakeRefs(space, *queue, &received)) _exit(1);
  }
  StepFromHere();
  if (!queue->TaskDone()) _exit(2);
  StepToHere();
}
void ActLetGo(QueueWorld& world, MessageSpace& space) {
  space.pool();
  QueuePtr queue = OpenQueue(space, world.queue->ref());
  StepFromHere();
  queue.reset();
  StepToHere();
}
// Uses what it has received, if others have left it any.
void ActReceiveAndUse(QueueWorld& world, MessageSpace& space) {
  space.pool();
  QueuePtr queue = OpenQueue(space, world.queue->ref());
  Received received;
  StepFromHere();
  const bool taken = TakeRefs(space, *queue, &received);
  StepToHere();
  world.seen->store(taken ? 1 : 0);
  if (!taken) return;
  if (received.size() != 2) _exit(1);
  auto& its = static_cast<MessageQueue&>(*received[0]);
  if (Short(TryTake(its)) != "1" || TryPut(its, Long(1)) != SyncOutcome::kDone) _exit(2);
  if (queue->Keeps() && !queue->TaskDone()) _exit(3);
}

// What others have received while the child was halted.
int received_meanwhile = 0;
void OneIsReceived(QueueWorld& world, bool) {
  received_meanwhile = 0;
  Received received;
  if (!TakeRefs(*world.getter, *world.queue, &received)) return;
  received_meanwhile = 1;
  AreWhole(world, received);
  if (world.queue->Keeps()) EXPECT(world.queue->TaskDone());
}
void EachWasWhole(QueueWorld& world) {
  EXPECT(received_meanwhile + world.seen->load() + TakeWhole(world) == carriers);
  EXPECT(!world.queue->Keeps() || world.queue->Unfinished() == 0);
  NothingLeft(world);
}

// Of which nobody else has any: more than there is room for in a ledger at once.
std::vector<ObjectRef> PutMany(QueueWorld& world) {
  std::vector<ObjectRef> refs;
  Received held;
  for (uint32_t i = 0; i < 10 * kInlineLedgerEntries; i += 1) {
    held.push_back(world.getter->Make<Lock>().value());
    refs.push_back(held.back()->ref());
  }
  EXPECT(PutRefs(*world.queue, refs));
  return refs;
}

}  // namespace

TEST(PutSteps) {
  KillEverywhere(
      {"put what the sender alone has", MakeForSender, ActSend, [](QueueWorld& world, bool over) {
         Received received;
         const bool put = TakeRefs(*world.getter, *world.queue, &received);
         EXPECT(put || !over);
         EXPECT(received.size() == (put ? 2 : 0));
         if (put) EXPECT(Short(TryTake(static_cast<MessageQueue&>(*received[0]))) == "1");
         received.clear();
         NothingLeft(world);
       }});
  KillEverywhere({"put into a queue that is full", PutInnerPlain<2>, ActSendInVain, ThereOrGone});
}

TEST(ReceiveSteps) {
  KillEverywhere({"receive one of two", PutInnerPlain<2>, ActReceive, ThereOrGone});
  KillEverywhere({"receive the only one", PutInnerPlain<1>, ActReceive, ThereOrGone});
  KillEverywhere({"receive what is kept", PutInnerRedelivering<2>, ActReceive,
                  [](QueueWorld& world, bool over) {
                    EXPECT(world.queue->Size() == 2);
                    ThereOrGone(world, over);
                  }});
  const auto counted = [](QueueWorld& world, bool over) {
    EXPECT(world.queue->Unfinished() == world.queue->Size());
    EXPECT(!over || static_cast<int>(world.queue->Size()) == carriers - 1);
    ThereOrGone(world, over);
  };
  KillEverywhere({"say that one of two is done", PutInnerRedelivering<2>, ActDone, counted});
  KillEverywhere({"say that the only one is done", PutInnerRedelivering<1>, ActDone, counted});
}

TEST(GoingSteps) {
  const auto gone = [](QueueWorld& world, bool) { NothingLeft(world); };
  KillEverywhere({"the last handle of a queue with such messages goes",
                  [](QueueWorld& world) {
                    PutInnerPlain<1>(world);
                    PutRefs(*world.queue, {world.other.left->ref()});
                  },
                  ActLetGo, gone, [](QueueWorld& world) { world.queue.reset(); }});
}

TEST(Halted) {
  static ObjectRef outer;
  const auto arrived = [](QueueWorld& world) {
    Received received;
    if (TakeRefs(*world.getter, *world.queue, &received)) {
      EXPECT(received.size() == 2);
      EXPECT(Short(TryTake(static_cast<MessageQueue&>(*received[0]))) == "1");
      received_meanwhile += 1;
    }
  };
  HaltEverywhere({"put what the sender alone has", MakeForSender, ActSend,
                  [=](QueueWorld& world, bool over) {
                    received_meanwhile = 0;
                    arrived(world);
                    EXPECT(received_meanwhile == 1 || !over);
                  },
                  NothingOf,
                  [=](QueueWorld& world) {
                    arrived(world);
                    EXPECT(received_meanwhile == 1);
                    NothingLeft(world);
                  }});
  HaltEverywhere({"put into a queue that is full", PutInnerPlain<2>, ActSendInVain, OneIsReceived,
                  NothingOf, EachWasWhole});
  HaltEverywhere({"receive one of two", PutInnerPlain<2>, ActReceiveAndUse, OneIsReceived,
                  NothingOf, EachWasWhole});
  HaltEverywhere({"receive the only one", PutInnerPlain<1>, ActReceiveAndUse, OneIsReceived,
                  NothingOf, EachWasWhole});
  HaltEverywhere({"receive what is kept", PutInnerRedelivering<2>, ActReceiveAndUse, OneIsReceived,
                  NothingOf, EachWasWhole});
  const auto done = [](QueueWorld& world) {
    world.seen->store(1);
    EachWasWhole(world);
  };
  HaltEverywhere({"say that one of two is done", PutInnerRedelivering<2>, ActDone, OneIsReceived,
                  NothingOf, done});
  HaltEverywhere({"say that the only one is done", PutInnerRedelivering<1>, ActDone, OneIsReceived,
                  NothingOf, done});
  // Who comes to have it meanwhile has all of it, or comes too late.
  HaltEverywhere({"the last handle of a queue with such messages goes", PutInnerPlain<2>, ActLetGo,
                  [](QueueWorld& world, bool) {
                    auto opened = world.reaper->Open<MessageQueue>(outer);
                    if (!opened.ok()) return;
                    Received received;
                    if (!TakeRefs(*world.reaper, *opened.value(), &received)) return;
                    AreWhole(world, received);
                  },
                  [](QueueWorld& world) {
                    outer = world.queue->ref();
                    world.queue.reset();
                  },
                  [](QueueWorld& world) { NothingLeft(world); }});
}

// In several turns.
TEST(AQueueGoesWithManyReferences) {
  QueueWorld world;
  PutInnerPlain<2>(world);
  const std::vector<ObjectRef> refs = PutMany(world);
  for (const ObjectRef& ref : refs) EXPECT(Exists(world, ref));
  // A participant without a ledger of that length.
  QueuePtr theirs = OpenQueue(*world.reaper, world.queue->ref());
  world.queue.reset();
  theirs.reset();
  for (const ObjectRef& ref : refs) EXPECT(!Exists(world, ref));
  // Who had them all has a ledger for as many.
  NothingLeft(world, 10);
}

// It lives again between two turns: somebody who had let go of it before may come to retire it.
TEST(AQueueGoesWhileAnotherLetsGoOfItToo) {
  QueueWorld world;
  PutInnerPlain<1>(world);
  const std::vector<ObjectRef> refs = PutMany(world);
  const ObjectRef name = world.queue->ref();
  QueuePtr theirs = OpenQueue(*world.reaper, name);
  world.queue.reset();
  // At the first object that goes with it.
  bool came = false;
  world.reaper->store().SetDismantle([&](const ObjectRef& ref, ObjectStore::Dismantling* parts) {
    if (ref.kind == ObjectKind::kQueue || ref.kind == ObjectKind::kPipeEnd) {
      return MessageRecovery(world.reaper.get()).Dismantle(ref, parts);
    }
    if (!came) world.getter->store().RetireIfUnused(name);
    came = true;
    return true;
  });
  theirs.reset();
  EXPECT(came);
  for (const ObjectRef& ref : refs) EXPECT(!Exists(world, ref));
  EXPECT((world.reaper->participant().row().uses.load() & kKeepsBlocks) == 0);
  EXPECT(!Exists(world, name));
}

TEST_MAIN()
