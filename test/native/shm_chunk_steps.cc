// Chunks whose memory comes and goes, killed and halted at every step: alone, and while others
// claim, let go, look and attach as if they had found the chunk ready long ago.

#include <map>

#include "chunk_support.h"
#include "sync_step_acts.h"

using namespace mp;
using namespace mp::test;

namespace {

// Of the world's two spaces. The lower of the two chunks is kept, the upper one comes and goes.
std::vector<ObjectRef> of_waiter;
std::vector<ObjectRef> of_reaper;
constexpr uint64_t kUpper = 1;

void Fill(World& world, size_t count) {
  of_waiter.clear();
  of_reaper.clear();
  MakePlaces(*world.waiter, count, &of_waiter);
}
void Empty(World&) {
  of_waiter.clear();
  of_reaper.clear();
}
// The lower one is full and the upper one bare.
void MakeBare(World& world) {
  Fill(world, 5);
  DropPlaces(*world.waiter, &of_waiter);
  EXPECT(WordOf(*world.segment, kUpper).state == ChunkState::kBare);
  Fill(world, 4);
}
void DropAll(World& world) {
  DropPlaces(*world.waiter, &of_waiter);
  DropPlaces(*world.reaper, &of_reaper);
}

// The child's own, of the upper chunk.
void Say(World& world, const ObjectRef& ref) {
  const uint64_t place = ref.offset / sizeof(HugeObject) % PlacesOf(PlaceSize::kHuge);
  world.said->store(static_cast<int>(ref.generation * PlacesOf(PlaceSize::kHuge) + place));
}
bool WasSaid(World& world, const ObjectRef& ref) {
  const auto said = static_cast<uint64_t>(world.said->load());
  const uint64_t place = ref.offset / sizeof(HugeObject) % PlacesOf(PlaceSize::kHuge);
  return ChunkOf(*world.segment, ref) == kUpper && said % PlacesOf(PlaceSize::kHuge) == place &&
         ref.generation <= said / PlacesOf(PlaceSize::kHuge);
}

// In the child.
void ActDropLast(World& world, SyncSpace& space) {
  std::vector<ObjectRef> made;
  MakePlaces(space, 4, &made);
  const ObjectRef last = MakePlace(space);
  Say(world, last);
  DropPlaces(space, &made);
  StepFromHere();
  space.store().Detach(last);
  StepToHere();
}
void ActMake(World& world, SyncSpace& space) {
  StepFromHere();
  const ObjectRef made = MakePlace(space);
  StepToHere();
  if (space.store().Find(made) == nullptr) _exit(1);
  if (ChunkOf(*world.segment, made) == kUpper) Say(world, made);
  space.store().Detach(made);
}
void ActReap(World&, SyncSpace& space) {
  StepFromHere();
  space.reaper().Run();
  StepToHere();
}

// What others do.
void NothingElse(World&) {}
void MakeAndDrop(World& world) {
  std::vector<ObjectRef> made;
  MakePlaces(*world.reaper, 8, &made);
  for (const ObjectRef& ref : made) EXPECT(world.waiter->store().Attach(ref).ok());
  for (const ObjectRef& ref : made) world.waiter->store().Detach(ref);
  DropPlaces(*world.reaper, &made);
}
// What it has claimed is there for everybody.
void ClaimLateAndKeep(World& world) {
  const ObjectRef late = ClaimLate(*world.reaper, kUpper);
  if (late.kind == ObjectKind::kNone) return;
  EXPECT(world.waiter->store().Attach(late).ok());
  world.waiter->store().Detach(late);
  EXPECT(world.reaper->store().Find(late) != nullptr);
  of_reaper.push_back(late);
}
void ClaimLateAndDrop(World& world) {
  ClaimLateAndKeep(world);
  DropPlaces(*world.reaper, &of_reaper);
}
void DropAndMakeAgain(World& world) {
  DropAll(world);
  MakePlaces(*world.reaper, 8, &of_reaper);
}

// How it ends for who is halted: by its death, which the others come before or after, or not.
enum class Way { kKilledFirst, kKilledThen, kGoesOn };

struct Play {
  const char* what;
  std::function<void(World&)> setup;
  std::function<void(World&, SyncSpace&)> act;
  std::function<void(World&)> others = NothingElse;
  bool touches_late = false;  // who looks into what has no memory any more leaves a page behind
  bool somebody_died = false;
  // When the last of the upper chunk goes, the lower one is full: the upper one stays as it is.
  bool may_stay = false;
};

// All is usable, nothing is taken for good, and no reference comes to mean anything again.
void Ends(World& world, const Play& play) {
  for (const auto* const made : {&of_waiter, &of_reaper}) {
    for (const ObjectRef& ref : *made) EXPECT(world.waiter->store().Find(ref) != nullptr);
  }
  // One that was the only empty one stays.
  const auto segment_is_bare = [&](bool touched) {
    int stay = 0;
    for (uint64_t chunk = 1; chunk < world.segment->chunks(); chunk += 1) {
      const ChunkWord word = WordOf(*world.segment, chunk);
      if (word.state == ChunkState::kNone || !word.IsOf(PlaceSize::kHuge)) continue;
      EXPECT(word.state == ChunkState::kBare || word.state == ChunkState::kReady);
      EXPECT(!word.owner);
      stay += word.state == ChunkState::kReady;
      EXPECT(word.state == ChunkState::kReady || touched || !HasMemory(*world.segment, chunk));
    }
    EXPECT(stay <= (play.may_stay ? 1 : 0));
  };
  if (of_waiter.empty() && of_reaper.empty()) segment_is_bare(play.touches_late);
  // Each place goes on from where it was, also before the whole chunk goes.
  for (int i = 0; i < 8 && of_reaper.size() < 8; i += 1) {
    of_waiter.push_back(MakePlace(*world.waiter));
    EXPECT(!WasSaid(world, of_waiter.back()));
    if (ChunkOf(*world.segment, of_waiter.back()) == kUpper) break;
  }
  std::vector<ObjectRef> old = of_reaper;
  DropAll(world);
  EXPECT(PlacesTaken(*world.segment) == 0);
  segment_is_bare(play.touches_late);
  MakePlaces(*world.reaper, 8, &of_reaper);
  for (const ObjectRef& ref : old) EXPECT(world.waiter->store().Attach(ref).error == ESTALE);
  for (const ObjectRef& ref : of_reaper) {
    EXPECT(!WasSaid(world, ref));
    const auto* const object = world.segment->ObjectAt<HugeObject>(ref.offset);
    EXPECT(HasBit(object->object.attached, world.reaper->stamp().id));
    for (const auto& word : object->rest) EXPECT(word.load() == 0);
  }
  DropAll(world);
  segment_is_bare(false);
  world.places = 0;
  world.CleanedUp();
}

void Perform(const Play& play, Way way, const StepPlace& place) {
  World world;
  play.setup(world);
  Stepped child([&] {
    auto space = JoinSpace(world.segment);
    play.act(world, *space);
    if (way != Way::kGoesOn) pause();
  });
  child.RunTo(place);
  if (way == Way::kKilledFirst) child.Kill();
  play.others(world);
  if (way == Way::kKilledThen) child.Kill();
  if (way == Way::kGoesOn) {
    if (!play.somebody_died) EXPECT(world.reaper->reaper().Run().recovered == 0);
    child.Continue();
    EXPECT(child.Reap() == 0);
  }
  ReapAll(*world.reaper);
  Ends(world, play);
}

void PerformEverywhere(const Play& play) {
  const Scenario scenario{play.what, play.setup, play.act, [](World&, bool) {}};
  const auto to_kill = scenario.AllPlaces([](Stepped& child) { return child.PlacesToKill(); });
  const auto to_halt = scenario.AllPlaces([](Stepped& child) { return child.PlacesToHalt(); });
  AtEachPlace(play.what, "kill", to_kill,
              [&](const StepPlace& place) { Perform(play, Way::kKilledFirst, place); });
  AtEachPlace(play.what, "halt, then kill", to_kill,
              [&](const StepPlace& place) { Perform(play, Way::kKilledThen, place); });
  AtEachPlace(play.what, "halt", to_halt,
              [&](const StepPlace& place) { Perform(play, Way::kGoesOn, place); });
}

[[maybe_unused]] const bool kept = [] {
  chunks_to_keep = 1;
  return true;
}();

}  // namespace

