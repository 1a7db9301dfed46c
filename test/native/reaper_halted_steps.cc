// Who looks after the dead, halted before and after every step that others can see, while others
// come to do the same: locks and permits do not wait for it, and what it does late does no harm.

#include "queue_step_acts.h"
#include "sync_step_acts.h"

using namespace mp;
using namespace mp::test;

namespace {

// One who waits for the condition, has the lock and a permit, and is a party of the barrier.
void DieHoldingAll(World& world) {
  MakeLock(world);
  world.bounded = world.waiter->Make<BoundedSemaphore>(1U).value();
  world.condition = world.waiter->Make<Condition>().value();
  world.barrier = world.waiter->Make<Barrier>(2U, false).value();
  WaitStatus(Start([&] {
    auto victim = JoinSpace(world.segment);
    auto lock = Opened(*victim, world.lock);
    auto bounded = Opened(*victim, world.bounded);
    auto condition = Opened(*victim, world.condition);
    auto barrier = Opened(*victim, world.barrier);
    AsyncWaiter waiters[2];
    lock->TryAcquire();
    bounded->TryAcquire();
    condition->WaitAsync(&waiters[0]);
    condition->Notify(1);
    barrier->WaitAsync(&waiters[1]);
    kill(getpid(), SIGKILL);
  }));
}
void ActLookAfter(World&, SyncSpace& space) {
  StepFromHere();
  space.reaper().Run();
  StepToHere();
}

void Die(QueueWorld& world, int messages) {
  WaitStatus(Start([&] {
    auto space = JoinMessages(world.segment);
    QueuePtr queue = OpenQueue(*space, world.queue->ref());
    for (int i = 0; i < messages; i += 1) TryTake(*queue);
    kill(getpid(), SIGKILL);
  }));
}
}  // namespace

TEST(ReaperHalted) {
  HaltEverywhere({"look after one who had one of each", DieHoldingAll, ActLookAfter,
                  [](World& world, bool) {
                    world.reaper->reaper().Run();
                    // Whoever has the lease.
                    LockIsUsable(world);
                    EXPECT(world.bounded->TryAcquire() == SyncOutcome::kDone);
                    EXPECT(world.bounded->Release().ok());
                  },
                  [](World& world) {
                    world.condition->WaitAsync(&world.waiting);
                    world.Sleep();
                  },
                  [](World& world) {
                    ReapAll(*world.reaper);
                    LockIsUsable(world);
                    EXPECT(world.bounded->Value() == 1 && world.barrier->IsBroken());
                    EXPECT(world.Woken() == SyncOutcome::kDone);
                    EXPECT(world.condition->Notify(Condition::kAll) == 0);
                    EXPECT(PlacesTaken(*world.segment) == 4);
                    EXPECT(world.segment->header().lease.load() == 0);
                  },
                  true});
}

TEST(QueueReaperHalted) {
  HaltEverywhere({"put back what the dead had taken",
                  [](QueueWorld& world) {
                    MakeRedelivering<3>(world);
                    Die(world, 2);
                  },
                  ActReap,
                  [](QueueWorld& world, bool over) {
                    ReapMeanwhile(world, over);
                    EXPECT(TryPut(*world.queue, Long(3)) == SyncOutcome::kDone);
                  },
                  NothingOf,
                  [](QueueWorld& world) {
                    ReapToTheEnd(world);
                    EXPECT((world.TakeAll() == Texts{"0", "1", "2", "3"}));
                    for (int i = 0; i < 4; i += 1) EXPECT(world.queue->TaskDone());
                    EXPECT(!world.queue->TaskDone());
                    world.Gone();
                  },
                  true});
  HaltEverywhere({"count what the dead had taken",
                  [](QueueWorld& world) {
                    world.Make(kCounts);
                    for (int i = 0; i < 3; i += 1) TryPut(*world.queue, Long(i));
                    Die(world, 2);
                  },
                  ActReap,
                  [](QueueWorld& world, bool over) {
                    ReapMeanwhile(world, over);
                    // Who sees one finished sees it here.
                    const uint64_t finished = 3 - world.queue->Unfinished();
                    EXPECT(world.queue->Abandoned() >= finished);
                  },
                  NothingOf,
                  [](QueueWorld& world) {
                    ReapToTheEnd(world);
                    EXPECT(world.queue->Unfinished() == 1);
                    EXPECT(world.queue->Abandoned() == 2);
                    EXPECT(world.TakeAll() == Texts{"2"});
                    EXPECT(world.queue->TaskDone() && !world.queue->TaskDone());
                    world.Gone();
                  },
                  true});
  HaltEverywhere({"put back what the dead was just taking",
                  [](QueueWorld& world) {
                    MakePlain<3>(world);
                    WaitStatus(Start([&] {
                      auto space = JoinMessages(world.segment);
                      QueuePtr queue = OpenQueue(*space, world.queue->ref());
                      queue->TryTake(2,
                                     [](const std::byte*, uint64_t) { kill(getpid(), SIGKILL); });
                    }));
                  },
                  ActReap,
                  [](QueueWorld& world, bool over) {
                    ReapMeanwhile(world, over);
                    got = world.TakeAll();
                  },
                  NothingOf,
                  [](QueueWorld& world) {
                    // What was there, and what came back later.
                    ReapToTheEnd(world);
                    for (const std::string& text : world.TakeAll()) got.push_back(text);
                    std::sort(got.begin(), got.end());
                    EXPECT((got == Texts{"0", "1", "2"}));
                    world.Gone();
                  },
                  true});
  HaltEverywhere({"let go of the last one's end of a pipe",
                  [](QueueWorld& world) {
                    world.pipe = PipeEnd::MakePair(world.getter.get(), true).value();
                    const pid_t dead = Start([&] {
                      auto space = JoinMessages(world.segment);
                      auto right = PipeEnd::Open(space.get(), world.pipe.right->ref());
                      kill(getpid(), right.ok() ? SIGSTOP : SIGKILL);
                      for (;;) pause();
                    });
                    int status = 0;
                    waitpid(dead, &status, WUNTRACED);
                    EXPECT(WIFSTOPPED(status));
                    world.pipe.right.reset();
                    KillAndWait(dead);
                  },
                  ActReap, ReapMeanwhile, NothingOf,
                  [](QueueWorld& world) {
                    ReapToTheEnd(world);
                    EXPECT(world.pipe.left->in()->Look() == SyncOutcome::kClosed);
                    EXPECT(TryPut(*world.pipe.left->out(), "nobody") == SyncOutcome::kBroken);
                    world.pipe = {};
                    world.CleanedUp();
                    EXPECT(MessagesIn(*world.segment) == 0);
                    EXPECT(PlacesInUse(*world.segment) <= 0);
                  },
                  true});
}

TEST_MAIN()
