// Messages of pipes that are written and read in place, killed and halted at every step: a pipe
// ends and breaks as it does without, what it carries arrives or comes back, and no block stays.

#include "pipe_step_ends.h"
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

// What a receiver does that asks for a message where it lies (bind/loan_wrap_linux.cc). One that
// carries something is copied, and its ends are open.
struct InPlace {
  Loan loan;
  std::vector<EndPtr> ends;
  bool taken = false;
};
InPlace TakeInPlace(MessageSpace& space, MessageQueue& queue) {
  InPlace got;
  std::vector<ObjectRef> refs;
  got.taken = queue.TryTake(1, [&](const std::byte*, uint64_t, const Block& block) {
    if (!LendToRead(&space, queue, block, &got.loan)) refs = CarriedBy(block);
  }) != 0;
  for (const ObjectRef& ref : refs) {
    std::shared_ptr<SyncObject> end;
    if (space.TakeReceived(ref, &end)) got.ends.push_back(std::static_pointer_cast<PipeEnd>(end));
  }
  return got;
}
std::string TextOf(const Loan& loan) {
  return Short({reinterpret_cast<const char*>(loan.bytes), loan.length});
}

// The child's end is the last one of its side.
void GiveUpRight(QueueWorld& world) {
  world.pipe.right.reset();
}
void SendTwo(QueueWorld& world) {
  MakePipe(world);
  for (int i = 0; i < 2; i += 1) TryPut(*world.pipe.left->out(), Long(i));
}

void ActSend(QueueWorld& world, MessageSpace& space) {
  EndPtr right = OpenEnd(space, world.pipe.right->ref());
  const Loan loan = LendText(space, *right->out(), "new");
  Status error;
  StepFromHere();
  if (right->out()->TryPut(loan.block, &error) != SyncOutcome::kDone) _exit(1);
  StepToHere();
}
void ActSendToNobody(QueueWorld& world, MessageSpace& space) {
  EndPtr right = OpenEnd(space, world.pipe.right->ref());
  const Loan loan = LendText(space, *right->out(), Long(7));
  Status error;
  StepFromHere();
  if (right->out()->TryPut(loan.block, &error) != SyncOutcome::kBroken) _exit(1);
  GiveBack(&space, loan);
  StepToHere();
}
// Two messages, then the end of the stream.
void ActReadToTheEnd(QueueWorld& world, MessageSpace& space) {
  space.pool();
  EndPtr right = OpenEnd(space, world.pipe.right->ref());
  StepFromHere();
  const InPlace first = TakeInPlace(space, *right->in());
  const InPlace second = TakeInPlace(space, *right->in());
  if (TextOf(first.loan) != "0" || TextOf(second.loan) != "1") _exit(1);
  GiveBack(&space, second.loan);
  const InPlace third = TakeInPlace(space, *right->in());
  if (third.taken || right->in()->Look() != SyncOutcome::kClosed) _exit(2);
  GiveBack(&space, first.loan);
  StepToHere();
}
void ActReadFirst(QueueWorld& world, MessageSpace& space) {
  space.pool();
  EndPtr right = OpenEnd(space, world.pipe.right->ref());
  StepFromHere();
  if (TextOf(TakeInPlace(space, *right->in()).loan) != "0") _exit(1);
  world.seen->store(1);
  StepToHere();
}
// Of its end, and with it of the pipe, with one loan of either kind in its hands.
void ActCloseWithLoans(QueueWorld& world, MessageSpace& space) {
  EndPtr right = OpenEnd(space, world.pipe.right->ref());
  const Loan written = LendText(space, *right->out(), Long(7));
  const Loan read = TakeInPlace(space, *right->in()).loan;
  StepFromHere();
  right.reset();
  GiveBack(&space, read);
  GiveBack(&space, written);
  StepToHere();
}
void ActReceiveEnd(QueueWorld& world, MessageSpace& space) {
  space.pool();
  EndPtr right = OpenEnd(space, world.pipe.right->ref());
  StepFromHere();
  const InPlace got = TakeInPlace(space, *right->in());
  if (!got.taken || got.loan.bytes != nullptr || got.ends.size() != 1) _exit(1);
  StepToHere();
}

void SendAnEnd(QueueWorld& world) {
  MakePipes(world);
  Status error;
  const StagedMessage staged = StageEnd(*world.pipe.left->out(), world.other.right->ref());
  world.pipe.left->out()->TryPut(staged.block, &error);
  world.other.right.reset();
}
bool OtherIsClosed(const QueueWorld& world) {
  return world.other.left->in()->Look() == SyncOutcome::kClosed;
}
void ThroughIt(QueueWorld& world, const EndPtr& end) {
  EXPECT(TryPut(*end->out(), "through it") == SyncOutcome::kDone);
  EXPECT(TryTake(*world.other.left->in()) == "through it");
}

}  // namespace

TEST(SendSteps) {
  KillEverywhere({"send what was lent, for one that waits", MakePipe, ActSend,
                  [](QueueWorld& world, bool over) {
                    const SyncOutcome woken = world.Woken();
                    EXPECT(woken == SyncOutcome::kDone || (woken == SyncOutcome::kClosed && !over));
                    EXPECT(TryTake(*world.pipe.left->in()) ==
                           (woken == SyncOutcome::kDone ? "new" : ""));
                    EXPECT(world.pipe.left->in()->Look() == SyncOutcome::kClosed);
                    EverythingGone(world);
                  },
                  [](QueueWorld& world) {
                    GiveUpRight(world);
                    world.WaitAt(*world.pipe.left->in(), QueueRequest::Kind::kPoll);
                  }});
  KillEverywhere({"send what was lent to nobody", MakePipe, ActSendToNobody,
                  [](QueueWorld& world, bool) { EverythingGone(world); },
                  [](QueueWorld& world) { world.pipe = {}; }});
}