TEST(MemoryIsGivenBack) {
  PerformEverywhere({"drop the last of a chunk", Empty, ActDropLast});
  PerformEverywhere({"the same, others make and drop", Empty, ActDropLast, MakeAndDrop});
  PerformEverywhere({"the same, another claims late", Empty, ActDropLast, ClaimLateAndKeep, true});
  PerformEverywhere({"the same, and drops it at once", Empty, ActDropLast, ClaimLateAndDrop, true});
}

TEST(MemoryIsGotAgain) {
  PerformEverywhere(
      {"make an object in a bare chunk", MakeBare, ActMake, NothingElse, false, false, true});
  PerformEverywhere(
      {"the same, others make and drop", MakeBare, ActMake, MakeAndDrop, false, false, true});
  PerformEverywhere(
      {"the same, another claims late", MakeBare, ActMake, ClaimLateAndKeep, true, false, true});
}

// It has found the chunk ready, which goes, and perhaps comes again.
TEST(ClaimsThatComeLate) {
  const auto setup = [](World& world) { Fill(world, 5); };
  PerformEverywhere({"make an object, in a chunk that goes", setup, ActMake, DropAll, true});
  PerformEverywhere({"make an object, in a chunk that goes and comes", setup, ActMake,
                     DropAndMakeAgain, true, false, true});
}

