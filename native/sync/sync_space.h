#pragma once
// All that one participant does with the objects of a segment: making, opening, waiting,
// recovering. One per thread that takes part; a forked child makes its own.

#include <memory>
#include <unordered_map>
#include <vector>

#include "base/status.h"
#include "shm/object_store.h"
#include "shm/participant.h"
#include "shm/reaper.h"
#include "sync/spinner.h"
#include "sync/sync_object.h"

namespace mp {

class SyncSpace {
 public:
  virtual ~SyncSpace() = default;
  SyncSpace(const SyncSpace&) = delete;
  SyncSpace& operator=(const SyncSpace&) = delete;

  static Result<std::unique_ptr<SyncSpace>> Join(std::shared_ptr<Segment> segment);

  // One local object per shared one, so that its waiters here have one order.
  template <typename T, typename... Arguments>
  Result<std::shared_ptr<T>> Make(Arguments... arguments) {
    const Status valid = T::Check(arguments...);
    if (!valid.ok()) return valid;
    auto ref = store_.Claim(T::kKind);
    if (!ref.ok()) return ref.status();
    T::Initialise(PlaceOf(ref.value()), arguments...);
    store_.Publish(ref.value());
    return Adopt<T>(ref.value());
  }
  // Fails with ESTALE when the object is gone, EINVAL when the reference cannot be one.
  template <typename T>
  Result<std::shared_ptr<T>> Open(const ObjectRef& ref) {
    if (ref.kind != T::kKind) return Status::Failed(EINVAL, "Open");
    if (auto known = Known(ref)) return std::static_pointer_cast<T>(known);
    const Status attached = store_.Attach(ref);
    if (!attached.ok()) return attached;
    return Adopt<T>(ref);
  }

  // Async waiters that can go on, in `done`. To be called after the doorbell, and between arming
  // and blocking. True when there was one.
  bool Serve(std::vector<AsyncWaiter*>* done);
  bool HasAsyncWaiters() const { return !interests_.empty(); }

  Participant& participant() { return *participant_; }
  ObjectStore& store() { return store_; }
  Reaper& reaper() { return reaper_; }
  const WakeUpCost& wake_up_cost() const { return wake_up_cost_; }
  // This thread has slept since then, and runs again.
  void LearnWakeUp(uint64_t asleep_ns) {
    if (!wake_up_cost_.Counts()) return;
    const uint64_t rung_ns = participant_->row().rung_ns.load(std::memory_order_relaxed);
    if (rung_ns > asleep_ns) wake_up_cost_.Learn(MonotonicNs() - rung_ns);
  }
  Segment& segment() { return participant_->segment(); }
  Stamp stamp() const { return participant_->stamp(); }

 protected:
  explicit SyncSpace(std::unique_ptr<Participant> participant);
  // What a death means for an object, and for memory beside the objects (shm/reaper.h).
  virtual void Recover(const ObjectRef& ref, Stamp dead);
  virtual bool RecoverMemory(Stamp) { return false; }
  // Called in the middle of a wait: it touches nothing that is waited with.
  virtual void GiveBackIdleMemory() {}

 private:
  friend class SyncObject;
  friend class WaitPoint;
  SharedObject* PlaceOf(const ObjectRef& ref) {
    return segment().ObjectAt<SharedObject>(ref.offset);
  }
  std::shared_ptr<SyncObject> Known(const ObjectRef& ref);
  template <typename T>
  std::shared_ptr<T> Adopt(const ObjectRef& ref) {
    std::shared_ptr<T> object(new T(this, ref), [](T* last) {
      static_cast<SyncObject*>(last)->Close();
      delete last;
    });
    known_[ref.offset] = object;
    return object;
  }

  std::unique_ptr<Participant> participant_;
  ObjectStore store_;
  Reaper reaper_;
  WakeUpCost wake_up_cost_;
  std::unordered_map<uint64_t, std::weak_ptr<SyncObject>> known_;
  std::vector<WaitPoint*> interests_;
};

}  // namespace mp
