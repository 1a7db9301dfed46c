// References that leave and arrive, killed and halted at every step.

#include "sync_step_acts.h"

using namespace mp;
using namespace mp::test;

namespace {

// The one object, and nobody but the child is attached when the operation begins.
ObjectRef ref;

void MakeOne(World& world) {
  MakeLock(world);
  ref = world.lock->ref();
}
void LetGo(World& world) {
  world.lock.reset();
}
void SendAndLetGo(World& world) {
  MakeOne(world);
  world.waiter->store().Depart(ref);
  world.lock.reset();
}

uint64_t Travelling(const World& world) {
  return ObjectStore::Travelling(*world.segment->ObjectAt<SharedObject>(ref.offset));
}

// It either travels still, and is there, or has gone without a trace.
void TravelsOrIsGone(World& world, bool) {
  const bool lives = world.reaper->store().Find(ref) != nullptr;
  if (lives) {
    EXPECT(Travelling(world) == 1);
    EXPECT(world.reaper->Open<Lock>(ref).ok());
    world.reaper->store().Land(ref);
  }
  EXPECT(world.reaper->store().Find(ref) == nullptr);
  world.places -= 1;
}

}  // namespace

TEST(ReferencesAreSent) {
  KillEverywhere({"send a reference and let go", MakeOne,
                  [](World&, SyncSpace& space) {
                    auto lock = space.Open<Lock>(ref).value();
                    StepFromHere();
                    space.store().Depart(ref);
                    lock.reset();
                    StepToHere();
                    for (;;) pause();
                  },
                  TravelsOrIsGone, LetGo});
}

TEST(ReferencesAreReceived) {
  KillEverywhere({"receive a reference", SendAndLetGo,
                  [](World&, SyncSpace& space) {
                    StepFromHere();
                    auto lock = space.Open<Lock>(ref);
                    space.store().Land(ref);
                    StepToHere();
                    for (;;) pause();
                  },
                  TravelsOrIsGone});
  KillEverywhere({"take a reference back", SendAndLetGo,
                  [](World&, SyncSpace& space) {
                    StepFromHere();
                    space.store().Land(ref);
                    StepToHere();
                    for (;;) pause();
                  },
                  TravelsOrIsGone});
}

// The object is there all the time: with the child, or on its way.
TEST(ReferencesHalted) {
  const auto there = [](World& world, bool) {
    auto opened = world.reaper->Open<Lock>(ref);
    if (!EXPECT(opened.ok())) return;
    EXPECT(opened.value()->TryAcquire() == SyncOutcome::kDone);
    EXPECT(opened.value()->Release().ok());
  };
  HaltEverywhere({"send a reference and let go", MakeOne,
                  [](World&, SyncSpace& space) {
                    auto lock = space.Open<Lock>(ref).value();
                    StepFromHere();
                    space.store().Depart(ref);
                    lock.reset();
                    StepToHere();
                  },
                  there, LetGo,
                  [](World& world) {
                    EXPECT(Travelling(world) == 1);
                    world.reaper->store().Land(ref);
                    EXPECT(PlacesTaken(*world.segment) == 0);
                  }});
  // Another reference goes from hand to hand meanwhile.
  HaltEverywhere({"receive a reference", SendAndLetGo,
                  [](World&, SyncSpace& space) {
                    StepFromHere();
                    auto lock = space.Open<Lock>(ref);
                    if (!lock.ok()) _exit(1);
                    space.store().Land(ref);
                    StepToHere();
                    if (lock.value()->TryAcquire() != SyncOutcome::kDone) _exit(2);
                    if (!lock.value()->Release().ok()) _exit(3);
                  },
                  [=](World& world, bool over) {
                    there(world, over);
                    auto theirs = world.reaper->Open<Lock>(ref);
                    world.reaper->store().Depart(ref);
                    theirs.value().reset();
                    EXPECT(Travelling(world) >= 1);
                    world.reaper->store().Land(ref);
                  },
                  Nothing, [](World& world) { EXPECT(PlacesTaken(*world.segment) == 0); }});
  HaltEverywhere({"take a reference back", SendAndLetGo,
                  [](World&, SyncSpace& space) {
                    StepFromHere();
                    space.store().Land(ref);
                    StepToHere();
                  },
                  [](World& world, bool) {
                    // Gone, or not yet.
                    auto opened = world.reaper->Open<Lock>(ref);
                    if (opened.ok()) EXPECT(opened.value()->TryAcquire() == SyncOutcome::kDone);
                    if (opened.ok()) EXPECT(opened.value()->Release().ok());
                  },
                  Nothing, [](World& world) { EXPECT(PlacesTaken(*world.segment) == 0); }});
}

