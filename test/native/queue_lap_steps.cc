// Queues whose ring has gone round, that are full, and that are waited for: killed and halted at
// every step.

#include <poll.h>

#include "queue_step_acts.h"

using namespace mp;
using namespace mp::test;

namespace {

// Some of them, from the first one on, and never more than there is room for.
template <int kBefore, int kMessages>
void SomeOfThem(QueueWorld& world, bool over) {
  const Texts got = world.TakeAll();
  EXPECT(got.size() >= kBefore && got.size() <= kBefore + kMessages);
  for (size_t i = 0; i < got.size(); i += 1) {
    EXPECT(got[i] == (i < kBefore ? std::to_string(i) : "new"));
  }
  EXPECT(!over || got.size() == kBefore + kMessages);
  world.Gone();
}

// A message is there for whoever waits for one in its event loop.
void ActGetAsync(QueueWorld& world, MessageSpace& space) {
  static QueueWaiter waiter;
  QueuePtr queue = OpenQueue(space, world.queue->ref());
  waiter.wanted.kind = QueueRequest::Kind::kGet;
  space.participant().Doorbell();
  StepFromHere();
  if (queue->RunAsync(&waiter) != SyncOutcome::kPending) _exit(1);
  space.participant().ArmDoorbell();
  std::vector<AsyncWaiter*> done;
  if (space.Serve(&done)) _exit(2);
  StepToHere();
}

// Rung for a message, or not: another one may have been.
void ActServeWhenRung(QueueWorld& world, MessageSpace& space) {
  static QueueWaiter waiter;
  QueuePtr queue = OpenQueue(space, world.queue->ref());
  waiter.wanted.kind = QueueRequest::Kind::kGet;
  space.participant().Doorbell();
  if (queue->RunAsync(&waiter) != SyncOutcome::kPending) _exit(1);
  space.participant().ArmDoorbell();
  std::vector<AsyncWaiter*> done;
  if (space.Serve(&done)) _exit(2);
  StepFromHere();
  space.participant().DisarmDoorbell();
  space.Serve(&done);
  StepToHere();
}

void MakeAtTheEnd(QueueWorld& world) {
  MakePlain<kRingSlots + 1>(world);
  for (int i = 0; i < kRingSlots - 1; i += 1) {
    if (Short(TryTake(*world.queue)) != std::to_string(i)) _exit(1);
  }
}

}  // namespace

TEST(WrappedSteps) {
  KillEverywhere(
      {"put into an empty queue that has gone round", MakeWrapped<0>, ActPut, AllAndPerhapsNew<0>});
  KillEverywhere({"put the last one that fits", MakeWrapped<3>, ActPut, AllAndPerhapsNew<3>});
  KillEverywhere({"take the only one of a queue that has gone round", MakeWrapped<1>, ActTake<1>,
                  UnseenComesBack<1>});
  KillEverywhere({"take all of a full queue that has gone round", MakeWrapped<4>, ActTake<4>,
                  UnseenComesBack<4>});
  KillEverywhere(
      {"take at the end of a ring", MakeAtTheEnd, ActTake<2>, [](QueueWorld& world, bool) {
         const Texts got = world.TakeAll();
         EXPECT(got.size() + static_cast<size_t>(world.seen->load()) >= 2);
         for (const std::string& text : got) EXPECT(text == "63" || text == "64");
         world.Gone();
       }});
}

TEST(PutSeveralSteps) {
  KillEverywhere(
      {"put three into an empty queue", MakePlain<0>, ActPutSeveral<3>, SomeOfThem<0, 3>});
  KillEverywhere({"put three across the end of a ring", MakePlain<kRingSlots - 2>, ActPutSeveral<3>,
                  SomeOfThem<kRingSlots - 2, 3>});
  KillEverywhere({"put three where two fit", MakeWrapped<2>, ActPutSeveral<3>, SomeOfThem<2, 2>});
  KillEverywhere({"put three for one that waits",
                  [](QueueWorld& world) {
                    MakePlain<0>(world);
                    world.WaitFor(QueueRequest::Kind::kGet);
                  },
                  ActPutSeveral<3>,
                  [](QueueWorld& world, bool over) {
                    const bool served = world.Woken() == SyncOutcome::kDone;
                    EXPECT(served || !over);
                    const size_t left = world.TakeAll().size();
                    EXPECT(served ? left <= 2 : left == 0);
                    world.Gone();
                  }});
}

