#include "sync/condition.h"

#include <algorithm>
#include <utility>

#include "sync/sync_space.h"
#include "sync/wait_set.h"

namespace mp {
namespace {

constexpr uint64_t kCountMask = 0xff'ffff;

struct Cell {
  uint16_t generation = 0;
  uint64_t waiting = 0;
  uint64_t notified = 0;

  uint64_t packed() const {
    return static_cast<uint64_t>(generation) << 48 | (waiting & kCountMask) << 24 |
           (notified & kCountMask);
  }
  static Cell Unpack(uint64_t word) {
    return {static_cast<uint16_t>(word >> 48), word >> 24 & kCountMask, word & kCountMask};
  }
};

std::atomic<uint64_t>& CellOf(SharedObject* object, uint32_t id) {
  return reinterpret_cast<LargeObject*>(object)->cells[id % kCells];
}

// Marks up to `count` waiters of one participant, and rings it. Dead between the two: the mark
// stands, and the reaper rings.
uint32_t NotifyOne(Participant& self, SharedObject* object, Stamp whom, uint32_t count) {
  std::atomic<uint64_t>& word = CellOf(object, whom.id);
  uint64_t seen = word.load(std::memory_order_seq_cst);
  for (;;) {
    Cell cell = Cell::Unpack(seen);
    if (cell.generation != whom.generation || cell.waiting <= cell.notified) return 0;
    const uint64_t marked = std::min<uint64_t>(count, cell.waiting - cell.notified);
    cell.notified += marked;
    if (!word.compare_exchange_strong(seen, cell.packed())) continue;
    self.Ring(whom.id);
    return static_cast<uint32_t>(marked);
  }
}

// One at a time and in turn, unless all are meant. Ends when a whole turn found nobody.
uint32_t NotifyWaiters(Participant& self, SharedObject* object, uint32_t count) {
  const uint32_t at_once = count == Condition::kAll ? Condition::kAll : 1;
  uint32_t marked = 0;
  uint32_t in_vain = 0;
  while (marked < count && in_vain < self.segment().participants()) {
    const Stamp next = PickWaiter(self.segment(), object);
    if (!next) break;
    const uint32_t now = NotifyOne(self, object, next, at_once);
    marked += now;
    in_vain = now > 0 ? 0 : in_vain + 1;
  }
  return marked;
}

}  // namespace

std::atomic<uint64_t>& Condition::OwnCell() const {
  return CellOf(&shared(), space().stamp().id);
}

SyncOutcome Condition::WaitAsync(AsyncWaiter* waiter) {
  return SyncObject::WaitAsync(waiter);
}

SyncOutcome Condition::Enrol(WaitRequest* request) {
  std::atomic<uint64_t>& word = OwnCell();
  uint64_t seen = word.load(std::memory_order_seq_cst);
  Cell cell;
  do {
    cell = Cell::Unpack(seen);
    // What an earlier participant of this row has left was passed on when it died.
    if (cell.generation != space().stamp().generation) cell = {space().stamp().generation, 0, 0};
    cell.waiting += 1;
  } while (!word.compare_exchange_strong(seen, cell.packed()));
  if (release_ == nullptr || std::exchange(release_, nullptr)(release_context_)) {
    return SyncOutcome::kPending;
  }
  Withdraw(request);
  return SyncOutcome::kTimedOut;
}

SyncOutcome Condition::Attempt(WaitRequest*) {
  std::atomic<uint64_t>& word = OwnCell();
  uint64_t seen = word.load(std::memory_order_seq_cst);
  for (;;) {
    Cell cell = Cell::Unpack(seen);
    if (cell.notified == 0) return SyncOutcome::kPending;
    cell.notified -= 1;
    cell.waiting -= 1;
    if (word.compare_exchange_strong(seen, cell.packed())) return SyncOutcome::kDone;
  }
}

SyncOutcome Condition::Withdraw(WaitRequest*) {
  std::atomic<uint64_t>& word = OwnCell();
  uint64_t seen = word.load(std::memory_order_seq_cst);
  for (;;) {
    Cell cell = Cell::Unpack(seen);
    if (cell.waiting == 0) return SyncOutcome::kPending;
    const bool passes_on = cell.waiting == cell.notified;
    // Passed on before it is taken off. Dead between the two: the reaper passes it on again, one
    // wake-up too many and none too few.
    if (passes_on) NotifyWaiters(space().participant(), &shared(), 1);
    cell.waiting -= 1;
    if (passes_on) cell.notified -= 1;
    if (word.compare_exchange_strong(seen, cell.packed())) return SyncOutcome::kPending;
  }
}

uint32_t Condition::Notify(uint32_t count) {
  return Usable() ? NotifyWaiters(space().participant(), &shared(), count) : 0;
}

void Condition::Nudge() {
  RingAllWaiters(shared(), [&](uint32_t id) {
    if (Cell::Unpack(CellOf(&shared(), id).load()).notified > 0) space().participant().Ring(id);
  });
}

bool Condition::LooksReady(const WaitRequest&) const {
  return Cell::Unpack(OwnCell().load(std::memory_order_relaxed)).notified > 0;
}

// Notifications that the dead had and did not use go on, one by one; what it had notified and not
// rung is rung. Dead in between: the next reaper passes at most one on again.
void Condition::Recover(Participant& self, SharedObject* object, Stamp dead) {
  LeaveWaiting(object, dead.id);
  std::atomic<uint64_t>& word = CellOf(object, dead.id);
  for (;;) {
    uint64_t seen = word.load(std::memory_order_seq_cst);
    Cell cell = Cell::Unpack(seen);
    if (cell.generation != dead.generation || cell.notified == 0) {
      word.compare_exchange_strong(seen, 0);
      break;
    }
    NotifyWaiters(self, object, 1);
    cell.notified -= 1;
    word.compare_exchange_strong(seen, cell.packed());
  }
  RingAllWaiters(*object, [&](uint32_t id) {
    if (Cell::Unpack(CellOf(object, id).load()).notified > 0) self.Ring(id);
  });
}

}  // namespace mp
