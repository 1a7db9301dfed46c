// The arena: what allocates, frees, gives back and recovers, killed and halted at every step.

#include <cerrno>

#include "block_step_world.h"

using namespace mp;
using namespace mp::test;

namespace {

void Nothing(BlockWorld&) {}

// A span of each kind without an owner, each with one message in it.
void SomebodyHasLeft(BlockWorld& world) {
  Member gone(world.segment);
  for (const uint64_t size : {100, 20'000, 100'000}) {
    gone.Take(size);
    world.left.push_back(gone.Take(size));
    gone.Mark(world.left.back(), BlockState::kQueued);
  }
}
void TheirMessagesAreRead(BlockWorld& world) {
  SomebodyHasLeft(world);
  for (const BlockRef ref : world.left) EXPECT(world.one.Free(ref));
}

// Allocates, in the middle of the child's operation.
void AllocateAndTrim(BlockWorld& world) {
  for (const uint64_t size : {100, 20'000, 200'000}) {
    auto ref = world.one.pool.Allocate(size);
    EXPECT(ref.ok() || ref.status().error == ENOSPC);
    if (ref.ok()) EXPECT(world.one.Free(ref.value()));
  }
  world.one.pool.Trim();
}

BlockScenario Allocating(const char* what, uint64_t size) {
  return {what, Nothing,
          [size](BlockWorld&, Member& me) {
            StepFromHere();
            auto ref = me.pool.Allocate(size);
            StepToHere();
            if (!ref.ok()) _exit(1);
          },
          AllocateAndTrim};
}

}  // namespace

TEST(Allocate) {
  const BlockScenario next{"allocate from a slab", Nothing,
                           [](BlockWorld&, Member& me) {
                             me.Take(100);
                             StepFromHere();
                             auto ref = me.pool.Allocate(100);
                             StepToHere();
                             if (!ref.ok()) _exit(1);
                           },
                           AllocateAndTrim};
  for (const auto& scenario :
       {next, Allocating("a new slab", 100), Allocating("a new slab of four units", 20'000),
        Allocating("a run", 250'000)}) {
    KillEverywhere(scenario);
    HaltEverywhere(scenario);
  }
}

TEST(AllocateAmongOrphans) {
  BlockScenario scenario = Allocating("adopt a slab", 100);
  scenario.setup = SomebodyHasLeft;
  KillEverywhere(scenario);
  HaltEverywhere(scenario);
  scenario = Allocating("adopt runs, take a new one", 100'000);
  scenario.setup = SomebodyHasLeft;
  KillEverywhere(scenario);
  HaltEverywhere(scenario);
  // The full arena makes it trim.
  scenario = Allocating("a run, in place of what is free", 1'100'000);
  scenario.setup = TheirMessagesAreRead;
  KillEverywhere(scenario);
  scenario.meanwhile = [](BlockWorld& world) {
    EXPECT(world.one.Free(world.one.Take(100)));
    world.one.pool.Trim();
  };
  HaltEverywhere(scenario);
}

TEST(Free) {
  KillEverywhere({"free another's block",
                  [](BlockWorld& world) {
                    world.left.push_back(world.one.Take(100));
                    world.one.Mark(world.left.back(), BlockState::kQueued);
                  },
                  [](BlockWorld& world, Member& me) {
                    StepFromHere();
                    me.Free(world.left[0]);
                    StepToHere();
                  }});
}

// Its owner comes upon it when it is free, and takes it anew: late, the child frees nothing.
TEST(FreeHalted) {
  static const SharedNumber freed;
  static uint64_t theirs;
  HaltEverywhere({"free another's block, which is free and taken anew",
                  [](BlockWorld& world) {
                    freed->store(0);
                    world.left.push_back(world.one.Take(20'000));
                    world.one.Mark(world.left.back(), BlockState::kQueued);
                    theirs = world.one.StateAt(world.left.back());
                  },
                  [](BlockWorld& world, Member& me) {
                    StepFromHere();
                    const bool done = me.pool.Free(world.left[0], theirs);
                    StepToHere();
                    freed->fetch_add(done ? 1 : 0);
                  },
                  [](BlockWorld& world) {
                    // By another one that has it, a reaper for instance.
                    freed->fetch_add(world.one.pool.Free(world.left[0], theirs) ? 1 : 0);
                    BlockRef ref = 0;
                    for (int i = 0; i < 32 && ref != world.left[0]; i += 1) {
                      if (ref != 0) EXPECT(world.one.Free(ref));
                      ref = world.one.Take(20'000);
                    }
                    EXPECT(ref == world.left[0]);
                  },
                  kUnits,
                  [](BlockWorld& world) {
                    EXPECT(freed->load() == 1);
                    EXPECT(StateOf(world.one.StateAt(world.left[0])) == BlockState::kOwned);
                  }});
}

TEST(GiveBack) {
  const BlockScenario scenario{"trim, own and orphans", TheirMessagesAreRead,
                               [](BlockWorld&, Member& me) {
                                 me.Free(me.Take(200'000));
                                 me.Free(me.Take(10'000));
                                 me.Mark(me.Take(1'000), BlockState::kQueued);
                                 StepFromHere();
                                 me.pool.Trim();
                                 StepToHere();
                               },
                               AllocateAndTrim};
  KillEverywhere(scenario);
  HaltEverywhere(scenario);
  const BlockScenario release{"release", SomebodyHasLeft,
                              [](BlockWorld&, Member& me) {
                                me.Take(100);
                                me.Mark(me.Take(100), BlockState::kQueued);
                                me.Take(100'000);
                                me.Mark(me.Take(10'000), BlockState::kQueued);
                                StepFromHere();
                                me.pool.Release();
                                StepToHere();
                              },
                              AllocateAndTrim};
  KillEverywhere(release);
  HaltEverywhere(release);
}

// The first to die leaves a bit of everything; the second is stepped through looking after it.
TEST(Recover) {
  BlockScenario recover{"recover",
                        [](BlockWorld& world) {
                          world.left.push_back(world.one.Take(500));
                          world.one.Mark(world.left.back(), BlockState::kQueued);
                        },
                        [](BlockWorld& world, Member& me) {
                          WaitStatus(Start([&] {
                            Member gone(world.segment);
                            gone.Take(100);
                            gone.Mark(gone.Take(100), BlockState::kQueued);
                            gone.pool.At(gone.Take(100)).header->queue.store(kPart);
                            gone.Take(200'000);
                            gone.Mark(gone.Take(100'000), BlockState::kQueued);
                            gone.Take(10'000);
                            gone.pool.SetKeepsBlocks(true);
                            gone.Mark(world.left[0], BlockState::kTaken);
                            // Claimed half, as a kill in the middle leaves it.
                            const Stamp stamp = gone.participant->stamp();
                            const uint64_t first = world.segment->units_used();
                            world.segment->header().units_used.store(first + 3);
                            const UnitWord passing{UnitState::kPassing, 0, 3, stamp};
                            const UnitWord tail{UnitState::kTail, 0, 1, {}};
                            world.segment->unit(first).state.store(passing.packed());
                            world.segment->unit(first + 1).state.store(tail.packed());
                            *world.segment->UnitMemory(first + 1) = std::byte{1};
                            kill(getpid(), SIGKILL);
                          }));
                          StepFromHere();
                          me.reaper.Run();
                          StepToHere();
                        },
                        // Another one comes to do the same, and goes on with the arena.
                        [](BlockWorld& world) {
                          world.one.reaper.Run();
                          AllocateAndTrim(world);
                        }};
  KillEverywhere(recover);
  recover.somebody_died = true;
  HaltEverywhere(recover);
}

TEST_MAIN()