// The child lets go, and looks whether anybody has the object, while it goes from hand to hand.
TEST(WhoLooksWhetherItIsUnused) {
  HaltEverywhere({"let go while the object travels", MakeOne,
                  [](World&, SyncSpace& space) {
                    auto lock = space.Open<Lock>(ref).value();
                    StepFromHere();
                    lock.reset();
                    StepToHere();
                  },
                  [](World& world, bool) {
                    for (int hop = 0; hop < 3; hop += 1) {
                      world.waiter->store().Depart(ref);
                      world.lock.reset();
                      auto theirs = world.reaper->Open<Lock>(ref);
                      EXPECT(theirs.ok());
                      world.reaper->store().Land(ref);
                      world.reaper->store().Depart(ref);
                      theirs.value().reset();
                      auto back = world.waiter->Open<Lock>(ref);
                      EXPECT(back.ok());
                      world.waiter->store().Land(ref);
                      world.lock = back.value();
                    }
                    EXPECT(world.lock->TryAcquire() == SyncOutcome::kDone);
                  }});
}

// Halted at every step of opening what goes meanwhile, and in whose place another object comes and
// goes: the opener's bit is in the way of that, and it has to let it go then.
TEST(AReferenceToWhatHasGone) {
  int effects = 0;
  for (StepEnd end = StepEnd::kHalted; end == StepEnd::kHalted; effects += 1) {
    World world;
    MakeOne(world);
    Stepped child([&] {
      auto space = JoinSpace(world.segment);
      StepFromHere();
      (void)space->store().Attach(ref);
      StepToHere();
    });
    Snapshot snapshot(*world.segment);
    const auto differs = [&] { return snapshot.Differs(); };
    end = child.StepEffects(effects, differs);
    world.lock.reset();
    auto other = world.waiter->Make<Lock>();
    EXPECT(other.ok());
    // Its next step is taken while the other object lives.
    snapshot.Differs();
    if (end == StepEnd::kHalted) child.StepEffects(1, differs);
    other.value().reset();
    child.Continue();
    EXPECT(child.Reap() == 0);
    while (world.reaper->reaper().Run().pending != 0) usleep(200);
    if (!EXPECT(PlacesInUse(*world.segment) == 0)) break;
  }
  std::printf("       open what goes: %d halts\n", effects);
}

// Somebody who is stopped while it gets memory for more places is passed over, once.
TEST(AChunkThatIsBeingMade) {
  int effects = 0;
  for (StepEnd end = StepEnd::kHalted; end == StepEnd::kHalted; effects += 1) {
    auto segment = SmallSegment(8, 3);
    auto space = JoinSpace(segment);
    Stepped child([&] {
      auto theirs = JoinSpace(segment);
      StepFromHere();
      if (!theirs->Make<Lock>().ok()) _exit(1);
      StepToHere();
    });
    Snapshot snapshot(*segment);
    end = child.StepEffects(effects, [&] { return snapshot.Differs(); });
    std::vector<std::shared_ptr<Lock>> made;
    for (int i = 0; i < 100; i += 1) {
      auto lock = space->Make<Lock>();
      if (!EXPECT(lock.ok())) return;
      made.push_back(std::move(lock.value()));
    }
    child.Continue();
    EXPECT(child.Reap() == 0);
  }
  std::printf("       make the first object: %d halts\n", effects);
}

TEST_MAIN()
