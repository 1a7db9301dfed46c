#pragma once
// Waking those who wait at one of a queue's sets of waiters. Beside the bits each set has a word
// that says whether there may be somebody.

#include "shm/participant.h"
#include "sync/wait_set.h"

namespace mp {

// The word: how often somebody came to wait 63, somebody may wait 1.
constexpr uint64_t kMayWait = 1;
constexpr uint64_t kCame = 2;

inline bool MayHaveWaiters(const SharedObject* point) {
  return (point->word.load(std::memory_order_seq_cst) & kMayWait) != 0;
}

// By a waiter, behind its bit and before it looks. It makes another word of it than anybody has
// seen. Dead after it: the next to wake somebody finds nobody.
inline void TellOfWaiter(SharedObject* point) {
  uint64_t seen = point->word.load(std::memory_order_relaxed);
  while (!point->word.compare_exchange_weak(seen, (seen + kCame) | kMayWait)) {
  }
}

// Wakes up to `most` of those who wait there, none of them twice.
inline void WakeSome(Participant& self, SharedObject* point, uint32_t most) {
  uint32_t first = 0;
  for (uint32_t woken = 0; woken < most;) {
    uint64_t seen = point->word.load(std::memory_order_seq_cst);
    const Stamp next = PickWaiter(self.segment(), point);
    if (next) {
      if (next.id == first) return;
      if (first == 0) first = next.id;
      self.Ring(next.id);
      woken += 1;
      continue;
    }
    // Word, then bits; a waiter does it the other way round. So whoever came behind the look at the
    // bits has changed the word, which then says so still, however long ago that look was. Dead
    // before the swap: the next one looks in vain as well. Dead after it: nobody waited.
    const bool told = (seen & kMayWait) != 0;
    if (!told || point->word.compare_exchange_strong(seen, seen & ~kMayWait)) return;
  }
}

// As many as wait there now, each in its turn: who has gone meanwhile has no turn, and who has come
// back does not get another one.
inline void WakeEach(Participant& self, SharedObject* point) {
  const uint32_t waiters = CountBits(point->waiting);
  WakeSome(self, point, waiters > 1 ? waiters : 1);
}

inline void WakeAll(Participant& self, const SharedObject& point) {
  RingAllWaiters(point, [&](uint32_t id) { self.Ring(id); });
}

}  // namespace mp
