#include "sync/event.h"

#include <cerrno>

#include "sync/sync_space.h"
#include "sync/wait_set.h"

namespace mp {
namespace {

constexpr uint64_t kSet = 1;
constexpr uint64_t kOnce = 2;

}  // namespace

// Release on the word. Dead before the swap: not set. Dead after it: set, and the reaper wakes all.
Status Event::Set() {
  if (!Usable()) return Status::Failed(ECHILD, "Set");
  uint64_t seen = shared().word.load(std::memory_order_seq_cst);
  while ((seen & kSet) == 0) {
    if (shared().word.compare_exchange_strong(seen, (seen + kOnce) | kSet)) break;
  }
  if (HasWaiters(shared())) Nudge();
  return Status::Ok();
}

Status Event::Clear() {
  if (!Usable()) return Status::Failed(ECHILD, "Clear");
  shared().word.fetch_and(~kSet, std::memory_order_seq_cst);
  return Status::Ok();
}

bool Event::IsSet() const {
  return (shared().word.load(std::memory_order_acquire) & kSet) != 0;
}

SyncOutcome Event::WaitSync(uint64_t deadline_ns) {
  WaitRequest request;
  return SyncObject::WaitSync(&request, deadline_ns);
}

SyncOutcome Event::WaitAsync(AsyncWaiter* waiter) {
  if (!Usable()) return SyncOutcome::kForeign;
  if (IsSet()) return waiter->outcome = SyncOutcome::kDone;
  return SyncObject::WaitAsync(waiter);
}

SyncOutcome Event::Try(WaitRequest*) {
  return IsSet() ? SyncOutcome::kDone : SyncOutcome::kPending;
}

SyncOutcome Event::Enrol(WaitRequest* request) {
  const uint64_t seen = shared().word.load(std::memory_order_seq_cst);
  request->mark = seen & ~kSet;
  return (seen & kSet) != 0 ? SyncOutcome::kDone : SyncOutcome::kPending;
}

SyncOutcome Event::Attempt(WaitRequest* request) {
  const uint64_t seen = shared().word.load(std::memory_order_seq_cst);
  const bool was_set = (seen & kSet) != 0 || (seen & ~kSet) != request->mark;
  return was_set ? SyncOutcome::kDone : SyncOutcome::kPending;
}

void Event::Nudge() {
  // A set that was cleared again wakes those from before it as well; the others look and sleep on.
  RingAllWaiters(shared(), [&](uint32_t id) { space().participant().Ring(id); });
}

bool Event::LooksReady(const WaitRequest& request) const {
  const uint64_t seen = shared().word.load(std::memory_order_relaxed);
  return (seen & kSet) != 0 || (seen & ~kSet) != request.mark;
}

void Event::Recover(Participant& self, SharedObject* object, Stamp dead) {
  LeaveWaiting(object, dead.id);
  RingAllWaiters(*object, [&](uint32_t id) { self.Ring(id); });
}

}  // namespace mp
