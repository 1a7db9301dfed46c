#pragma once
// What is done to locks and their kin at every step, and what must hold afterwards.

#include "step_sleeper.h"
#include "step_world.h"

namespace mp::test {

template <typename T>
std::shared_ptr<T> Opened(SyncSpace& space, const std::shared_ptr<T>& theirs) {
  auto own = space.Open<T>(theirs->ref());
  if (!own.ok()) _exit(97);
  return own.value();
}

// `wait` returns the exit code.
template <typename Wait>
Sleeper StartSleeper(World& world, uint32_t id, Wait wait) {
  return FallAsleep(*world.segment, id, [&] {
    auto space = JoinSpace(world.segment);
    return wait(*space);
  });
}
inline bool WasRung(const World& world, const Sleeper& sleeper) {
  return WasRung(*world.segment, sleeper);
}

inline void MakeSemaphore(World& world) {
  world.semaphore = world.waiter->Make<Semaphore>(0U, kMaxPermits).value();
}
inline void MakeCondition(World& world) {
  world.condition = world.waiter->Make<Condition>().value();
}
inline void MakeEvent(World& world) {
  world.event = world.waiter->Make<Event>().value();
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

// The sleeping waiter has been given what it waits for, or it sleeps on.
inline void ReachedOrAsleep(World& world, bool over) {
  const SyncOutcome outcome = world.Woken();
  EXPECT(outcome == SyncOutcome::kDone || (outcome == SyncOutcome::kPending && !over));
  if (outcome == SyncOutcome::kPending) world.Sleep();
}
inline void ReachedInTheEnd(World& world) {
  if (world.waiting.outcome == SyncOutcome::kDone) return;
  EXPECT(world.Woken() == SyncOutcome::kDone);
}
inline void LockReachedInTheEnd(World& world) {
  ReachedInTheEnd(world);
  EXPECT(world.lock->Release().ok());
  LockIsUsable(world);
}
inline void DieHolding(World& world) {
  WaitStatus(Start([&] {
    auto space = JoinSpace(world.segment);
    auto lock = Opened(*space, world.lock);
    lock->TryAcquire();
    kill(getpid(), SIGKILL);
  }));
}
template <typename Object, typename Act>
void Alone(SyncSpace& space, const std::shared_ptr<Object>& theirs, Act act) {
  auto mine = Opened(space, theirs);
  StepFromHere();
  act(*mine);
  StepToHere();
}

constexpr auto kWait = [](auto& object, AsyncWaiter* waiter) { object.WaitAsync(waiter); };
inline void SleeperHasIt(World& world, const Sleeper& sleeper) {
  EXPECT(WasRung(world, sleeper));
  EXPECT(CodeOf(sleeper) == static_cast<int>(SyncOutcome::kDone));
}
template <typename Object, typename Wait>
void ActWait(SyncSpace& space, const std::shared_ptr<Object>& theirs, Wait wait) {
  auto* const mine = new std::shared_ptr<Object>(Opened(space, theirs));
  auto* const waiter = new AsyncWaiter;
  StepFromHere();
  wait(**mine, waiter);
  StepToHere();
}
// Of two who sleep, while the child is halted.
inline void EachAsleepOrWoken(World& world, bool over) {
  if (world.Woken() == SyncOutcome::kPending) world.Sleep();
  if (world.AlsoWoken() == SyncOutcome::kPending) World::SleepIn(*world.reaper);
  const bool both = world.waiting.outcome == SyncOutcome::kDone &&
                    world.also_waiting.outcome == SyncOutcome::kDone;
  EXPECT(both || !over);
}
inline void BothWokenInTheEnd(World& world) {
  ReachedInTheEnd(world);
  const bool told = world.also_waiting.outcome == SyncOutcome::kDone;
  EXPECT(told || world.AlsoWoken() == SyncOutcome::kDone);
}

}  // namespace mp::test
