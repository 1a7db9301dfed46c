#pragma once
// The arena, killed and halted at every step: everything of the dead is recovered, and when all
// blocks are freed and everybody has trimmed, every unit is free.

#include <functional>

#include "block_support.h"
#include "step_harness.h"

namespace mp::test {

constexpr uint64_t kUnits = 24;

struct BlockWorld {
  explicit BlockWorld(uint64_t units) : segment(SmallSegment(6, 1, units)) {}

  std::shared_ptr<Segment> segment;
  Member one{segment};
  std::vector<BlockRef> left;  // queued, by nobody that is still there
};

struct BlockScenario {
  const char* what;
  std::function<void(BlockWorld&)> setup;
  // In the child, as Member `me`: StepFromHere, the operation, StepToHere.
  std::function<void(BlockWorld&, Member& me)> act;
  // While it is halted at any step: others go on.
  std::function<void(BlockWorld&)> meanwhile = [](BlockWorld&) {};
  uint64_t units = kUnits;
  // When a child that was halted has gone on to its end.
  std::function<void(BlockWorld&)> afterwards = [](BlockWorld&) {};
  // The child looks after somebody dead: others may come to do so while it is halted.
  bool somebody_died = false;
};

// Header, rows, table and the states of blocks.
class BlockSnapshot {
 public:
  explicit BlockSnapshot(const Segment& segment) : segment_(segment) { Differs(); }
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
inline void NothingIsLost(BlockWorld& world) {
  const Segment& segment = *world.segment;
  world.one.Reap();
  for (uint32_t id = 2; id < segment.participants(); id += 1) {
    EXPECT(Identity::Unpack(segment.row(id).identity.load()).state == RowState::kFree);
    EXPECT(segment.row(id).uses.load() == 0);
  }
  EXPECT(segment.header().lease.load() == 0);
  uint64_t units_of_one = 0;
  for (uint64_t at = 1; at < segment.units_used(); at += 1) {
    const auto word = UnitWord::Unpack(segment.unit(at).state.load());
    EXPECT(word.state != UnitState::kPassing);
    EXPECT(!word.owner || word.owner == world.one.participant->stamp());
    if (word.owner) units_of_one += word.count;
  }
  // What it takes for its own nobody else does.
  EXPECT(units_of_one == world.one.pool.UnitsHeld());
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

inline Stepped StartStepped(BlockWorld& world, const BlockScenario& scenario, bool ends) {
  return Stepped([&, ends] {
    Member me(world.segment);
    scenario.act(world, me);
    while (!ends) pause();
  });
}

// By a child that goes through all of it.
template <typename PlacesOf>
std::vector<StepPlace> AllPlaces(const BlockScenario& scenario, PlacesOf places_of) {
  BlockWorld world(scenario.units);
  scenario.setup(world);
  Stepped child = StartStepped(world, scenario, false);
  BlockSnapshot snapshot(*world.segment);
  child.StepEffects(1'000'000, [&] { return snapshot.Differs(); });
  child.Kill();
  return places_of(child);
}

inline void KillEverywhere(const BlockScenario& scenario) {
  const auto places = AllPlaces(scenario, [](Stepped& child) { return child.PlacesToKill(); });
  AtEachPlace(scenario.what, "kill", places, [&](const StepPlace& place) {
    BlockWorld world(scenario.units);
    scenario.setup(world);
    Stepped child = StartStepped(world, scenario, false);
    child.RunTo(place);
    child.Kill();
    NothingIsLost(world);
  });
}

// Halted before and after every step that others can see: they go on, and it does afterwards.
inline void HaltEverywhere(const BlockScenario& scenario) {
  const auto places = AllPlaces(scenario, [](Stepped& child) { return child.PlacesToHalt(); });
  AtEachPlace(scenario.what, "halt", places, [&](const StepPlace& place) {
    BlockWorld world(scenario.units);
    scenario.setup(world);
    Stepped child = StartStepped(world, scenario, true);
    child.RunTo(place);
    EXPECT(scenario.somebody_died || world.one.reaper.Run().recovered == 0);
    scenario.meanwhile(world);
    child.Continue();
    EXPECT(child.Reap() == 0);
    scenario.afterwards(world);
    NothingIsLost(world);
  });
}

}  // namespace mp::test
