#include "sync/bounded_semaphore.h"

#include <algorithm>
#include <cerrno>

#include "sync/sync_space.h"
#include "sync/wait_set.h"

namespace mp {
namespace {

constexpr uint64_t kHeld = 1;
constexpr uint64_t kGranted = 2;
// The object's word.
constexpr uint64_t kWaiters = 1;  // whoever releases looks for waiters
constexpr uint64_t kOnce = 2;     // above it: how often somebody came to wait

Stamp OwnerOf(uint64_t cell) {
  return Stamp::Unpack(static_cast<uint32_t>(cell >> 32));
}
uint64_t CellOf(Stamp owner, uint64_t flag) {
  return static_cast<uint64_t>(owner.packed()) << 32 | flag;
}
std::atomic<uint64_t>* CellsOf(SharedObject* object) {
  return reinterpret_cast<LargeObject*>(object)->cells;
}
uint32_t PermitsOf(const SharedObject& object) {
  const uint64_t permits = object.parameter.load(std::memory_order_relaxed);
  return static_cast<uint32_t>(std::min<uint64_t>(permits, kCells));
}

// Frees what the dead hold and what was granted to who no longer waits, rings who was granted one
// and sleeps. Returns a free permit, or null.
std::atomic<uint64_t>* Settle(Participant& self, SharedObject* object) {
  std::atomic<uint64_t>* free = nullptr;
  const uint32_t permits = PermitsOf(*object);
  for (uint32_t i = 0; i < permits; i += 1) {
    std::atomic<uint64_t>& cell = CellsOf(object)[i];
    uint64_t seen = cell.load(std::memory_order_seq_cst);
    const Stamp owner = OwnerOf(seen);
    if (seen != 0) {
      const bool granted = (seen & kGranted) != 0;
      const bool stands =
          self.segment().IsAlive(owner) && (!granted || IsWaiting(*object, owner.id));
      if (stands && granted) self.Ring(owner.id);
      if (stands || !cell.compare_exchange_strong(seen, 0)) continue;
    }
    free = &cell;
  }
  return free;
}

// Dead anywhere in here: it is done again on behalf of the dead.
void NudgeWaiters(Participant& self, SharedObject* object) {
  for (;;) {
    std::atomic<uint64_t>* const free = Settle(self, object);
    if (free == nullptr) {
      if (!HasWaiters(*object) || (object->word.fetch_or(kWaiters) & kWaiters) != 0) return;
      continue;  // a permit may have come free before the flag was up
    }
    uint64_t flag = object->word.load(std::memory_order_seq_cst);
    const Stamp next = PickWaiter(self.segment(), object);
    if (!next) {
      // Word, then bits; a waiter does it the other way round. So whoever came behind the look at
      // the bits has changed the word, and its flag stays up, however long ago that look was. Dead
      // before the swap: the next release looks in vain. Dead after it: nobody waited.
      const bool up = (flag & kWaiters) != 0;
      if (!up || object->word.compare_exchange_strong(flag, flag & ~kWaiters)) return;
      continue;
    }
    if (!WantsHandover(*object, next.id)) return self.Ring(next.id);
    uint64_t expected = 0;
    if (!free->compare_exchange_strong(expected, CellOf(next, kGranted))) continue;
    if (IsWaiting(*object, next.id)) return self.Ring(next.id);
    // It has given up meanwhile; Settle takes it back.
  }
}

}  // namespace

Status BoundedSemaphore::Check(uint32_t permits) {
  return permits <= kCells ? Status::Ok() : Status::Failed(EINVAL, "Make");
}

void BoundedSemaphore::Initialise(SharedObject* object, uint32_t permits) {
  object->parameter.store(permits, std::memory_order_relaxed);
}

SyncOutcome BoundedSemaphore::TryAcquire() {
  WaitRequest request;
  return Usable() ? Try(&request) : SyncOutcome::kForeign;
}

SyncOutcome BoundedSemaphore::Try(WaitRequest*) {
  return TakeOne() ? SyncOutcome::kDone : SyncOutcome::kPending;
}

// What was granted first: it would be lost to others otherwise. Dead before a swap: nothing
// happened; dead after it: the cell says who has it.
bool BoundedSemaphore::TakeOne() {
  const Stamp self = space().stamp();
  const uint32_t permits = PermitsOf(shared());
  std::atomic<uint64_t>* const cells = CellsOf(&shared());
  for (uint32_t i = 0; i < permits; i += 1) {
    uint64_t granted = CellOf(self, kGranted);
    if (cells[i].load(std::memory_order_relaxed) != granted) continue;
    if (cells[i].compare_exchange_strong(granted, CellOf(self, kHeld))) return true;
  }
  for (uint32_t step = 0; step < permits; step += 1) {
    const uint32_t i = (hint_ + step) % permits;
    uint64_t seen = cells[i].load(std::memory_order_seq_cst);
    if (seen != 0 && space().segment().IsAlive(OwnerOf(seen))) continue;
    // Free, or its owner has died: the swap takes it for good either way.
    if (!cells[i].compare_exchange_strong(seen, CellOf(self, kHeld))) continue;
    hint_ = i;
    return true;
  }
  return false;
}

SyncOutcome BoundedSemaphore::AcquireSync(uint64_t deadline_ns) {
  WaitRequest request;
  return WaitSync(&request, deadline_ns);
}

SyncOutcome BoundedSemaphore::AcquireAsync(AsyncWaiter* waiter) {
  if (!Usable()) return SyncOutcome::kForeign;
  waiter->object = this;
  waiter->outcome = WaitsHere() ? SyncOutcome::kPending : Try(&waiter->request);
  return waiter->outcome == SyncOutcome::kPending ? WaitAsync(waiter) : waiter->outcome;
}

SyncOutcome BoundedSemaphore::Attempt(WaitRequest*) {
  if (TakeOne()) return SyncOutcome::kDone;
  // Flag up, by another word than anybody has seen, then a second look: whoever frees one from here
  // on sees the flag.
  uint64_t seen = shared().word.load(std::memory_order_relaxed);
  while (!shared().word.compare_exchange_weak(seen, (seen + kOnce) | kWaiters)) {
  }
  return TakeOne() ? SyncOutcome::kDone : SyncOutcome::kPending;
}

Status BoundedSemaphore::Release(uint32_t permits) {
  if (!Usable()) return Status::Failed(ECHILD, "Release");
  if (permits > 1 && permits > PermitsOf(shared()) - Value()) {
    return Status::Failed(EOVERFLOW, "Release");
  }
  for (uint32_t done = 0; done < permits; done += 1) {
    const Status released = ReleaseOne();
    if (released.ok()) continue;
    for (; done > 0; done -= 1) TryAcquire();
    return released;
  }
  return Status::Ok();
}

Status BoundedSemaphore::ReleaseOne() {
  const uint32_t permits = PermitsOf(shared());
  std::atomic<uint64_t>* const cells = CellsOf(&shared());
  const uint64_t own = CellOf(space().stamp(), kHeld);
  for (const bool any : {false, true}) {
    for (uint32_t step = 0; step < permits; step += 1) {
      const uint32_t i = (hint_ + step) % permits;
      uint64_t seen = cells[i].load(std::memory_order_seq_cst);
      // A permit of the dead comes back by itself, and is not this one.
      const bool fits =
          any ? (seen & kHeld) != 0 && space().segment().IsAlive(OwnerOf(seen)) : seen == own;
      if (!fits || !cells[i].compare_exchange_strong(seen, 0)) continue;
      hint_ = i;
      if ((shared().word.load(std::memory_order_seq_cst) & kWaiters) != 0) Nudge();
      return Status::Ok();
    }
  }
  return Status::Failed(EOVERFLOW, "Release");
}

void BoundedSemaphore::Nudge() {
  NudgeWaiters(space().participant(), &shared());
}

void BoundedSemaphore::GiveBack() {
  const uint32_t permits = PermitsOf(shared());
  for (uint32_t i = 0; i < permits; i += 1) {
    uint64_t granted = CellOf(space().stamp(), kGranted);
    CellsOf(&shared())[i].compare_exchange_strong(granted, 0);
  }
}

bool BoundedSemaphore::HoldsSome() const {
  const uint32_t permits = PermitsOf(shared());
  const uint64_t own = CellOf(space().stamp(), kHeld);
  for (uint32_t i = 0; i < permits; i += 1) {
    if (CellsOf(&shared())[i].load(std::memory_order_relaxed) == own) return true;
  }
  return false;
}

bool BoundedSemaphore::LooksReady(const WaitRequest&) const {
  const uint32_t permits = PermitsOf(shared());
  for (uint32_t i = 0; i < permits; i += 1) {
    if (CellsOf(&shared())[i].load(std::memory_order_relaxed) == 0) return true;
  }
  return false;
}

uint32_t BoundedSemaphore::Value() const {
  const uint32_t permits = PermitsOf(shared());
  uint32_t free = 0;
  for (uint32_t i = 0; i < permits; i += 1) {
    const uint64_t seen = CellsOf(&shared())[i].load(std::memory_order_acquire);
    if (seen == 0 || !space().segment().IsAlive(OwnerOf(seen))) free += 1;
  }
  return free;
}

void BoundedSemaphore::Recover(Participant& self, SharedObject* object, Stamp dead) {
  LeaveWaiting(object, dead.id);
  NudgeWaiters(self, object);  // Settle frees what the dead hold
}

}  // namespace mp