TEST(GetSteps) {
  KillEverywhere({"get from an empty queue, up to sleeping", MakePlain<0>,
                  [](QueueWorld& world, MessageSpace& space) {
                    QueuePtr queue = OpenQueue(space, world.queue->ref());
                    QueueRequest request;
                    request.kind = QueueRequest::Kind::kGet;
                    StepFromHere();
                    queue->RunSync(&request, kNever);
                    StepToHere();
                  },
                  PutOrNotAndGone<0>});
  KillEverywhere({"wait for a message in an event loop", MakePlain<0>, ActGetAsync,
                  [](QueueWorld& world, bool) {
                    EXPECT(TryPut(*world.queue, "after") == SyncOutcome::kDone);
                    EXPECT(TryTake(*world.queue) == "after");
                    world.Gone();
                  }});
  KillEverywhere({"rung for a message that another waits for as well", MakeRedelivering<0>,
                  ActServeWhenRung,
                  // The child had it, and is dead; or had left it.
                  [](QueueWorld& world, bool) {
                    EXPECT(world.Woken() == SyncOutcome::kDone);
                    EXPECT(world.queue->Size() == 0);
                    EXPECT(world.queue->TaskDone() && !world.queue->TaskDone());
                    world.Gone();
                  },
                  [](QueueWorld& world) {
                    world.WaitFor(QueueRequest::Kind::kGet);
                    // Rings the one whose turn it is.
                    auto putter = JoinMessages(world.segment);
                    TryPut(*OpenQueue(*putter, world.queue->ref()), "mine");
                  }});
}

TEST(RingsHalted) {
  HaltEverywhere(
      {"take at the end of a ring", MakeAtTheEnd, ActTake<2>, LapGoesBy<2>, NothingOf, EachOnce});
  HaltEverywhere({"put three across the end of a ring", MakePlain<kRingSlots - 2>, ActPutSeveral<3>,
                  LapGoesBy<kRingSlots - 2>, NothingOf, EachOnce});
  HaltEverywhere({"put three where two fit", MakeWrapped<2>, ActPutSeveral<3>, LapGoesBy<2>,
                  NothingOf, [](QueueWorld& world) {
                    EXPECT(world.queue->Size() <= kBound);
                    EachOnce(world);
                  }});
  HaltEverywhere({"put three for one that waits",
                  [](QueueWorld& world) {
                    MakePlain<0>(world);
                    world.WaitFor(QueueRequest::Kind::kGet);
                  },
                  ActPutSeveral<3>, AsleepOrServed, NothingOf,
                  [](QueueWorld& world) {
                    ServedInTheEnd(world, SyncOutcome::kDone);
                    EXPECT(world.TakeAll().size() == 2);
                    world.Gone();
                  }});
  HaltEverywhere({"take what came back",
                  [](QueueWorld& world) {
                    MakeRedelivering<3>(world);
                    WaitStatus(Start([&] {
                      auto space = JoinMessages(world.segment);
                      QueuePtr queue = OpenQueue(*space, world.queue->ref());
                      TryTake(*queue);
                      TryTake(*queue);
                      kill(getpid(), SIGKILL);
                    }));
                    ReapToTheEnd(world);
                  },
                  ActTakeAndFinish<2>, LapGoesBy<3>, NothingOf, EachOnce});
}

// In an event loop, which really sleeps at its doorbell: what is put meanwhile has been seen by
// then, or rings it.
TEST(EventLoopHalted) {
  for (const bool registered : {false, true}) {
    HaltEverywhere(
        {registered ? "arm, look, sleep and disarm" : "wait for a message, and sleep", MakePlain<0>,
         [=](QueueWorld& world, MessageSpace& space) {
           QueuePtr queue = OpenQueue(space, world.queue->ref());
           QueueWaiter waiter;
           waiter.wanted.kind = QueueRequest::Kind::kGet;
           pollfd bell{space.participant().Doorbell().value(), POLLIN, 0};
           std::vector<AsyncWaiter*> done;
           if (!registered) StepFromHere();
           queue->RunAsync(&waiter);
           if (registered) StepFromHere();
           while (waiter.outcome == SyncOutcome::kPending) {
             space.participant().ArmDoorbell();
             if (!space.Serve(&done)) poll(&bell, 1, -1);
             space.participant().DisarmDoorbell();
             space.Serve(&done);
           }
           StepToHere();
         },
         [](QueueWorld& world, bool) { EXPECT(TryPut(*world.queue, "new") == SyncOutcome::kDone); },
         NothingOf,
         [](QueueWorld& world) {
           EXPECT(world.TakeAll().empty());
           world.Gone();
         }});
  }
}

TEST_MAIN()
