// Messages that are written and read in place, killed and halted at every step: what was lent to
// the dead is free, what it had put is there, what it had not come to read comes back; and nobody
// waits for the halted, or has what it has.

#include "queue_step_acts.h"
#include "queues/loan.h"

using namespace mp;
using namespace mp::test;

namespace {

Loan LendText(MessageSpace& space, MessageQueue& queue, const std::string& text) {
  const auto lent = LendToWrite(&space, &queue, text.size());
  if (!lent.ok()) _exit(3);
  std::memcpy(lent.value().bytes, text.data(), text.size());
  return lent.value();
}

// The first message, lent.
Loan ReadLent(QueueWorld& world, MessageSpace& space, MessageQueue& queue) {
  Loan loan;
  queue.TryTake(1, [&](const std::byte*, uint64_t, const Block& block) {
    if (!LendToRead(&space, queue, block, &loan)) _exit(4);
    world.seen->store(1);
  });
  if (loan.bytes == nullptr) _exit(5);
  return loan;
}

void ActLend(QueueWorld& world, MessageSpace& space) {
  QueuePtr queue = OpenQueue(space, world.queue->ref());
  StepFromHere();
  if (!LendToWrite(&space, queue.get(), Long(7).size()).ok()) _exit(3);
  StepToHere();
}
void ActPublish(QueueWorld& world, MessageSpace& space) {
  QueuePtr queue = OpenQueue(space, world.queue->ref());
  const Loan loan = LendText(space, *queue, "new");
  Status error;
  StepFromHere();
  if (queue->TryPut(loan.block, &error) != SyncOutcome::kDone) _exit(1);
  StepToHere();
}
void ActGiveBack(QueueWorld& world, MessageSpace& space) {
  QueuePtr queue = OpenQueue(space, world.queue->ref());
  const Loan loan = LendText(space, *queue, Long(7));
  StepFromHere();
  GiveBack(&space, loan);
  StepToHere();
}
void ActRead(QueueWorld& world, MessageSpace& space) {
  space.pool();
  QueuePtr queue = OpenQueue(space, world.queue->ref());
  StepFromHere();
  ReadLent(world, space, *queue);
  StepToHere();
}
void ActRelease(QueueWorld& world, MessageSpace& space) {
  QueuePtr queue = OpenQueue(space, world.queue->ref());
  const Loan loan = ReadLent(world, space, *queue);
  StepFromHere();
  GiveBack(&space, loan);
  StepToHere();
}

template <int kBefore>
void NothingNew(QueueWorld& world, bool) {
  EXPECT(world.TakeAll().size() == kBefore);
  world.Gone();
}

// Of two messages the second; the first too unless it was lent by then.
void FirstComesBackUnread(QueueWorld& world, bool over) {
  const Texts got = world.TakeAll();
  const bool back = got == Texts{"0", "1"};
  EXPECT(back || got == Texts{"1"});
  EXPECT(!back || (world.seen->load() == 0 && !over));
  world.Gone();
}
void SecondIsThere(QueueWorld& world, bool) {
  EXPECT(world.TakeAll() == Texts{"1"});
  world.Gone();
}

// While the child is halted.
void OthersLend(QueueWorld& world, bool) {
  got.clear();
  put = 1;
  QueuePtr theirs = OpenQueue(*world.reaper, world.queue->ref());
  for (int i = 0; i < 5; i += 1) {
    Status error;
    const Loan loan = LendText(*world.reaper, *theirs, Long(10 + i));
    put += theirs->TryPut(loan.block, &error) == SyncOutcome::kDone;
    GiveBack(world.reaper.get(), LendText(*world.reaper, *theirs, Long(7)));
    got.push_back(Short(TryTake(*world.queue)));
  }
  EXPECT(put == 6);
}
void OthersGot(QueueWorld& world) {
  EachOnce(world);
  world.reaper->pool().Trim();
}
void GoneInTheEnd(QueueWorld& world) {
  world.Gone();
  EXPECT(BlocksIn(*world.segment, BlockState::kTaken) == 0);
}

}  // namespace

