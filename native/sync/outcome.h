#pragma once
// How a wait ends, and what a waiter asks for.

#include <cstdint>

#include "shm/stamp.h"

namespace mp {

enum class SyncOutcome : uint8_t {
  kPending,        // must wait
  kDone,           // acquired, notified, set, or the barrier has opened
  kDoneAbandoned,  // acquired a lock whose holder died, as asked for
  kLeader,         // last at a barrier with an action: run it, then Finish or BreakPhase
  kTimedOut,       // not acquired in time
  kAbandoned,      // the holder of the lock has died; it stays abandoned
  kBroken,         // the barrier is broken
  kClosed,         // the queue is drained and nobody is left who could put, or closed here
  kFailed,         // there is no memory for it
  kForeign,        // this is a forked child, and the handle its parent's
};

constexpr uint32_t kMaxHolder = 0xff'ffff;

// How a lock is asked for. Passed in a register.
struct LockRequest {
  // Who inside this participant is to hold it: the task or the handle, 24 bits.
  uint32_t holder = 0;
  bool take_abandoned = false;
};

struct WaitRequest {
  LockRequest lock;

  // Kept by the object between attempts.
  uint64_t mark = 0;
  // Whose death would let this waiter go on.
  Stamp watch;
  // Place in the order of arrival at a barrier. Of a leader, whose place is the last: its phase.
  uint32_t index = 0;
  // What is to be put, or has been got: a QueueRequest.
  void* subject = nullptr;
};

}  // namespace mp
