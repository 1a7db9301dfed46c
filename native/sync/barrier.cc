#include "sync/barrier.h"

#include <algorithm>
#include <cerrno>

#include "sync/sync_space.h"
#include "sync/wait_set.h"

namespace mp {
namespace {

constexpr uint64_t kPhaseMask = 0xf'ffff;
constexpr uint64_t kArrivedMask = 0xfff;
constexpr uint64_t kHistoryLength = 10;
constexpr uint64_t kHistoryMask = (uint64_t{1} << kHistoryLength) - 1;
constexpr uint64_t kHasAction = uint64_t{1} << 32;  // in the parameter
constexpr uint64_t kNotArrived = ~uint64_t{0};      // in a waiter's mark

struct Word {
  uint64_t history = 0;
  uint64_t opened = 0;
  uint64_t phase = 0;
  uint64_t arrived = 0;
  bool action = false;
  bool broken = false;

  uint64_t packed() const {
    return (history & kHistoryMask) << 54 | opened << 34 | (phase & kPhaseMask) << 14 |
           (arrived & kArrivedMask) << 2 | uint64_t{action} << 1 | uint64_t{broken};
  }
  static Word Unpack(uint64_t word) {
    return {
        word >> 54,      word >> 34 & kPhaseMask, word >> 14 & kPhaseMask, word >> 2 & kArrivedMask,
        (word & 2) != 0, (word & 1) != 0};
  }
  Word Next(bool opens) const {
    if (opens) return {history, std::min(opened + 1, kPhaseMask), phase + 1, 0, false, false};
    // The last one that did not open is `opened` + 1 before this one, and goes into the history.
    const uint64_t before = opened < kHistoryLength ? (history << 1 | 1) << opened : 0;
    return {before, 0, phase + 1, 0, false, false};
  }
  Word Broken() const { return {history, opened, phase, 0, false, true}; }
};

// How the phase in which somebody arrived has ended; kPending when it has not.
SyncOutcome EndOf(uint64_t phase, const Word& now) {
  const uint64_t behind = (now.phase - phase) & kPhaseMask;
  if (behind == 0) return now.broken ? SyncOutcome::kBroken : SyncOutcome::kPending;
  if (behind <= now.opened) return SyncOutcome::kDone;
  // Before the last phase that did not open, and by how many. Farther back than the history tells:
  // the barrier broke or was reset after this waiter had come, and whether it had opened for it
  // before is not known. Others may have gone on without it, for so long either way; but nobody is
  // ever let through a phase that did not open.
  const uint64_t before = behind - now.opened - 1;
  if (before == 0 || before > kHistoryLength) return SyncOutcome::kBroken;
  const bool opened = (now.history >> (before - 1) & 1) == 0;
  return opened ? SyncOutcome::kDone : SyncOutcome::kBroken;
}

bool BreakWord(SharedObject* object) {
  uint64_t seen = object->word.load(std::memory_order_seq_cst);
  Word word;
  do {
    word = Word::Unpack(seen);
    if (word.broken) return false;
  } while (!object->word.compare_exchange_strong(seen, word.Broken().packed()));
  return true;
}

void RingAll(Participant& self, const SharedObject& object) {
  RingAllWaiters(object, [&](uint32_t id) { self.Ring(id); });
}

}  // namespace

Status Barrier::Check(uint32_t parties, bool) {
  const bool fits = parties >= 1 && parties <= kMaxParties;
  return fits ? Status::Ok() : Status::Failed(EINVAL, "Make");
}

void Barrier::Initialise(SharedObject* object, uint32_t parties, bool has_action) {
  object->parameter.store(parties | (has_action ? kHasAction : 0), std::memory_order_relaxed);
}

SyncOutcome Barrier::WaitSync(uint64_t deadline_ns, uint32_t* index) {
  WaitRequest request;
  const SyncOutcome outcome = SyncObject::WaitSync(&request, deadline_ns);
  *index = request.index;
  return outcome;
}

SyncOutcome Barrier::Enrol(WaitRequest* request) {
  request->mark = kNotArrived;
  return Attempt(request);
}

// Dead before the swap: not arrived, but attached, so the barrier breaks all the same. Dead after
// the last arrival: open, and the reaper wakes the others, after which the barrier is broken for
// who comes.
SyncOutcome Barrier::Attempt(WaitRequest* request) {
  const uint64_t parameter = shared().parameter.load(std::memory_order_relaxed);
  uint64_t seen = shared().word.load(std::memory_order_seq_cst);
  for (;;) {
    Word word = Word::Unpack(seen);
    if (request->mark != kNotArrived) return EndOf(request->mark, word);
    if (word.broken) return SyncOutcome::kBroken;
    if (word.action) return SyncOutcome::kPending;  // the next phase begins when it ends
    const uint64_t phase = word.phase;
    request->index = static_cast<uint32_t>(word.arrived);
    word.arrived += 1;
    const bool last = word.arrived == (parameter & kArrivedMask);
    const bool leads = last && (parameter & kHasAction) != 0;
    if (leads) word.action = true;
    if (last && !leads) word = word.Next(true);
    if (!shared().word.compare_exchange_strong(seen, word.packed())) continue;
    request->mark = phase;
    if (!last) return SyncOutcome::kPending;
    if (leads) led_ = request->index = static_cast<uint32_t>(phase);
    if (!leads) RingAll(space().participant(), shared());
    return leads ? SyncOutcome::kLeader : SyncOutcome::kDone;
  }
}

// Not arrived after all: the phase goes on without it.
SyncOutcome Barrier::Withdraw(WaitRequest* request) {
  uint64_t seen = shared().word.load(std::memory_order_seq_cst);
  for (;;) {
    Word word = Word::Unpack(seen);
    if (request->mark == kNotArrived) return SyncOutcome::kPending;
    const SyncOutcome end = EndOf(request->mark, word);
    if (end != SyncOutcome::kPending) return end;
    if (word.action) return SyncOutcome::kPending;  // all have arrived; it opens without it
    word.arrived -= 1;
    if (shared().word.compare_exchange_strong(seen, word.packed())) return SyncOutcome::kPending;
  }
}

SyncOutcome Barrier::TimeOut(WaitRequest* request) {
  uint64_t seen = shared().word.load(std::memory_order_seq_cst);
  for (;;) {
    const Word word = Word::Unpack(seen);
    const SyncOutcome end =
        request->mark == kNotArrived ? SyncOutcome::kPending : EndOf(request->mark, word);
    if (end != SyncOutcome::kPending) return end;
    if (!shared().word.compare_exchange_strong(seen, word.Broken().packed())) continue;
    RingAll(space().participant(), shared());
    return SyncOutcome::kBroken;
  }
}

// Dead before the swap, the phase is the leader's still, and breaks with it; after it, the reaper
// rings. One leader for each phase, so with its number the word says whose action runs. Another one
// that was led here since means that this one is gone; in the child of a fork none is led.
bool Barrier::EndAction(uint32_t phase, bool opens) {
  if (!Usable() || phase != led_) return false;
  led_ = kNoPhase;
  uint64_t seen = shared().word.load(std::memory_order_seq_cst);
  for (;;) {
    const Word word = Word::Unpack(seen);
    if (!word.action || word.phase != phase) return false;
    const Word ended = opens ? word.Next(true) : word.Broken();
    if (!shared().word.compare_exchange_strong(seen, ended.packed())) continue;
    RingAll(space().participant(), shared());
    return true;
  }
}

void Barrier::Break() {
  if (!Usable()) return;
  BreakWord(&shared());
  RingAll(space().participant(), shared());
}

void Barrier::Reset() {
  if (!Usable()) return;
  uint64_t seen = shared().word.load(std::memory_order_seq_cst);
  for (;;) {
    const Word word = Word::Unpack(seen);
    if (!word.broken && word.arrived == 0) return;
    if (!shared().word.compare_exchange_strong(seen, word.Next(false).packed())) continue;
    RingAll(space().participant(), shared());
    return;
  }
}

// The leader ends in order with its action still running, or nobody can reach that any more. Dead
// before the swap, it is still attached, and Recover breaks it.
void Barrier::Close() {
  if (led_ != kNoPhase) BreakPhase(led_);
  SyncObject::Close();
}

void Barrier::Nudge() {
  RingAll(space().participant(), shared());
}

bool Barrier::LooksReady(const WaitRequest& request) const {
  const Word word = Word::Unpack(shared().word.load(std::memory_order_relaxed));
  return EndOf(request.mark, word) != SyncOutcome::kPending;
}

uint32_t Barrier::Parties() const {
  return static_cast<uint32_t>(shared().parameter.load(std::memory_order_relaxed) & kArrivedMask);
}

uint32_t Barrier::Waiting() const {
  return static_cast<uint32_t>(Word::Unpack(shared().word.load()).arrived);
}

bool Barrier::IsBroken() const {
  return Word::Unpack(shared().word.load()).broken;
}

void Barrier::Recover(Participant& self, SharedObject* object, Stamp dead) {
  LeaveWaiting(object, dead.id);
  BreakWord(object);
  RingAll(self, *object);
}

}  // namespace mp
