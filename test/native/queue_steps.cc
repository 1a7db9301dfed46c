// Queues, killed at every step: what was put is there once, what was not is not, and what was being
// taken comes back.

#include <algorithm>

#include "queue_step_acts.h"

using namespace mp;
using namespace mp::test;

namespace {

// Into a block whose message before had come back from somebody dead: the slot that it came back in
// still names it.
void ActPutIntoUsedBlock(QueueWorld& world, MessageSpace& space) {
  QueuePtr queue = OpenQueue(space, world.queue->ref());
  std::string text = "new";
  text.resize(3'000, ' ');
  const StagedMessage before = StageText(*queue, text);
  Status error;
  queue->TryPut(before.block, &error);
  WaitStatus(Start([&] {
    auto other = JoinMessages(world.segment);
    TryTake(*OpenQueue(*other, world.queue->ref()));
    kill(getpid(), SIGKILL);
  }));
  while (space.reaper().Run().pending != 0) usleep(200);
  if (Short(TryTake(*queue)) != "new" || !queue->TaskDone()) _exit(1);
  StagedMessage staged = StageText(*queue, text);
  for (; staged.block != before.block; staged = StageText(*queue, text)) queue->Drop(staged);
  StepFromHere();
  if (queue->TryPut(staged.block, &error) != SyncOutcome::kDone) _exit(2);
  StepToHere();
}

}  // namespace

TEST(PutSteps) {
  KillEverywhere({"put into an empty queue", MakePlain<0>, ActPut, PutOrNotAndGone<0>});
  KillEverywhere({"put for one that waits",
                  [](QueueWorld& world) {
                    MakePlain<0>(world);
                    world.WaitFor(QueueRequest::Kind::kGet);
                  },
                  ActPut,
                  [](QueueWorld& world, bool over) {
                    const SyncOutcome outcome = world.Woken();
                    EXPECT(outcome == SyncOutcome::kDone ||
                           (outcome == SyncOutcome::kPending && !over));
                    EXPECT(world.TakeAll().empty());
                  }});
  // The 64th message does not fit the first ring.
  KillEverywhere({"put into a full ring", MakePlain<63>, ActPut, PutOrNotAndGone<63>});
  KillEverywhere({"put into a block whose message had come back", MakeRedelivering<0>,
                  ActPutIntoUsedBlock, [](QueueWorld& world, bool over) {
                    PutOrNot<0>(world, over);
                    while (world.queue->TaskDone()) {
                    }
                    world.Gone();
                  }});
  KillEverywhere({"put where somebody else has put meanwhile", MakePlain<1>, ActPut,
                  [](QueueWorld& world, bool over) {
                    const Texts got = world.TakeAll();
                    const Texts without = {"0", "mine"};
                    const Texts with = {"0", "mine", "new"};
                    EXPECT(got == with || (got == without && !over));
                    world.Gone();
                  },
                  [](QueueWorld& world) { TryPut(*world.queue, "mine"); }});
  KillEverywhere({"put, bounded in bytes",
                  [](QueueWorld& world) {
                    world.Make({0, 8});
                    TryPut(*world.queue, "0");
                    TryPut(*world.queue, "1");
                  },
                  ActPut,
                  [](QueueWorld& world, bool over) {
                    // What a death has left counts for nothing.
                    const bool put = world.queue->Size() == 3;
                    EXPECT(put || !over);
                    EXPECT(TryPut(*world.queue, put ? "four" : "sevenxy") == SyncOutcome::kPending);
                    EXPECT(TryPut(*world.queue, put ? "xyz" : "sixsix") == SyncOutcome::kDone);
                    world.TakeAll();
                    world.Gone();
                  }});
  KillEverywhere({"wait for room, up to sleeping",
                  [](QueueWorld& world) {
                    world.Make({1});
                    TryPut(*world.queue, "0");
                  },
                  [](QueueWorld& world, MessageSpace& space) {
                    QueuePtr queue = OpenQueue(space, world.queue->ref());
                    QueueRequest request;
                    request.kind = QueueRequest::Kind::kPut;
                    request.staged = StageText(*queue, "new").block;
                    StepFromHere();
                    queue->RunSync(&request, kNever);
                    StepToHere();
                  },
                  PutOrNotAndGone<1>});
}

TEST(TakeSteps) {
  KillEverywhere({"take", MakePlain<2>, ActTake<1>, UnseenComesBack<2>});
  KillEverywhere({"take three of four", MakePlain<4>, ActTake<3>, UnseenComesBack<4>});
  KillEverywhere({"take, and another one after it", MakePlain<2>, ActTake<1>, UnseenComesBack<3>,
                  [](QueueWorld& world) { TryPut(*world.queue, "2"); }});
  KillEverywhere({"take for one that waits for room",
                  [](QueueWorld& world) {
                    world.Make({1});
                    TryPut(*world.queue, "0");
                    world.waiting.wanted.kind = QueueRequest::Kind::kPut;
                    world.waiting.wanted.staged = StageText(*world.queue, "1").block;
                    world.queue->RunAsync(&world.waiting);
                    world.Sleep();
                  },
                  ActTake<1>,
                  [](QueueWorld& world, bool over) {
                    if (world.Woken() == SyncOutcome::kPending) {
                      EXPECT(!over);
                      EXPECT(Short(TryTake(*world.queue)) == "0");
                      std::vector<AsyncWaiter*> done;
                      EXPECT(world.getter->Serve(&done));
                    }
                    EXPECT(world.TakeAll().back() == "1");
                    world.Gone();
                  }});
  KillEverywhere({"take what is kept", MakeRedelivering<2>, ActTake<1>, AllComesBack<2>});
  KillEverywhere({"take several that are kept", MakeRedelivering<4>, ActTake<3>, AllComesBack<4>});
  KillEverywhere({"take what came back",
                  [](QueueWorld& world) {
                    MakeRedelivering<3>(world);
                    const pid_t pid = Start([&] {
                      auto space = JoinMessages(world.segment);
                      QueuePtr queue = OpenQueue(*space, world.queue->ref());
                      TryTake(*queue);
                      TryTake(*queue);
                      kill(getpid(), SIGKILL);
                    });
                    WaitStatus(pid);
                    while (world.reaper->reaper().Run().pending != 0) usleep(200);
                  },
                  ActTake<1>,
                  // What comes back a second time does so behind what came back before.
                  [](QueueWorld& world, bool) {
                    EXPECT(world.queue->Unfinished() == 3);
                    Texts got = world.TakeAll();
                    EXPECT(got.back() == "2");
                    std::sort(got.begin(), got.end());
                    EXPECT((got == Texts{"0", "1", "2"}));
                    for (int i = 0; i < 3; i += 1) EXPECT(world.queue->TaskDone());
                    world.Gone();
                  }});
}

TEST(FinishSteps) {
  KillEverywhere({"say that one of two is done", MakeRedelivering<2>, ActTaskDone,
                  [](QueueWorld& world, bool over) {
                    EXPECT(world.queue->Unfinished() == 1 || !over);
                    AllComesBack<2>(world, over);
                  }});
  KillEverywhere({"say that one is done, the dead's are counted",
                  [](QueueWorld& world) {
                    world.Make(kCounts);
                    TryPut(*world.queue, "0");
                    TryPut(*world.queue, "1");
                    TryPut(*world.queue, "2");
                    world.WaitFor(QueueRequest::Kind::kJoin);
                  },
                  ActTaskDone,
                  [](QueueWorld& world, bool) {
                    EXPECT(world.queue->Unfinished() == 1);
                    EXPECT(world.Woken() == SyncOutcome::kPending);
                    EXPECT(Short(TryTake(*world.queue)) == "2");
                    EXPECT(world.queue->TaskDone());
                    std::vector<AsyncWaiter*> done;
                    EXPECT(world.getter->Serve(&done));
                    world.Gone();
                  }});
  KillEverywhere({"the last one is done, for one that waits",
                  [](QueueWorld& world) {
                    world.Make(kCounts);
                    TryPut(*world.queue, "0");
                    TryPut(*world.queue, "1");
                    if (TryTake(*world.queue) != "0") _exit(1);
                    world.queue->TaskDone();
                    world.WaitFor(QueueRequest::Kind::kJoin);
                  },
                  [](QueueWorld& world, MessageSpace& space) {
                    QueuePtr queue = OpenQueue(space, world.queue->ref());
                    if (TryTake(*queue) != "1") _exit(1);
                    StepFromHere();
                    if (!queue->TaskDone()) _exit(2);
                    StepToHere();
                  },
                  // Done by the child, or counted because it is dead.
                  [](QueueWorld& world, bool) {
                    EXPECT(world.Woken() == SyncOutcome::kDone);
                    world.Gone();
                  }});
}

TEST(EndSteps) {
  KillEverywhere({"the last one to put closes its side", MakeForOneToPut, ActCloseSide,
                  [](QueueWorld& world, bool) {
                    const SyncOutcome outcome = world.Woken();
                    EXPECT(outcome == SyncOutcome::kClosed);
                  },
                  [](QueueWorld& world) { world.WaitFor(QueueRequest::Kind::kGet); }});
  // With messages in it, one of which carries the only reference to another queue.
  KillEverywhere({"the last handle goes",
                  [](QueueWorld& world) {
                    MakePlain<2>(world);
                    QueuePtr inner = MakeQueue(*world.getter);
                    TryPut(*inner, "inside");
                    const StagedMessage staged = world.queue->Stage(0, 1).value();
                    *staged.carried = {inner->ref().offset, inner->ref().generation,
                                       static_cast<uint32_t>(inner->ref().kind)};
                    Status error;
                    world.queue->TryPut(staged.block, &error);
                  },
                  [](QueueWorld& world, MessageSpace& space) {
                    QueuePtr queue = OpenQueue(space, world.queue->ref());
                    StepFromHere();
                    queue.reset();
                    StepToHere();
                  },
                  [](QueueWorld& world, bool) {
                    EXPECT(MessagesIn(*world.segment) == 0);
                    EXPECT(BlocksIn(*world.segment, BlockState::kAttached) == 0);
                    EXPECT(PlacesInUse(*world.segment) <= 0);
                  },
                  [](QueueWorld& world) { world.queue.reset(); }});
}

TEST_MAIN()
