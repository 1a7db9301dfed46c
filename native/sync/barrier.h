#pragma once
// A barrier for a number of parties. One word tells everything, so that arriving, opening and
// breaking are single steps; it breaks when anybody who has it open dies.
//
//   word: history 10, opened 20, phase 20, arrived 12, action running 1, broken 1
//
// `opened` counts the phases since the last one that did not open, and stays at its largest number;
// `history` has how those before that one ended (bit 0: the one right before, 1 = not by opening).

#include "base/status.h"
#include "sync/sync_object.h"

namespace mp {

constexpr uint32_t kMaxParties = 0xfff;

class Barrier : public SyncObject {
 public:
  static constexpr ObjectKind kKind = ObjectKind::kBarrier;
  using SyncObject::SyncObject;

  // kDone, kBroken, or kLeader for the last one at a barrier with an action: the others stay until
  // it calls Finish or BreakPhase. A wait whose time is over breaks the barrier. `index` is the
  // place in the order of arrival; of a leader, whose place is the last, the phase that it leads.
  SyncOutcome WaitSync(uint64_t deadline_ns, uint32_t* index);
  SyncOutcome WaitAsync(AsyncWaiter* waiter) { return SyncObject::WaitAsync(waiter); }
  // By the leader, after the action: the barrier opens. Nothing, and false, when the phase has
  // ended meanwhile, be it that others have met since and one of them leads now.
  bool Finish(uint32_t phase) { return EndAction(phase, true); }
  // By the leader, whose action has failed. The same.
  bool BreakPhase(uint32_t phase) { return EndAction(phase, false); }
  // Everybody who waits, and who will, is told; until Reset.
  void Break();
  // An empty barrier again; who waits is told that it was broken.
  void Reset();

  uint32_t Parties() const;
  uint32_t Waiting() const;
  bool IsBroken() const;

  static Status Check(uint32_t parties, bool has_action);
  static void Initialise(SharedObject* object, uint32_t parties, bool has_action);
  static void Recover(Participant& self, SharedObject* object, Stamp dead);

 protected:
  bool Enrols() const override { return true; }
  SyncOutcome Enrol(WaitRequest* request) override;
  SyncOutcome Attempt(WaitRequest* request) override;
  SyncOutcome Withdraw(WaitRequest* request) override;
  SyncOutcome TimeOut(WaitRequest* request) override;
  void Nudge() override;
  void Close() override;
  bool LooksReady(const WaitRequest& request) const override;

 private:
  static constexpr uint32_t kNoPhase = ~uint32_t{0};

  bool EndAction(uint32_t phase, bool opens);

  // Whose action runs here. The others of the phase wait for nobody else.
  uint32_t led_ = kNoPhase;
};

}  // namespace mp