TEST(ReceiveSteps) {
  KillEverywhere({"read in place up to the end of the stream", SendTwo, ActReadToTheEnd,
                  [](QueueWorld& world, bool) { EverythingGone(world); },
                  [](QueueWorld& world) { world.pipe = {}; }});
  KillEverywhere({"read in place what others could read", SendTwo, ActReadFirst,
                  [](QueueWorld& world, bool over) {
                    Texts got;
                    for (std::string text; !(text = TryTake(*world.pipe.right->in())).empty();) {
                      got.push_back(Short(text));
                    }
                    const bool back = got == Texts{"0", "1"};
                    EXPECT(back || got == Texts{"1"});
                    EXPECT(!back || (world.seen->load() == 0 && !over));
                    EverythingGone(world);
                  }});
  KillEverywhere({"close an end with loans, and give them back", SendTwo, ActCloseWithLoans,
                  [](QueueWorld& world, bool) {
                    EXPECT(TryTake(*world.pipe.left->in()).empty());
                    EXPECT(world.pipe.left->in()->Look() == SyncOutcome::kClosed);
                    EXPECT(TryPut(*world.pipe.left->out(), "nobody") == SyncOutcome::kBroken);
                    EverythingGone(world);
                  },
                  GiveUpRight});
  KillEverywhere({"the same of a pipe that nobody else has", SendTwo, ActCloseWithLoans,
                  [](QueueWorld& world, bool) { EverythingGone(world); },
                  [](QueueWorld& world) { world.pipe = {}; }});
  KillEverywhere({"receive an end, asked for where it lies", SendAnEnd, ActReceiveEnd,
                  [](QueueWorld& world, bool over) {
                    // Not taken, or put back: it carries the end still.
                    std::vector<EndPtr> ends;
                    if (TakeEnds(*world.getter, *world.pipe.right->in(), &ends) == 1) {
                      EXPECT(!over);
                      if (!EXPECT(ends.size() == 1)) return;
                      ThroughIt(world, ends[0]);
                      ends.clear();
                    }
                    EXPECT(OtherIsClosed(world));
                    EverythingGone(world);
                  }});
}

TEST(Halted) {
  HaltEverywhere({"send what was lent", MakePipe, ActSend,
                  [](QueueWorld& world, bool over) {
                    const std::string got = TryTake(*world.pipe.left->in());
                    EXPECT(got == "new" || (got.empty() && !over));
                    if (got == "new") world.seen->store(1);
                    EXPECT(TryPut(*world.pipe.right->out(), "other") == SyncOutcome::kDone);
                  },
                  NothingOf,
                  [](QueueWorld& world) {
                    Texts got;
                    for (std::string text; !(text = TryTake(*world.pipe.left->in())).empty();) {
                      got.push_back(text);
                    }
                    EXPECT(got.size() == (world.seen->load() == 1 ? 1 : 2));
                    EverythingGone(world);
                  }});
  HaltEverywhere({"read in place up to the end of the stream", MakePipe,
                  [](QueueWorld& world, MessageSpace& space) {
                    space.pool();
                    EndPtr right = OpenEnd(space, world.pipe.right->ref());
                    StepFromHere();
                    const InPlace first = TakeInPlace(space, *right->in());
                    const InPlace second = TakeInPlace(space, *right->in());
                    if (TextOf(first.loan) != "0" || TextOf(second.loan) != "1") _exit(1);
                    GiveBack(&space, second.loan);
                    StepToHere();
                    Until([&] { return right->in()->Look() == SyncOutcome::kClosed; });
                    right.reset();
                    // The pipe is gone, and this is still its reader's.
                    if (TextOf(first.loan) != "0") _exit(2);
                    GiveBack(&space, first.loan);
                  },
                  // The other side closes, behind what it has sent.
                  [](QueueWorld& world, bool) { world.pipe = {}; },
                  [](QueueWorld& world) {
                    for (int i = 0; i < 2; i += 1) TryPut(*world.pipe.left->out(), Long(i));
                    GiveUpRight(world);
                  },
                  EverythingGone});
  HaltEverywhere({"close an end with loans, and give them back", SendTwo, ActCloseWithLoans,
                  [](QueueWorld& world, bool over) {
                    const SyncOutcome sent = TryPut(*world.pipe.left->out(), "there");
                    EXPECT(sent == SyncOutcome::kBroken || (sent == SyncOutcome::kDone && !over));
                  },
                  GiveUpRight, EverythingGone});
  HaltEverywhere({"receive an end, asked for where it lies", SendAnEnd,
                  [](QueueWorld& world, MessageSpace& space) {
                    space.pool();
                    EndPtr right = OpenEnd(space, world.pipe.right->ref());
                    StepFromHere();
                    const InPlace got = TakeInPlace(space, *right->in());
                    if (!got.taken || got.ends.size() != 1) _exit(1);
                    StepToHere();
                    if (TryTake(*got.ends[0]->in()) != "first") _exit(2);
                    if (TryPut(*got.ends[0]->out(), "back") != SyncOutcome::kDone) _exit(3);
                  },
                  [](QueueWorld& world, bool) {
                    EXPECT(!OtherIsClosed(world));
                    EXPECT(TryPut(*world.other.left->out(), "first") == SyncOutcome::kDone);
                  },
                  NothingOf,
                  [](QueueWorld& world) {
                    EXPECT(TryTake(*world.other.left->in()) == "back");
                    EXPECT(OtherIsClosed(world));
                    EverythingGone(world);
                  }});
}

TEST_MAIN()