TEST(AttachmentsThatComeLate) {
  const auto setup = [](World& world) { Fill(world, 5); };
  const auto attach = [](World&, SyncSpace& space) {
    const ObjectRef last = of_waiter.back();
    StepFromHere();
    const Status attached = space.store().Attach(last);
    if (attached.ok()) space.store().Detach(last);
    StepToHere();
    if (!attached.ok() && attached.error != ESTALE) _exit(1);
  };
  PerformEverywhere({"attach and detach, in a chunk that goes", setup, attach, DropAll, true});
  PerformEverywhere(
      {"attach and detach, in a chunk that goes and comes", setup, attach, DropAndMakeAgain, true});
}

// The dead left it at every step; who looks after them is killed and halted at every one.
TEST(ChunksOfTheDead) {
  for (const bool clears : {true, false}) {
    const Scenario first{"", clears ? Empty : MakeBare, clears ? ActDropLast : ActMake,
                         [](World&, bool) {}};
    const auto places = first.AllPlaces([](Stepped& child) { return child.PlacesToKill(); });
    std::map<uint64_t, int> seen;
    for (const StepPlace& place : places) {
      const auto setup = [&](World& world) {
        first.setup(world);
        Stepped victim([&] {
          auto space = JoinSpace(world.segment);
          first.act(world, *space);
          pause();
        });
        victim.RunTo(place);
        victim.Kill();
      };
      World world;
      setup(world);
      const ChunkWord word = WordOf(*world.segment, kUpper);
      const bool owned = static_cast<bool>(word.owner);
      if (!owned) continue;
      seen[static_cast<uint64_t>(word.state)] += 1;
      char what[80];
      std::snprintf(what, sizeof what, "reap a death at %d, place %d", static_cast<int>(word.state),
                    seen[static_cast<uint64_t>(word.state)]);
      PerformEverywhere({what, setup, ActReap, ClaimLateAndKeep, true, true, !clears});
    }
    EXPECT(seen.size() == 2);
  }
}

TEST_MAIN()
