// The arena, killed and halted at every step: everything of the dead is recovered, and when all
// blocks are freed and everybody has trimmed, every unit is free.

#include <cerrno>
#include <functional>

#include "block_support.h"
#include "step_harness.h"

using namespace mp;
using namespace mp::test;

namespace {

constexpr uint64_t kUnits = 24;

struct World {
  explicit World(uint64_t units) : segment(SmallSegment(6, 1, units)) {}

  std::shared_ptr<Segment> segment;
  Member one{segment};
  std::vector<BlockRef> left;  // queued, by nobody that is still there
};

struct Scenario {
  const char* what;
  std::function<void(World&)> setup;
  // In the child, as Member `me`: StepFromHere, the operation, StepToHere.
  std::function<void(World&, Member& me)> act;
  // While it is halted at any step: others go on.
  std::function<void(World&)> meanwhile = [](World&) {};
  uint64_t units = kUnits;
};

// Header, rows, table and the states of blocks.
class Snapshot {
 public:
  explicit Snapshot(const Segment& segment) : segment_(segment) { Differs(); }
  bool Differs() {
    std::vector<uint64_t> now;
    Take(&now, &segment_.header(), sizeof(SegmentHeader));
    Take(&now, &segment_.row(0), segment_.participants() * sizeof(ParticipantRow));
    Take(&now, &segment_.unit(0), segment_.units() * sizeof(UnitEntry));
    for (uint64_t at = 1; at < segment_.units_used(); at += 1) {
      const auto word = UnitWord::Unpack(segment_.unit(at).state.load());
      const Span span = SpanOf(segment_, at, word);
      for (uint32_t index = 0; index < span.blocks; index += 1) {
        now.push_back(HeaderIn(segment_, span, index).state.load());
      }
    }
    const bool differs = now != last_;
    last_ = std::move(now);
    return differs;
  }

 private:
  static void Take(std::vector<uint64_t>* into, const void* from, size_t length) {
    const auto* const words = static_cast<const uint64_t*>(from);
    into->insert(into->end(), words, words + length / sizeof(uint64_t));
  }
  const Segment& segment_;
  std::vector<uint64_t> last_;
};

// Nothing of anybody but participant 1, whose pool is asked to give back what it can.
void NothingIsLost(World& world) {
  const Segment& segment = *world.segment;
  world.one.Reap();
  for (uint32_t id = 2; id < segment.participants(); id += 1) {
    EXPECT(Identity::Unpack(segment.row(id).identity.load()).state == RowState::kFree);
    EXPECT(segment.row(id).uses.load() == 0);
  }
  EXPECT(segment.header().lease.load() == 0);
  for (uint64_t at = 1; at < segment.units_used(); at += 1) {
    const auto word = UnitWord::Unpack(segment.unit(at).state.load());
    EXPECT(word.state != UnitState::kPassing);
    EXPECT(!word.owner || word.owner == world.one.participant->stamp());
  }
  BlockPool::ForEachBlock(segment, [&](BlockRef, const Block& block, uint64_t seen) {
    const Stamp owner = OwnerOf(seen);
    EXPECT(StateOf(seen) == BlockState::kQueued || StateOf(seen) == BlockState::kAttached ||
           owner == world.one.participant->stamp());
    EXPECT(BlockPool::Free(block, seen));
  });
  // Usable before it is given back, and after.
  for (int round = 0; round < 2; round += 1) {
    for (const uint64_t size : {100, 20'000, 100'000}) {
      const BlockRef ref = world.one.Take(size);
      EXPECT(world.one.Free(ref));
    }
    world.one.pool.Trim();
    EXPECT(UnitsTaken(segment) == 0);
    EXPECT(world.one.pool.UnitsHeld() == 0);
  }
  EXPECT(FreeUnitsAreZeros(segment));
}

Stepped StartStepped(World& world, const Scenario& scenario, bool ends) {
  return Stepped([&, ends] {
    Member me(world.segment);
    scenario.act(world, me);
    while (!ends) pause();
  });
}

// By a child that goes through all of it.
template <typename PlacesOf>
std::vector<StepPlace> AllPlaces(const Scenario& scenario, PlacesOf places_of) {
  World world(scenario.units);
  scenario.setup(world);
  Stepped child = StartStepped(world, scenario, false);
  Snapshot snapshot(*world.segment);
  child.StepEffects(1'000'000, [&] { return snapshot.Differs(); });
  child.Kill();
  return places_of(child);
}

void KillEverywhere(const Scenario& scenario) {
  const auto places = AllPlaces(scenario, [](Stepped& child) { return child.PlacesToKill(); });
  for (size_t i = 0; i < places.size(); i += 1) {
    World world(scenario.units);
    scenario.setup(world);
    Stepped child = StartStepped(world, scenario, false);
    child.RunTo(places[i]);
    child.Kill();
    const int before = failures_in_case;
    NothingIsLost(world);
    if (failures_in_case == before) continue;
    std::fprintf(stderr, "%s, killed at place %zu of %zu\n", scenario.what, i, places.size());
    return;
  }
  std::printf("       %s: %zu kills\n", scenario.what, places.size());
  std::fflush(stdout);
}

// Halted before and after every step that others can see: they go on, and it does afterwards.
void HaltEverywhere(const Scenario& scenario) {
  const auto places = AllPlaces(scenario, [](Stepped& child) { return child.PlacesToHalt(); });
  for (size_t i = 0; i < places.size(); i += 1) {
    World world(scenario.units);
    scenario.setup(world);
    Stepped child = StartStepped(world, scenario, true);
    child.RunTo(places[i]);
    const int before = failures_in_case;
    EXPECT(world.one.reaper.Run().recovered == 0);
    scenario.meanwhile(world);
    child.Continue();
    EXPECT(child.Reap() == 0);
    NothingIsLost(world);
    if (failures_in_case == before) continue;
    std::fprintf(stderr, "%s, halted at place %zu of %zu\n", scenario.what, i, places.size());
    return;
  }
  std::printf("       %s: %zu halts\n", scenario.what, places.size());
  std::fflush(stdout);
}

void Nothing(World&) {}

// A span of each kind without an owner, each with one message in it.
void SomebodyHasLeft(World& world) {
  Member gone(world.segment);
  for (const uint64_t size : {100, 20'000, 100'000}) {
    gone.Take(size);
    world.left.push_back(gone.Take(size));
    gone.Mark(world.left.back(), BlockState::kQueued);
  }
}
void TheirMessagesAreRead(World& world) {
  SomebodyHasLeft(world);
  for (const BlockRef ref : world.left) EXPECT(world.one.Free(ref));
}

// Allocates, in the middle of the child's operation.
void AllocateAndTrim(World& world) {
  for (const uint64_t size : {100, 20'000, 200'000}) {
    auto ref = world.one.pool.Allocate(size);
    EXPECT(ref.ok() || ref.status().error == ENOSPC);
    if (ref.ok()) EXPECT(world.one.Free(ref.value()));
  }
  world.one.pool.Trim();
}

Scenario Allocating(const char* what, uint64_t size) {
  return {what, Nothing,
          [size](World&, Member& me) {
            StepFromHere();
            auto ref = me.pool.Allocate(size);
            StepToHere();
            if (!ref.ok()) _exit(1);
          },
          AllocateAndTrim};
}

}  // namespace

