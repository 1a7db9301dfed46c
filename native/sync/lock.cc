#include "sync/lock.h"

#include <cerrno>

#include "sync/sync_space.h"
#include "sync/wait_set.h"

namespace mp {
namespace {

constexpr uint64_t kWaiters = 1;    // whoever releases it looks for waiters
constexpr uint64_t kAbandoned = 2;  // on a free word only
constexpr uint64_t kGranted = 4;
constexpr uint64_t kFlags = 0xff;

Stamp OwnerOf(uint64_t word) {
  return Stamp::Unpack(static_cast<uint32_t>(word >> 32));
}
uint64_t WordOf(Stamp owner) {
  return static_cast<uint64_t>(owner.packed()) << 32;
}

void NudgeWaiters(Participant& self, SharedObject* object);

// The owner has died. Any participant may do this, any number of them at once: only the one that
// changes this very word does.
void TakeFromTheDead(Participant& self, SharedObject* object, uint64_t seen) {
  if ((seen & kGranted) != 0) {
    // It never had it: nothing that the lock protects was touched.
    object->word.compare_exchange_strong(seen, 0);
  } else {
    const ParticipantRow& row = self.segment().row(OwnerOf(seen).id);
    object->abandoned_pid.store(row.pid.load(std::memory_order_relaxed), std::memory_order_relaxed);
    object->word.compare_exchange_strong(seen, kAbandoned);
  }
  NudgeWaiters(self, object);
}

// Dead anywhere in here: it is done again on behalf of the dead, who is attached to the object.
void NudgeWaiters(Participant& self, SharedObject* object) {
  Segment& segment = self.segment();
  for (;;) {
    uint64_t seen = object->word.load(std::memory_order_seq_cst);
    const Stamp owner = OwnerOf(seen);
    if (owner && !segment.IsAlive(owner)) return TakeFromTheDead(self, object, seen);
    if (owner && (seen & kGranted) != 0) {
      if (IsWaiting(*object, owner.id)) return self.Ring(owner.id);
      // It gave up before it could know. One of the two of us takes it back.
      object->word.compare_exchange_strong(seen, 0);
      continue;
    }
    if (owner) {
      if ((seen & kWaiters) != 0 || !HasWaiters(*object)) return;
      if (object->word.compare_exchange_strong(seen, seen | kWaiters)) return;
      continue;
    }
    if ((seen & kAbandoned) != 0) {
      return RingAllWaiters(*object, [&](uint32_t id) { self.Ring(id); });
    }
    const Stamp next = PickWaiter(segment, object);
    if (!next) return;
    if (!WantsHandover(*object, next.id)) return self.Ring(next.id);
    // Granted, then looked at its bit and rung, at the top of the loop.
    object->word.compare_exchange_strong(seen, WordOf(next) | kGranted | kWaiters);
  }
}

}  // namespace

uint64_t Lock::Mine(uint32_t holder) const {
  return own_stamp() | static_cast<uint64_t>(holder & kMaxHolder) << 8;
}

SyncOutcome Lock::TryAcquire(LockRequest request) {
  if (!Usable()) return SyncOutcome::kForeign;
  if (TakeFree(request.holder)) return SyncOutcome::kDone;
  WaitRequest waiting;
  waiting.lock = request;
  return Try(&waiting);
}

// Acquire on the word: what the last holder wrote is seen. Dead before the swap: nothing happened.
// Dead after it: the word says who had it.
bool Lock::TakeFree(uint32_t holder) {
  uint64_t free = 0;
  return shared().word.compare_exchange_strong(free, Mine(holder), std::memory_order_acq_rel);
}

SyncOutcome Lock::Try(WaitRequest* request) {
  uint64_t seen = shared().word.load(std::memory_order_seq_cst);
  for (;;) {
    const Stamp owner = OwnerOf(seen);
    if (owner) {
      if (space().segment().IsAlive(owner)) return SyncOutcome::kPending;
      TakeFromTheDead(space().participant(), &shared(), seen);
      seen = shared().word.load(std::memory_order_seq_cst);
      continue;
    }
    const bool abandoned = (seen & kAbandoned) != 0;
    if (abandoned && !request->lock.take_abandoned) return SyncOutcome::kAbandoned;
    if (shared().word.compare_exchange_strong(seen, Mine(request->lock.holder))) {
      return abandoned ? SyncOutcome::kDoneAbandoned : SyncOutcome::kDone;
    }
  }
}

SyncOutcome Lock::AcquireSync(uint64_t deadline_ns, LockRequest request) {
  if (!Usable()) return SyncOutcome::kForeign;
  if (TakeFree(request.holder)) return SyncOutcome::kDone;
  WaitRequest waiting;
  waiting.lock = request;
  return WaitSync(&waiting, deadline_ns);
}

SyncOutcome Lock::AcquireAsync(AsyncWaiter* waiter) {
  if (!Usable()) return SyncOutcome::kForeign;
  waiter->object = this;
  // Nobody of this process waits: one try, without a trace.
  waiter->outcome = WaitsHere() ? SyncOutcome::kPending : Try(&waiter->request);
  return waiter->outcome == SyncOutcome::kPending ? WaitAsync(waiter) : waiter->outcome;
}

SyncOutcome Lock::Attempt(WaitRequest* request) {
  Segment& segment = space().segment();
  uint64_t seen = shared().word.load(std::memory_order_seq_cst);
  for (;;) {
    const Stamp owner = OwnerOf(seen);
    // Taken with the flag on: others may wait too.
    const uint64_t mine = Mine(request->lock.holder) | kWaiters;
    if (!owner) {
      const bool abandoned = (seen & kAbandoned) != 0;
      if (abandoned && !request->lock.take_abandoned) return SyncOutcome::kAbandoned;
      if (shared().word.compare_exchange_strong(seen, mine)) {
        return abandoned ? SyncOutcome::kDoneAbandoned : SyncOutcome::kDone;
      }
    } else if ((seen & kGranted) != 0 && owner == space().stamp()) {
      if (shared().word.compare_exchange_strong(seen, mine)) return SyncOutcome::kDone;
    } else if (!segment.IsAlive(owner)) {
      TakeFromTheDead(space().participant(), &shared(), seen);
      seen = shared().word.load(std::memory_order_seq_cst);
    } else if ((seen & kWaiters) != 0 ||
               shared().word.compare_exchange_strong(seen, seen | kWaiters)) {
      request->watch = owner;
      return SyncOutcome::kPending;
    }
  }
}

// Release on the word. Dead before the swap: still held, abandoned. Dead after it: free, and
// whoever should have been woken is woken on behalf of the dead.
Status Lock::Release() {
  if (!Usable()) return Status::Failed(ECHILD, "Release");
  // Mostly it is the holder who releases, without a waiter: guessed, not loaded.
  uint64_t seen = own_stamp();
  if (shared().word.compare_exchange_strong(seen, 0, std::memory_order_acq_rel)) {
    return Status::Ok();
  }
  for (;;) {
    if (!OwnerOf(seen) || (seen & kGranted) != 0) return Status::Failed(EPERM, "Release");
    if ((seen & kWaiters) == 0) {
      if (shared().word.compare_exchange_strong(seen, 0, std::memory_order_acq_rel)) {
        return Status::Ok();
      }
      continue;
    }
    // Straight to a waiter that cannot compete, without a moment in which another could take it.
    const Stamp next = PickWaiter(space().segment(), &shared());
    const bool give = next && WantsHandover(shared(), next.id);
    const uint64_t then = give ? WordOf(next) | kGranted | kWaiters : 0;
    if (shared().word.compare_exchange_strong(seen, then)) {
      NudgeWaiters(space().participant(), &shared());
      return Status::Ok();
    }
  }
}

void Lock::Nudge() {
  NudgeWaiters(space().participant(), &shared());
}

void Lock::GiveBack() {
  uint64_t seen = shared().word.load(std::memory_order_seq_cst);
  if ((seen & kGranted) != 0 && OwnerOf(seen) == space().stamp()) {
    shared().word.compare_exchange_strong(seen, 0);
  }
}

bool Lock::HoldsSome() const {
  return OwnerOf(shared().word.load(std::memory_order_relaxed)) == space().stamp();
}

bool Lock::LooksReady(const WaitRequest&) const {
  return !OwnerOf(shared().word.load(std::memory_order_relaxed));
}

bool Lock::IsLocked() const {
  const uint64_t seen = shared().word.load(std::memory_order_acquire);
  return static_cast<bool>(OwnerOf(seen));
}

bool Lock::IsAbandoned() const {
  return (shared().word.load(std::memory_order_acquire) & kAbandoned) != 0;
}

uint32_t Lock::OwnerPid() const {
  const Stamp owner = OwnerOf(shared().word.load(std::memory_order_relaxed));
  const Segment& segment = space().segment();
  return segment.IsAlive(owner) ? segment.row(owner.id).pid.load(std::memory_order_relaxed) : 0;
}

uint32_t Lock::AbandonedPid() const {
  return shared().abandoned_pid.load(std::memory_order_relaxed);
}

bool Lock::IsHeldBy(uint32_t holder) const {
  const uint64_t seen = shared().word.load(std::memory_order_relaxed);
  return (seen & kGranted) == 0 && (seen & ~kFlags) == Mine(holder);
}

void Lock::Recover(Participant& self, SharedObject* object, Stamp dead) {
  LeaveWaiting(object, dead.id);
  uint64_t seen = object->word.load(std::memory_order_seq_cst);
  while (OwnerOf(seen) == dead) {
    TakeFromTheDead(self, object, seen);
    seen = object->word.load(std::memory_order_seq_cst);
  }
  NudgeWaiters(self, object);
}

}  // namespace mp
