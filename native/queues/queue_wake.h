#pragma once
// Waking those who wait at one of a queue's sets of waiters. Beside the bits each set has a word
// that says that there may be somebody.

#include "shm/participant.h"
#include "sync/wait_set.h"

namespace mp {

// Flag, then bits; a waiter does it the other way round.
inline bool MayHaveWaiters(SharedObject* point) {
  return point->word.load(std::memory_order_seq_cst) != 0;
}

// Wakes up to `most` of those who wait there, none of them twice.
inline void WakeSome(Participant& self, SharedObject* point, uint32_t most) {
  uint32_t first = 0;
  for (uint32_t woken = 0; woken < most; woken += 1) {
    const Stamp next = PickWaiter(self.segment(), point);
    if (next) {
      if (next.id == first) return;
      if (first == 0) first = next.id;
      self.Ring(next.id);
      continue;
    }
    point->word.store(0, std::memory_order_seq_cst);
    if (!HasWaiters(*point)) return;
    point->word.store(1, std::memory_order_seq_cst);
    // Only the dead: who looks after them does the rest.
    return;
  }
}

inline void WakeAll(Participant& self, const SharedObject& point) {
  RingAllWaiters(point, [&](uint32_t id) { self.Ring(id); });
}

}  // namespace mp