TEST(WriteSteps) {
  KillEverywhere({"lend to write", MakePlain<1>, ActLend, NothingNew<1>});
  KillEverywhere({"publish what was lent", MakePlain<1>, ActPublish, PutOrNotAndGone<1>});
  KillEverywhere({"publish what was lent for one that waits",
                  [](QueueWorld& world) {
                    MakePlain<0>(world);
                    world.WaitFor(QueueRequest::Kind::kGet);
                  },
                  ActPublish,
                  [](QueueWorld& world, bool over) {
                    const SyncOutcome outcome = world.Woken();
                    EXPECT(outcome == SyncOutcome::kDone ||
                           (outcome == SyncOutcome::kPending && !over));
                    EXPECT(world.TakeAll().empty());
                  }});
  KillEverywhere({"give back what was not written", MakePlain<1>, ActGiveBack, NothingNew<1>});
}

TEST(ReadSteps) {
  KillEverywhere({"read in place", MakePlain<2>, ActRead, FirstComesBackUnread});
  KillEverywhere({"release what was read", MakePlain<2>, ActRelease, SecondIsThere});
  KillEverywhere({"release what was read when the queue is gone", MakePlain<2>, ActRelease,
                  [](QueueWorld& world, bool) { world.Gone(); },
                  [](QueueWorld& world) {
                    world.TakeAll();
                    world.queue.reset();
                  }});
}

TEST(HaltedWriters) {
  // Others lend, write and put meanwhile, and none of it is the child's.
  HaltEverywhere({"lend to write", MakePlain<1>, ActLend, OthersLend, NothingOf, OthersGot});
  HaltEverywhere({"publish what was lent", MakePlain<1>, ActPublish, OthersLend, NothingOf,
                  [](QueueWorld& world) {
                    world.seen->store(-1);
                    OthersGot(world);
                    EXPECT(std::count(got.begin(), got.end(), "new") == 1);
                  }});
  HaltEverywhere({"publish what was lent for one that waits",
                  [](QueueWorld& world) {
                    MakePlain<0>(world);
                    world.WaitFor(QueueRequest::Kind::kGet);
                  },
                  ActPublish, AsleepOrServed, NothingOf,
                  [](QueueWorld& world) {
                    ServedInTheEnd(world, SyncOutcome::kDone);
                    EXPECT(world.TakeAll().empty());
                    world.Gone();
                  }});
  HaltEverywhere({"publish what was lent where there is no room",
                  [](QueueWorld& world) {
                    world.Make({1});
                    TryPut(*world.queue, "0");
                  },
                  [](QueueWorld& world, MessageSpace& space) {
                    QueuePtr queue = OpenQueue(space, world.queue->ref());
                    const Loan loan = LendText(space, *queue, "new");
                    Status error;
                    StepFromHere();
                    const SyncOutcome outcome = queue->TryPut(loan.block, &error);
                    StepToHere();
                    // Its writer still has it, and may give it back.
                    if (outcome == SyncOutcome::kPending) GiveBack(&space, loan);
                    world.seen->store(outcome == SyncOutcome::kDone ? 1 : 0);
                  },
                  [](QueueWorld& world, bool) { EXPECT(TryTake(*world.queue) == "0"); }, NothingOf,
                  [](QueueWorld& world) {
                    EXPECT(static_cast<int>(world.TakeAll().size()) == world.seen->load());
                    world.Gone();
                  }});
  HaltEverywhere({"give back what was not written", MakePlain<1>, ActGiveBack, OthersLend,
                  NothingOf, OthersGot});
}

TEST(HaltedReaders) {
  // Nobody waits for who reads, and nobody else gets what it has.
  HaltEverywhere({"release what was read", MakePlain<2>, ActRelease,
                  [](QueueWorld& world, bool) { EXPECT(world.TakeAll() == Texts{"1"}); }, NothingOf,
                  GoneInTheEnd});
  // The block is in a span of the getter's, who goes on to use and to trim it.
  HaltEverywhere({"release what was read when the queue is gone", MakePlain<2>, ActRelease,
                  [](QueueWorld& world, bool) { world.getter->pool().Trim(); },
                  [](QueueWorld& world) {
                    world.TakeAll();
                    world.queue.reset();
                  },
                  GoneInTheEnd});
  HaltEverywhere({"read in place", MakePlain<2>, ActRead,
                  [](QueueWorld& world, bool) {
                    const Texts got = world.TakeAll();
                    EXPECT(got == Texts{"1"} || (got == Texts{"0", "1"}));
                    // It may have come too late for both.
                    TryPut(*world.queue, Long(2));
                  },
                  NothingOf,
                  [](QueueWorld& world) {
                    EXPECT(world.TakeAll().size() <= 1);
                    GoneInTheEnd(world);
                  }});
}

TEST_MAIN()
