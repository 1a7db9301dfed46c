#pragma once
// A flag that wakes everybody. A waiter that came before a set goes on, even when the flag was
// cleared again before it looked.
//
//   word: how often it was set 63, flag 1

#include "base/status.h"
#include "sync/sync_object.h"

namespace mp {

class Event : public SyncObject {
 public:
  static constexpr ObjectKind kKind = ObjectKind::kEvent;
  using SyncObject::SyncObject;

  Status Set();
  Status Clear();
  bool IsSet() const;
  SyncOutcome WaitSync(uint64_t deadline_ns);
  SyncOutcome WaitAsync(AsyncWaiter* waiter);

  static Status Check() { return Status::Ok(); }
  static void Initialise(SharedObject*) {}
  static void Recover(Participant& self, SharedObject* object, Stamp dead);

 protected:
  bool Enrols() const override { return true; }
  SyncOutcome Try(WaitRequest* request) override;
  SyncOutcome Enrol(WaitRequest* request) override;
  SyncOutcome Attempt(WaitRequest* request) override;
  void Nudge() override;
  bool LooksReady(const WaitRequest& request) const override;
};

}  // namespace mp
