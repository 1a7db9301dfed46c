#pragma once
// Killed after every machine instruction of every operation, from every start that matters: the
// survivors go on, nothing is held by the dead, no wake-up is lost and nothing leaks. The first
// participant of each world waits; the second one looks after the dead, so that a wake-up which
// nobody sends stays lost.

#include <cstring>
#include <functional>

#include "shm/bitmap.h"
#include "shm/chunk_word.h"
#include "shm_support.h"
#include "step_harness.h"
#include "sync/barrier.h"
#include "sync/bounded_semaphore.h"
#include "sync/condition.h"
#include "sync/event.h"
#include "sync/lock.h"
#include "sync/semaphore.h"

namespace mp::test {

inline LockRequest Taking() {
  LockRequest request;
  request.take_abandoned = true;
  return request;
}

inline int64_t PlacesTaken(const Segment& segment) {
  int64_t taken = 0;
  for (uint64_t chunk = 0; chunk < segment.chunks(); chunk += 1) {
    const auto word = ChunkWord::Unpack(segment.chunk(chunk).state.load());
    if (!word.HasPlaces()) continue;
    for (uint64_t place = 0; place < PlacesOf(word.size); place += 1) {
      const uint64_t offset =
          segment.chunks_offset() + chunk * kChunkSize + place * BytesOf(word.size);
      const uint64_t header = segment.ObjectAt<SharedObject>(offset)->header.load();
      taken += ObjectHeader::Unpack(header).state != ObjectState::kFree;
    }
  }
  return taken;
}

struct World {
  std::shared_ptr<Segment> segment = SmallSegment(8, 4);
  std::unique_ptr<SyncSpace> waiter = JoinSpace(segment);
  std::unique_ptr<SyncSpace> reaper = JoinSpace(segment);
  std::shared_ptr<Lock> lock;
  std::shared_ptr<Semaphore> semaphore;
  std::shared_ptr<BoundedSemaphore> bounded;
  std::shared_ptr<Condition> condition;
  std::shared_ptr<Event> event;
  std::shared_ptr<Barrier> barrier;
  AsyncWaiter waiting;
  // Of a second one that waits, which is the reaper: its object and its wait.
  std::shared_ptr<SyncObject> other;
  AsyncWaiter also_waiting;
  SharedNumber said;  // by the child
  int64_t places = 0;
  bool waker_lives = false;  // halted between giving and ringing, it will still ring
  bool rung = false;         // whether that was so when it was asked last

  void Ready() { places = PlacesTaken(*segment); }

  // The waiter sleeps in its event loop from here on.
  void Sleep() { SleepIn(*waiter); }
  static void SleepIn(SyncSpace& space) {
    space.participant().Doorbell();
    space.participant().ArmDoorbell();
    std::vector<AsyncWaiter*> done;
    EXPECT(!space.Serve(&done));
  }
  // What the waiter finds when it is woken; it must have been if there is anything.
  SyncOutcome Woken() { return WokenIn(*waiter); }
  SyncOutcome AlsoWoken() { return WokenIn(*reaper); }
  SyncOutcome WokenIn(SyncSpace& space) {
    rung = space.participant().DisarmDoorbell();
    std::vector<AsyncWaiter*> done;
    const bool served = space.Serve(&done);
    EXPECT(!served || rung || waker_lives);
    return served ? done[0]->outcome : SyncOutcome::kPending;
  }
  void CleanedUp() {
    EXPECT(ReapAll(*reaper) <= 1);
    EXPECT(PlacesTaken(*segment) == places);
    EXPECT(segment->header().lease.load() == 0);
    for (uint32_t id = 3; id < segment->participants(); id += 1) {
      EXPECT(Identity::Unpack(segment->row(id).identity.load()).state == RowState::kFree);
      EXPECT(segment->row(id).announced.load() == 0);
    }
  }
};

inline void Nothing(World&) {}

struct Scenario {
  const char* what;
  std::function<void(World&)> setup;
  // In the child: everything up to StepFromHere, the operation, StepToHere.
  std::function<void(World&, SyncSpace&)> act;
  // After the death and the reaping; `over` when the operation had been over.
  std::function<void(World&, bool over)> check;
  // While the child stands at StepFromHere.
  std::function<void(World&)> meanwhile = Nothing;
  // When a child that was halted has gone on to its end.
  std::function<void(World&)> afterwards = Nothing;
  // The child looks after somebody dead, or somebody ends who was woken: others may see to that
  // while it is halted.
  bool somebody_died = false;
  // After `check` the halted child goes on by one more step that others can see, and is halted once
  // more.
  std::function<void(World&)> a_step_later = nullptr;
};

// What a death can leave in the segment: header, rows, chunk table and the first places of each
// chunk.
class Snapshot {
 public:
  explicit Snapshot(const Segment& segment) : segment_(segment) { Differs(); }