TEST(Allocate) {
  KillEverywhere({"allocate from a slab", Nothing, [](World&, Member& me) {
                    me.Take(100);
                    StepFromHere();
                    auto ref = me.pool.Allocate(100);
                    StepToHere();
                    if (!ref.ok()) _exit(1);
                  }});
  for (const auto& scenario :
       {Allocating("a new slab", 100), Allocating("a new slab of four units", 20'000),
        Allocating("a run", 250'000)}) {
    KillEverywhere(scenario);
    HaltEverywhere(scenario);
  }
}

TEST(AllocateAmongOrphans) {
  Scenario scenario = Allocating("adopt a slab", 100);
  scenario.setup = SomebodyHasLeft;
  KillEverywhere(scenario);
  HaltEverywhere(scenario);
  scenario = Allocating("adopt runs, take a new one", 100'000);
  scenario.setup = SomebodyHasLeft;
  KillEverywhere(scenario);
  // The full arena makes it trim.
  scenario = Allocating("a run, in place of what is free", 1'100'000);
  scenario.setup = TheirMessagesAreRead;
  KillEverywhere(scenario);
}

TEST(Free) {
  KillEverywhere({"free another's block",
                  [](World& world) {
                    world.left.push_back(world.one.Take(100));
                    world.one.Mark(world.left.back(), BlockState::kQueued);
                  },
                  [](World& world, Member& me) {
                    StepFromHere();
                    me.Free(world.left[0]);
                    StepToHere();
                  }});
}

TEST(GiveBack) {
  const Scenario scenario{"trim, own and orphans", TheirMessagesAreRead,
                          [](World&, Member& me) {
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
  KillEverywhere({"release", SomebodyHasLeft, [](World&, Member& me) {
                    me.Take(100);
                    me.Mark(me.Take(100), BlockState::kQueued);
                    me.Take(100'000);
                    me.Mark(me.Take(10'000), BlockState::kQueued);
                    StepFromHere();
                    me.pool.Release();
                    StepToHere();
                  }});
}

// The first to die leaves a bit of everything; the second is stepped through looking after it.
TEST(Recover) {
  KillEverywhere({"recover",
                  [](World& world) {
                    world.left.push_back(world.one.Take(500));
                    world.one.Mark(world.left.back(), BlockState::kQueued);
                  },
                  [](World& world, Member& me) {
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
                  }});
}

TEST_MAIN()
