// What a fork means for this thread's objects, on both sides of it.

#include <algorithm>
#include <utility>
#include <vector>

#include "bind/sync_env.h"
#include "sync/barrier.h"

namespace mp {
namespace {

// Of which a child has one of its own from the fork on: something ends when nobody has it any more.
bool GoesAheadOfFork(ObjectKind kind) {
  return kind == ObjectKind::kQueue || kind == ObjectKind::kPipeEnd;
}

}  // namespace

int* SyncEnv::BeforeFork() {
  // So that the children of one process share one segment, whoever uses it first. Without it, or
  // when there is no memory for it, each makes its own.
  (void)TreeSegment::Get();
  if (space_ == nullptr) return nullptr;
  std::vector<ObjectRef> ahead;
  for (const Slot& slot : slots_) {
    const bool goes = GoesAheadOfFork(slot.kind) && slot.object != nullptr;
    if (goes) ahead.push_back(slot.object->ref());
  }
  if (ahead.empty()) return nullptr;
  departure_ = DepartAhead(space_.get(), ahead);
  return ChildNumberOf(space_->segment(), departure_);
}

// The child opens again what is open now. Until it has, nothing of it is let go of here.
void SyncEnv::Forked(int pid) {
  if (space_ != nullptr && slots_.size() > free_slots_.size())
    unsettled_.push_back({pid, last_number_, std::exchange(departure_, {})});
}

void SyncEnv::NotForked() {
  if (space_ != nullptr) EndDeparture(space_.get(), std::exchange(departure_, {}));
}

void SyncEnv::ForgetSettledChildren() {
  if (unsettled_.empty()) return;
  std::erase_if(unsettled_, [this](const Unsettled& child) {
    if (!Participant::HasSettled(*segment_, static_cast<uint32_t>(child.pid))) return false;
    EndDeparture(space_.get(), child.departure);
    return true;
  });
  if (unsettled_.empty()) dropped_.clear();
}

// Killed before it could open anything: nobody else knows that it was a party.
void SyncEnv::BreakBarriersFor(const Unsettled& dead) {
  const auto break_if_open = [&dead](const Slot& slot) {
    const bool was_open = slot.object != nullptr && slot.number <= dead.last_number;
    if (was_open && slot.kind == ObjectKind::kBarrier) static_cast<Barrier&>(*slot.object).Break();
  };
  for (const Slot& slot : slots_) break_if_open(slot);
  for (const Slot& slot : dropped_) break_if_open(slot);
}

void SyncEnv::ChildEnded(int pid, bool killed) {
  const auto child = std::find_if(unsettled_.begin(), unsettled_.end(),
                                  [pid](const Unsettled& entry) { return entry.pid == pid; });
  if (child != unsettled_.end()) {
    if (killed && !Participant::HadSettled(*segment_, static_cast<uint32_t>(pid))) {
      BreakBarriersFor(*child);
    }
    if (space_ != nullptr) EndDeparture(space_.get(), child->departure);
    unsettled_.erase(child);
  }
  if (unsettled_.empty()) dropped_.clear();
  if (space_ == nullptr) {
    // Its siblings may wait for what it held: the parent sees to that, though it takes no part.
    const auto segment = TreeSegment::Existing();
    if (segment == nullptr || !Participant::IsAnyOf(*segment, static_cast<uint32_t>(pid))) return;
    if (!Space().ok()) return;
  }
  Reap();
}

void SyncEnv::AfterForkInChild(bool) {
  TreeSegment::AfterForkInChild();
  unsettled_.clear();
  if (space_ == nullptr) return;
  loans_->AfterForkInChild();
  if (waits_ != nullptr) waits_->AfterForkInChild();
  // The parent's, and never freed: a call further up the stack may be in the midst of it, and to
  // free memory is to copy its pages.
  struct Inherited {
    std::unique_ptr<MessageSpace> space;
    std::vector<Slot> slots;
    std::unordered_map<uint32_t, std::unique_ptr<Pending>> pending;
    std::vector<std::unique_ptr<Pending>> served;
    std::vector<Slot> dropped;
  };
  auto* const inherited = new Inherited{std::move(space_), std::move(slots_), std::move(pending_),
                                        std::move(served_), std::move(dropped_)};
  inherited->space->participant().CloseInherited();
  slots_.clear();
  pending_.clear();
  quiet_ = 0;
  served_.clear();
  fetchable_.clear();
  dropped_.clear();
  const auto joined = Space();
  // Without it they are the parent's to land, when this child has ended.
  ForkDeparture departure = std::exchange(departure_, {});
  const bool taken = joined.ok() && TakeOver(space_.get(), &departure);
  if (!joined.ok()) RefuseDeparture(inherited->space->segment(), departure);
  for (const Slot& theirs : inherited->slots) {
    Slot ours{nullptr, theirs.kind, joined.ok() ? theirs.lost : joined.status(), theirs.number};
    if (theirs.object != nullptr && joined.ok()) {
      auto opened = OpenAny(space_.get(), theirs.object->ref());
      if (opened.ok()) ours.object = std::move(opened.value());
      ours.lost = opened.status();
    }
    ours.left = theirs.left;
    slots_.push_back(std::move(ours));
  }
  if (space_ == nullptr) return;
  if (taken) LandBehind(space_.get(), departure);
  space_->participant().Settle();
}

}  // namespace mp