  // From the last time.
  bool Differs() {
    bool differs = Take(0, &segment_.header(), sizeof(SegmentHeader));
    size_t at = sizeof(SegmentHeader);
    const size_t rows = segment_.participants() * sizeof(ParticipantRow);
    differs |= Take(at, &segment_.row(0), rows);
    at += rows;
    differs |= Take(at, &segment_.chunk(0), segment_.chunks() * sizeof(ChunkEntry));
    at += segment_.chunks() * sizeof(ChunkEntry);
    for (uint64_t chunk = 0; chunk < segment_.chunks(); chunk += 1) {
      // A look takes memory where there is none.
      if (!ChunkWord::Unpack(segment_.chunk(chunk).state.load()).HasPlaces()) continue;
      const uint64_t offset = segment_.chunks_offset() + chunk * kChunkSize;
      differs |= Take(at, segment_.ObjectAt<LargeObject>(offset), kLooked);
      at += kLooked;
    }
    return differs;
  }

 private:
  static constexpr size_t kLooked = 32 * sizeof(SharedObject) + sizeof(LargeObject);

  bool Take(size_t at, const void* from, size_t length) {
    if (copy_.size() < at + length) copy_.resize(at + length);
    if (std::memcmp(&copy_[at], from, length) == 0) return false;
    std::memcpy(&copy_[at], from, length);
    return true;
  }

  const Segment& segment_;
  std::vector<unsigned char> copy_;
};

// By a child that goes through all of it.
template <typename PlacesOf>
std::vector<StepPlace> AllPlaces(const Scenario& scenario, PlacesOf places_of) {
  World world;
  scenario.setup(world);
  Stepped child([&] {
    auto space = JoinSpace(world.segment);
    scenario.act(world, *space);
    for (;;) pause();
  });
  scenario.meanwhile(world);
  Snapshot snapshot(*world.segment);
  child.StepEffects(1'000'000, [&] { return snapshot.Differs(); });
  child.Kill();
  return places_of(child);
}

inline void KillEverywhere(const Scenario& scenario) {
  const auto places = AllPlaces(scenario, [](Stepped& child) { return child.PlacesToKill(); });
  AtEachPlace(scenario.what, "kill", places, [&](const StepPlace& place) {
    World world;
    scenario.setup(world);
    world.Ready();
    Stepped child([&] {
      auto space = JoinSpace(world.segment);
      scenario.act(world, *space);
      for (;;) pause();
    });
    scenario.meanwhile(world);
    const StepEnd end = child.RunTo(place);
    child.Kill();
    ReapAll(*world.reaper);
    scenario.check(world, end == StepEnd::kOver);
    world.CleanedUp();
  });
}

// Halted instead of killed: it is not taken for dead, the others are not kept waiting, and in the
// end its operation succeeds.
inline void HaltEverywhere(const Scenario& scenario) {
  const auto places = AllPlaces(scenario, [](Stepped& child) { return child.PlacesToHalt(); });
  AtEachPlace(scenario.what, "halt", places, [&](const StepPlace& place) {
    World world;
    world.waker_lives = true;
    scenario.setup(world);
    Stepped child([&] {
      auto space = JoinSpace(world.segment);
      scenario.act(world, *space);
    });
    scenario.meanwhile(world);
    StepEnd end = child.RunTo(place);
    EXPECT(scenario.somebody_died || world.reaper->reaper().Run().recovered == 0);
    scenario.check(world, end == StepEnd::kOver);
    if (scenario.a_step_later && end == StepEnd::kHalted) {
      Snapshot snapshot(*world.segment);
      end = child.StepEffects(1, [&] { return snapshot.Differs(); });
      scenario.a_step_later(world);
    }
    child.Continue();
    EXPECT(child.Reap() == 0);
    world.waker_lives = false;
    scenario.afterwards(world);
  });
}

}  // namespace mp::test
