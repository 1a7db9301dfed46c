#pragma once
// A child that does one thing beside others who look at what has become of it: killed, or halted
// and let go on, at every step that matters.

#include <unistd.h>

#include <functional>
#include <memory>
#include <vector>

#include "step_harness.h"

namespace mp::test {

// `World`: everything that the others have. A new one for every step. `Snapshot`: what a death can
// leave in its segment.
template <typename World, typename Snapshot>
struct ScenarioOf {
  using Act = std::function<void(World&)>;

  const char* what;
  Act setup;
  // In the child: everything up to StepFromHere, the operation, StepToHere.
  std::function<void(World&, typename World::Space&)> act;
  // After the death and the reaping; `over` when the operation had been over.
  std::function<void(World&, bool over)> check;
  // While the child stands at StepFromHere.
  Act meanwhile = [](World&) {};
  // When a child that was halted has gone on to its end.
  Act afterwards = [](World&) {};
  // The child looks after somebody dead, or somebody ends who was woken: others may see to that
  // while it is halted.
  bool somebody_died = false;
  // After `check` the halted child goes on by one more step that others can see, and is halted once
  // more.
  Act a_step_later = nullptr;
  // Whenever the child has fallen asleep, which is to be stepped on from there; false: it is to
  // sleep on.
  std::function<bool(World&)> when_asleep = nullptr;

  // One that `ends` does when its act is over.
  Stepped Fork(World& world, bool ends) const {
    return Stepped([this, &world, ends] {
      auto space = world.Join();
      act(world, *space);
      while (!ends) pause();
    });
  }
  // While it stands there.
  void Beside(World& world, Stepped& child) const {
    if (when_asleep) child.WhenAsleep([this, &world] { return when_asleep(world); });
    meanwhile(world);
  }

  // By a child that goes through all of it.
  template <typename PlacesOf>
  std::vector<StepPlace> AllPlaces(PlacesOf places_of) const {
    World world;
    setup(world);
    Stepped child = Fork(world, false);
    Beside(world, child);
    Snapshot snapshot(*world.segment);
    child.StepEffects(1'000'000, [&] { return snapshot.Differs(); });
    child.Kill();
    return places_of(child);
  }

  void KillEverywhere() const {
    const auto places = AllPlaces([](Stepped& child) { return child.PlacesToKill(); });
    AtEachPlace(what, "kill", places, [&](const StepPlace& place) {
      World world;
      setup(world);
      world.Ready();
      Stepped child = Fork(world, false);
      Beside(world, child);
      const StepEnd end = child.RunTo(place);
      child.Kill();
      while (world.reaper->reaper().Run().pending != 0) usleep(200);
      check(world, end == StepEnd::kOver);
      world.CleanedUp();
    });
  }

  // Halted instead of killed: it is not taken for dead, the others are not kept waiting, and in the
  // end its operation succeeds.
  void HaltEverywhere() const {
    const auto places = AllPlaces([](Stepped& child) { return child.PlacesToHalt(); });
    AtEachPlace(what, "halt", places, [&](const StepPlace& place) {
      World world;
      world.waker_lives = true;
      setup(world);
      Stepped child = Fork(world, true);
      Beside(world, child);
      StepEnd end = child.RunTo(place);
      EXPECT(somebody_died || world.reaper->reaper().Run().recovered == 0);
      check(world, end == StepEnd::kOver);
      if (a_step_later && end == StepEnd::kHalted) {
        Snapshot snapshot(*world.segment);
        end = child.StepEffects(1, [&] { return snapshot.Differs(); });
        a_step_later(world);
      }
      child.Continue();
      EXPECT(child.Reap() == 0);
      world.waker_lives = false;
      afterwards(world);
    });
  }
};

}  // namespace mp::test
