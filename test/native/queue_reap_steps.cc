// Who looks after the dead of a queue, killed at every step; and queues halted at every step:
// nobody waits for the halted.

#include "queue_step_acts.h"

using namespace mp;
using namespace mp::test;

namespace {

// Dead, with some of its messages kept and one just being taken.
template <typename Body>
void Die(QueueWorld& world, Body body) {
  WaitStatus(Start([&] {
    auto space = JoinMessages(world.segment);
    QueuePtr queue = OpenQueue(*space, world.queue->ref());
    body(*queue);
    kill(getpid(), SIGKILL);
  }));
}

}  // namespace

TEST(ReapSteps) {
  KillEverywhere({"put back what the dead had taken",
                  [](QueueWorld& world) {
                    MakeRedelivering<3>(world);
                    Die(world, [](MessageQueue& queue) {
                      TryTake(queue);
                      TryTake(queue);
                    });
                  },
                  ActReap, AllComesBack<3>});
  KillEverywhere({"count what the dead had taken",
                  [](QueueWorld& world) {
                    world.Make(kCounts);
                    for (int i = 0; i < 3; i += 1) TryPut(*world.queue, Long(i));
                    Die(world, [](MessageQueue& queue) {
                      TryTake(queue);
                      TryTake(queue);
                    });
                  },
                  ActReap,
                  [](QueueWorld& world, bool) {
                    EXPECT(world.queue->Unfinished() == 1);
                    EXPECT(world.queue->Abandoned() == 2);
                    EXPECT(Short(TryTake(*world.queue)) == "2");
                    EXPECT(world.queue->TaskDone());
                    EXPECT(!world.queue->TaskDone());
                    EXPECT(world.queue->Abandoned() == 2);
                    world.Gone();
                  }});
  KillEverywhere({"put back what the dead was just taking",
                  [](QueueWorld& world) {
                    MakePlain<3>(world);
                    Die(world, [](MessageQueue& queue) {
                      queue.TryTake(2, [](const std::byte*, uint64_t) { kill(getpid(), SIGKILL); });
                    });
                  },
                  ActReap, UnseenComesBack<3>});
}

TEST(HaltedSteps) {
  HaltEverywhere({"put", MakePlain<1>, ActPut, [](QueueWorld& world, bool) {
                    for (int i = 0; i < 100; i += 1) {
                      EXPECT(TryPut(*world.queue, "mine") == SyncOutcome::kDone);
                    }
                    int mine = 0;
                    for (const std::string& text : world.TakeAll()) mine += text == "mine";
                    EXPECT(mine == 100);
                  }});
  HaltEverywhere({"put into a full ring", MakePlain<63>, ActPut, [](QueueWorld& world, bool) {
                    for (int i = 0; i < 100; i += 1) {
                      EXPECT(TryPut(*world.queue, "mine") == SyncOutcome::kDone);
                    }
                    int mine = 0;
                    for (const std::string& text : world.TakeAll()) mine += text == "mine";
                    EXPECT(mine == 100);
                  }});
  HaltEverywhere({"take", MakePlain<3>, ActTake<1>, [](QueueWorld& world, bool) {
                    for (int i = 0; i < 100; i += 1) {
                      EXPECT(TryPut(*world.queue, std::to_string(3 + i)) == SyncOutcome::kDone);
                    }
                    // The one that the child has taken is its own; one more is left for it.
                    Texts got;
                    for (int i = 0; i < 100; i += 1) got.push_back(Short(TryTake(*world.queue)));
                    for (size_t i = 1; i < got.size(); i += 1) {
                      EXPECT(std::stoi(got[i]) == std::stoi(got[i - 1]) + 1);
                    }
                  }});
  HaltEverywhere(
      {"say that one is done", MakeRedelivering<3>, ActTaskDone, [](QueueWorld& world, bool) {
         EXPECT(Short(TryTake(*world.queue)) == "2");
         EXPECT(world.queue->TaskDone());
         EXPECT(world.queue->Unfinished() == 1 || world.queue->Unfinished() == 2);
       }});
}

TEST_MAIN()
