#include "sync/semaphore.h"

#include <cerrno>

#include "sync/sync_space.h"
#include "sync/wait_set.h"

namespace mp {
namespace {

constexpr uint64_t kWaiters = uint64_t{1} << 31;  // whoever releases looks for waiters
constexpr uint64_t kLowHalf = 0xffff'ffff;

Stamp GranteeOf(uint64_t word) {
  return Stamp::Unpack(static_cast<uint32_t>(word >> 32));
}
uint64_t Granted(uint64_t word, Stamp to) {
  return (word & kLowHalf) | static_cast<uint64_t>(to.packed()) << 32;
}
uint64_t Ungranted(uint64_t word) {
  return word & kLowHalf;
}
uint32_t ValueOf(uint64_t word) {
  return static_cast<uint32_t>(word) & kMaxPermits;
}
// Permits that anybody may take.
uint32_t FreeOf(uint64_t word) {
  const uint32_t value = ValueOf(word);
  return GranteeOf(word) && value > 0 ? value - 1 : value;
}

// The reserved permit is still counted, so that taking the reservation away is all there is to the
// death of the grantee. One reservation at a time: who accepts it sees to the next.
void NudgeWaiters(Participant& self, SharedObject* object) {
  Segment& segment = self.segment();
  for (;;) {
    uint64_t seen = object->word.load(std::memory_order_seq_cst);
    const Stamp grantee = GranteeOf(seen);
    if (grantee) {
      if (!segment.IsAlive(grantee) || !IsWaiting(*object, grantee.id)) {
        object->word.compare_exchange_strong(seen, Ungranted(seen));
        continue;
      }
      self.Ring(grantee.id);
    }
    if (FreeOf(seen) == 0) {
      if ((seen & kWaiters) != 0 || !HasWaiters(*object)) return;
      if (object->word.compare_exchange_strong(seen, seen | kWaiters)) return;
      continue;
    }
    const Stamp next = PickWaiter(segment, object);
    if (!next) {
      if ((seen & kWaiters) == 0) return;
      // Flag, then bits; a waiter does it the other way round.
      if (!object->word.compare_exchange_strong(seen, seen & ~kWaiters)) continue;
      if (!HasWaiters(*object)) return;
      continue;
    }
    if (!WantsHandover(*object, next.id)) return self.Ring(next.id);
    if (grantee) return;  // it goes on when that one has accepted
    object->word.compare_exchange_strong(seen, Granted(seen, next));
  }
}

}  // namespace

Status Semaphore::Check(uint32_t value, uint32_t bound) {
  return value <= bound && bound <= kMaxPermits ? Status::Ok() : Status::Failed(EINVAL, "Make");
}

void Semaphore::Initialise(SharedObject* object, uint32_t value, uint32_t bound) {
  object->parameter.store(bound, std::memory_order_relaxed);
  object->word.store(value, std::memory_order_relaxed);
}

SyncOutcome Semaphore::TryAcquire() {
  WaitRequest request;
  return Usable() ? Try(&request) : SyncOutcome::kForeign;
}

SyncOutcome Semaphore::Try(WaitRequest*) {
  uint64_t seen = shared().word.load(std::memory_order_relaxed);
  while (FreeOf(seen) > 0) {
    if (shared().word.compare_exchange_weak(seen, seen - 1, std::memory_order_acq_rel)) {
      return SyncOutcome::kDone;
    }
  }
  return SyncOutcome::kPending;
}

SyncOutcome Semaphore::AcquireSync(uint64_t deadline_ns) {
  WaitRequest request;
  return WaitSync(&request, deadline_ns);
}

SyncOutcome Semaphore::AcquireAsync(AsyncWaiter* waiter) {
  if (!Usable()) return SyncOutcome::kForeign;
  waiter->object = this;
  waiter->outcome = WaitsHere() ? SyncOutcome::kPending : Try(&waiter->request);
  return waiter->outcome == SyncOutcome::kPending ? WaitAsync(waiter) : waiter->outcome;
}

SyncOutcome Semaphore::Attempt(WaitRequest*) {
  uint64_t seen = shared().word.load(std::memory_order_seq_cst);
  for (;;) {
    const Stamp grantee = GranteeOf(seen);
    if (grantee == space().stamp() && grantee) {
      if (shared().word.compare_exchange_strong(seen, Ungranted(seen) - 1)) {
        return SyncOutcome::kDone;
      }
    } else if (FreeOf(seen) > 0) {
      if (shared().word.compare_exchange_strong(seen, seen - 1)) return SyncOutcome::kDone;
    } else if (grantee && !space().segment().IsAlive(grantee)) {
      shared().word.compare_exchange_strong(seen, Ungranted(seen));
      seen = shared().word.load(std::memory_order_seq_cst);
    } else if ((seen & kWaiters) != 0 ||
               shared().word.compare_exchange_strong(seen, seen | kWaiters)) {
      return SyncOutcome::kPending;
    }
  }
}

// Dead before the swap: no permit was released. Dead after it: all were, and the reaper wakes.
Status Semaphore::Release(uint32_t permits) {
  if (!Usable()) return Status::Failed(ECHILD, "Release");
  const uint64_t bound = shared().parameter.load(std::memory_order_relaxed);
  uint64_t seen = shared().word.load(std::memory_order_relaxed);
  for (;;) {
    if (permits > kMaxPermits || uint64_t{ValueOf(seen)} + permits > bound) {
      return Status::Failed(EOVERFLOW, "Release");
    }
    uint64_t then = seen + permits;
    // Reserved by the same step for a waiter that cannot compete.
    if ((seen & kWaiters) != 0 && permits > 0 && ValueOf(seen) == 0) {
      const Stamp next = PickWaiter(space().segment(), &shared());
      if (next && WantsHandover(shared(), next.id)) then = Granted(then, next);
    }
    if (!shared().word.compare_exchange_strong(seen, then)) continue;
    if ((seen & kWaiters) != 0) NudgeWaiters(space().participant(), &shared());
    return Status::Ok();
  }
}

void Semaphore::Nudge() {
  NudgeWaiters(space().participant(), &shared());
}

void Semaphore::GiveBack() {
  uint64_t seen = shared().word.load(std::memory_order_seq_cst);
  while (GranteeOf(seen) && GranteeOf(seen) == space().stamp()) {
    if (shared().word.compare_exchange_strong(seen, Ungranted(seen))) return;
  }
}

bool Semaphore::LooksReady(const WaitRequest&) const {
  return FreeOf(shared().word.load(std::memory_order_relaxed)) > 0;
}

uint32_t Semaphore::Value() const {
  return FreeOf(shared().word.load(std::memory_order_acquire));
}

void Semaphore::Recover(Participant& self, SharedObject* object, Stamp dead) {
  LeaveWaiting(object, dead.id);
  NudgeWaiters(self, object);
}

}  // namespace mp
