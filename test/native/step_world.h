#pragma once
// Killed after every machine instruction of every operation, from every start that matters: the
// survivors go on, nothing is held by the dead, no wake-up is lost and nothing leaks. The first
// participant of each world waits; the second one looks after the dead, so that a wake-up which
// nobody sends stays lost.

#include <cstring>

#include "shm/bitmap.h"
#include "shm/chunk_word.h"
#include "shm_support.h"
#include "step_scenario.h"
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

  using Space = SyncSpace;
  std::unique_ptr<Space> Join() { return JoinSpace(segment); }
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

using Scenario = ScenarioOf<World, Snapshot>;

inline void Nothing(World&) {}

inline void KillEverywhere(const Scenario& scenario) {
  scenario.KillEverywhere();
}
inline void HaltEverywhere(const Scenario& scenario) {
  scenario.HaltEverywhere();
}

}  // namespace mp::test
