// References between processes, the segment of a tree of processes, and what a forked child says.

#include <cerrno>
#include <thread>

#include "shm/tree_segment.h"
#include "shm_support.h"
#include "sync/condition.h"
#include "sync/lock.h"
#include "sync/open_object.h"
#include "sync/rlock.h"

using namespace mp;
using namespace mp::test;

TEST(AReferenceOnItsWayKeepsItsObject) {
  auto segment = SmallSegment();
  auto sender = JoinSpace(segment);
  auto receiver = JoinSpace(segment);
  auto lock = sender->Make<Lock>().value();
  const ObjectRef ref = lock->ref();
  sender->store().Depart(ref);
  sender->store().Depart(ref);
  lock.reset();
  EXPECT(PlacesInUse(*segment) == 1);
  auto arrived = receiver->Open<Lock>(ref);
  REQUIRE(arrived.ok());
  receiver->store().Land(ref);
  arrived.value().reset();
  EXPECT(PlacesInUse(*segment) == 1);
  // The other one is taken back, by somebody who is not attached any more.
  sender->store().Land(ref);
  EXPECT(PlacesInUse(*segment) == 0);
  EXPECT(receiver->Open<Lock>(ref).status().error == ESTALE);
}

TEST(WhatHasNotDepartedCannotLand) {
  auto segment = SmallSegment();
  auto space = JoinSpace(segment);
  auto lock = space->Make<Lock>().value();
  const ObjectRef ref = lock->ref();
  space->store().Land(ref);
  space->store().Land({ref.offset + 1, ref.generation, ref.kind});
  space->store().Land({ref.offset, ref.generation + 1, ref.kind});
  space->store().Depart(ref);
  lock.reset();
  EXPECT(space->Open<Lock>(ref).ok());
  space->store().Land(ref);
  space->store().Land(ref);
  EXPECT(PlacesInUse(*segment) == 0);
  // A place that is used again has no references of the time before.
  auto next = space->Make<Lock>().value();
  EXPECT(next->ref().offset == ref.offset);
  next.reset();
  EXPECT(PlacesInUse(*segment) == 0);
}

// Two that send one object to and fro, each letting go of it as soon as it is sent.
TEST(AnObjectThatIsAlwaysOnItsWay) {
  auto segment = SmallSegment();
  auto space = JoinSpace(segment);
  auto lock = space->Make<Lock>().value();
  const ObjectRef ref = lock->ref();
  std::atomic<int> sent{0};
  space->store().Depart(ref);
  lock.reset();
  std::vector<std::thread> players;
  for (int player = 0; player < 2; player += 1) {
    players.emplace_back([&, player] {
      auto own = JoinSpace(segment);
      for (int turn = player; turn < 4'000; turn += 2) {
        while (sent.load() != turn) std::this_thread::yield();
        auto mine = own->Open<Lock>(ref);
        EXPECT(mine.ok());
        own->store().Land(ref);
        own->store().Depart(ref);
        // The other opens it while this one lets go.
        sent.store(turn + 1);
      }
    });
  }
  for (auto& player : players) player.join();
  EXPECT(PlacesInUse(*segment) == 1);
  space->store().Land(ref);
  EXPECT(PlacesInUse(*segment) == 0);
}

TEST(AnObjectIsOpenedByItsReference) {
  auto segment = SmallSegment();
  auto space = JoinSpace(segment);
  auto other = JoinSpace(segment);
  auto lock = space->Make<RLock>().value();
  auto condition = space->Make<Condition>().value();
  auto opened = OpenObject(other.get(), lock->ref());
  REQUIRE(opened.ok());
  EXPECT(static_cast<RLock&>(*opened.value()).TryAcquire({1, false}) == SyncOutcome::kDone);
  EXPECT(lock->IsLocked());
  EXPECT(OpenObject(other.get(), condition->ref()).ok());
  for (const int kind : {0, 1, 8, 255}) {
    ObjectRef ref = lock->ref();
    ref.kind = static_cast<ObjectKind>(kind);
    EXPECT(OpenObject(other.get(), ref).status().error == EINVAL);
  }
}

TEST(AChildThatHasSettled) {
  auto segment = SmallSegment();
  auto parent = JoinSpace(segment);
  EXPECT(segment->rows_used() == 2);
  int pipe_ends[2];
  REQUIRE(pipe(pipe_ends) == 0);
  const pid_t pid = Start([&] {
    auto own = Participant::Join(segment);
    char go;
    if (read(pipe_ends[0], &go, 1) != 1) _exit(1);
    own.value()->Settle();
    for (;;) pause();
  });
  const auto number = static_cast<uint32_t>(pid);
  Until([&] { return Participant::IsAnyOf(*segment, number); });
  EXPECT(!Participant::HasSettled(*segment, number));
  EXPECT(write(pipe_ends[1], "x", 1) == 1);
  Until([&] { return Participant::HasSettled(*segment, number); });
  KillAndWait(pid);
  EXPECT(!Participant::HasSettled(*segment, number));
  EXPECT(Participant::IsAnyOf(*segment, number));
  ReapAll(*parent);
  EXPECT(!Participant::IsAnyOf(*segment, number));
  EXPECT(segment->rows_used() == 3);
  // Whoever takes the row next has settled nothing.
  auto next = Participant::Join(segment);
  EXPECT(next.value()->stamp().id == 2 && segment->row(2).settled.load() == 0);
}

TEST(LeavingSaysWhatIsLeft) {
  auto segment = SmallSegment();
  auto reaper = JoinSpace(segment);
  auto held = reaper->Make<Lock>().value();
  auto clean = JoinSpace(segment);
  {
    auto lock = clean->Open<Lock>(held->ref());
  }
  EXPECT(clean->participant().Leave());
  auto holds = JoinSpace(segment);
  {
    auto lock = holds->Open<Lock>(held->ref());
    EXPECT(lock.value()->TryAcquire() == SyncOutcome::kDone);
  }
  EXPECT(!holds->participant().Leave());
  EXPECT(reaper->reaper().Run().recovered == 1);
  EXPECT(held->TryAcquire() == SyncOutcome::kAbandoned);
}

TEST(ATreeOfProcessesHasOneSegment) {
  EXPECT(TreeSegment::Existing() == nullptr);
  auto made = TreeSegment::Get();
  REQUIRE(made.ok());
  EXPECT(TreeSegment::Existing() == made.value());
  EXPECT(TreeSegment::Get().value() == made.value());
  EXPECT(TreeSegment::Descriptor().value() == made.value()->fd());
  const uint64_t session = made.value()->header().session[0];
  const pid_t pid = Start([&] {
    TreeSegment::AfterForkInChild();
    if (TreeSegment::Get().value() != made.value()) _exit(1);
  });
  EXPECT(EndedWell(pid));
  EXPECT(session == TreeSegment::Get().value()->header().session[0]);
}

TEST_MAIN()
