#pragma once
// Killed after every machine instruction of every operation, from every start that matters: the
// survivors go on, nothing is held by the dead, no wake-up is lost and nothing leaks. The first
// participant of each world waits; the second one looks after the dead, so that a wake-up which
// nobody sends stays lost.

#include <cstring>
#include <functional>

#include "shm/bitmap.h"
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
    const uint64_t state = segment.chunk(chunk).state.load();
    if ((state & 0xff) != 2) continue;
    const uint64_t bytes = (state >> 8 & 0xff) == 2 ? sizeof(LargeObject) : sizeof(SharedObject);
    for (uint64_t place = 0; place < kChunkSize / bytes; place += 1) {
      const uint64_t offset = segment.chunks_offset() + chunk * kChunkSize + place * bytes;
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
  int64_t places = 0;
  bool waker_lives = false;  // halted between giving and ringing, it will still ring

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
  SyncOutcome WokenIn(SyncSpace& space) const {
    const bool rung = space.participant().DisarmDoorbell();
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
      if ((segment_.chunk(chunk).state.load() & 0xff) == 0) continue;
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

inline void KillEverywhere(const Scenario& scenario) {
  int kills = 0;
  int instructions = 0;
  for (StepEnd end = StepEnd::kHalted; end == StepEnd::kHalted; kills += 1) {
    World world;
    scenario.setup(world);
    world.Ready();
    Stepped child([&] {
      auto space = JoinSpace(world.segment);
      scenario.act(world, *space);
      for (;;) pause();
    });
    scenario.meanwhile(world);
    Snapshot snapshot(*world.segment);
    end = child.StepEffects(kills, [&] { return snapshot.Differs(); });
    instructions = child.instructions();
    child.Kill();
    const int before = failures_in_case;
    ReapAll(*world.reaper);
    scenario.check(world, end == StepEnd::kOver);
    world.CleanedUp();
    if (failures_in_case == before) continue;
    std::fprintf(stderr, "%s, killed after instruction %d, effect %d\n", scenario.what,
                 instructions, kills);
    return;
  }
  std::printf("       %s: %d instructions, %d kills\n", scenario.what, instructions, kills);
  std::fflush(stdout);
}

// Before and after every instruction that others can see.
inline std::vector<int> PlacesToHalt(const Scenario& scenario) {
  World world;
  scenario.setup(world);
  Stepped child([&] {
    auto space = JoinSpace(world.segment);
    scenario.act(world, *space);
  });
  scenario.meanwhile(world);
  Snapshot snapshot(*world.segment);
  child.StepEffects(1'000'000, [&] { return snapshot.Differs(); });
  child.Kill();
  std::vector<int> places = {0};
  for (const int at : child.effects_at()) {
    places.push_back(at - 1);
    places.push_back(at);
  }
  return places;
}

// Halted instead of killed: it is not taken for dead, the others are not kept waiting, and in the
// end its operation succeeds.
inline void HaltEverywhere(const Scenario& scenario) {
  const std::vector<int> places = PlacesToHalt(scenario);
  for (const int instructions : places) {
    World world;
    world.waker_lives = true;
    scenario.setup(world);
    Stepped child([&] {
      auto space = JoinSpace(world.segment);
      scenario.act(world, *space);
    });
    scenario.meanwhile(world);
    const StepEnd end = child.Step(instructions);
    const int before = failures_in_case;
    EXPECT(scenario.somebody_died || world.reaper->reaper().Run().recovered == 0);
    scenario.check(world, end == StepEnd::kOver);
    if (end != StepEnd::kSleeps) child.Continue();
    EXPECT(child.Reap() == 0);
    world.waker_lives = false;
    scenario.afterwards(world);
    if (failures_in_case == before) continue;
    std::fprintf(stderr, "%s, halted after %d instructions\n", scenario.what, instructions);
    return;
  }
  std::printf("       %s: %zu halts\n", scenario.what, places.size());
  std::fflush(stdout);
}

template <typename T>
std::shared_ptr<T> Opened(SyncSpace& space, const std::shared_ptr<T>& theirs) {
  auto own = space.Open<T>(theirs->ref());
  if (!own.ok()) _exit(97);
  return own.value();
}

inline bool IsAsleep(const World& world, uint32_t id) {
  return WakeStateOf(world.segment->row(id).wake.load()) == WakeState::kAsleep;
}

// Another process that waits, asleep. `wait` returns the exit code.
template <typename Wait>
pid_t StartSleeper(World& world, uint32_t id, Wait wait) {
  const pid_t pid = Start([&] {
    auto space = JoinSpace(world.segment);
    _exit(wait(*space));
  });
  Until([&] { return IsAsleep(world, id); });
  return pid;
}
inline int CodeOf(pid_t pid) {
  return WEXITSTATUS(WaitStatus(pid));
}

inline void MakeLock(World& world) {
  world.lock = world.waiter->Make<Lock>().value();
}
inline void MakeHeldLock(World& world) {
  MakeLock(world);
  world.lock->TryAcquire();
}
inline void LockIsUsable(World& world) {
  const SyncOutcome outcome = world.lock->AcquireSync(kNever, Taking());
  EXPECT(outcome == SyncOutcome::kDone || outcome == SyncOutcome::kDoneAbandoned);
  EXPECT(world.lock->Release().ok());
  EXPECT(!world.lock->IsLocked());
}

// Whoever waits has it: from a child that had it, or had let go of it before it was killed.
inline void GotOrAbandoned(World& world, bool over) {
  const SyncOutcome outcome = world.Woken();
  EXPECT(outcome == SyncOutcome::kAbandoned || (outcome == SyncOutcome::kDone && !over));
  if (outcome == SyncOutcome::kDone) EXPECT(world.lock->Release().ok());
  LockIsUsable(world);
}
inline void WaitForLock(World& world) {
  world.lock->AcquireAsync(&world.waiting);
  world.Sleep();
}
// The sleeping waiter was given the lock, or told that its holder died.
inline void LockReachedTheWaiter(World& world, bool over) {
  const SyncOutcome outcome = world.Woken();
  EXPECT(outcome == SyncOutcome::kDone || (outcome == SyncOutcome::kAbandoned && !over));
  if (outcome == SyncOutcome::kDone) EXPECT(world.lock->Release().ok());
  LockIsUsable(world);
}
// The waiter and the reaper both wait for an object of the waiter's, asleep.
template <typename Object, typename Wait>
void BothWait(World& world, const std::shared_ptr<Object>& object, Wait wait) {
  auto theirs = Opened(*world.reaper, object);
  wait(*object, &world.waiting);
  wait(*theirs, &world.also_waiting);
  world.other = theirs;
  world.Sleep();
  World::SleepIn(*world.reaper);
}
// A waiter that was given what it waits for goes on with it, or gives it up.
template <typename Object>
void StepOutOfWait(SyncSpace& space, Object& object, AsyncWaiter* waiter, bool cancels) {
  StepFromHere();
  std::vector<AsyncWaiter*> done;
  if (cancels) {
    object.Cancel(waiter);
  } else {
    space.Serve(&done);
  }
  StepToHere();
}
inline void ActAcquire(World& world, SyncSpace& space) {
  auto lock = Opened(space, world.lock);
  StepFromHere();
  if (lock->AcquireSync(kNever) != SyncOutcome::kDone) _exit(1);
  StepToHere();
}
inline void ActRelease(World& world, SyncSpace& space) {
  auto lock = Opened(space, world.lock);
  lock->AcquireSync(kNever);
  StepFromHere();
  if (!lock->Release().ok()) _exit(1);
  StepToHere();
}

}  // namespace mp::test
