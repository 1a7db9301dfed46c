// References that leave and arrive, killed and halted at every step.

#include "step_world.h"

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

TEST_MAIN()
