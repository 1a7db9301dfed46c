#pragma once
// A thread's membership in a segment: a row of the table, held from Join to Leave by the thread
// that joined, which is the only one that may use this object. A forked child finds its parent's
// memberships dead to it (IsMine is false) and joins for itself.

#include <atomic>
#include <cstdint>
#include <memory>
#include <unordered_map>

#include "base/status.h"
#include "base/unique_fd.h"
#include "os/fork_mark.h"
#include "shm/bell_relay.h"
#include "shm/segment.h"
#include "shm/stamp.h"
#include "shm/wake.h"

namespace mp {

class Participant {
 public:
  // Fails with EAGAIN when every row is taken.
  static Result<std::unique_ptr<Participant>> Join(std::shared_ptr<Segment> segment);
  // Leaves, unless that has been done or the process is a child of the one that joined.
  ~Participant();
  Participant(const Participant&) = delete;
  Participant& operator=(const Participant&) = delete;

  // By the thread that joined. False when something is left, which a reaper recovers as if this
  // participant had died.
  bool Leave();
  bool HasLeft() const { return row_ == nullptr; }

  bool IsMine() const { return mark_.IsMakersProcess(); }
  const std::atomic<uint32_t>* fork_mark() const { return mark_.word(); }
  Stamp stamp() const { return stamp_; }
  Segment& segment() const { return *segment_; }
  ParticipantRow& row() const { return *row_; }
  std::atomic<uint32_t>& wake() const { return row_->wake; }

  // Wakes a participant that has armed its wake word; nothing when it is awake.
  void Ring(uint32_t id);

  // The descriptor to watch in an event loop, made at the first call.
  Result<int> Doorbell();
  // Before the event loop blocks: from here on a ring makes the doorbell readable. The caller then
  // looks at everything that it waits for before it blocks.
  void ArmDoorbell() {
    ArmWakeWord(&row_->wake, WakeState::kArmed);
    if (row_->relay_calls.load(std::memory_order_relaxed) != 0 && !relay_) StartRelay();
  }
  // After it has blocked, or found that it need not. True when somebody has rung.
  bool DisarmDoorbell();
  // Descriptors for ringing those that have died.
  void DropBellsOfTheDead();
  // In a forked child, where nothing else may be done with it: closes what was opened for it.
  void CloseInherited();
  // The two halves of it. What has been rung and was not seen by the first makes the doorbell
  // readable, for the second to take back.
  bool Disarm();
  bool Silence();

  // In a forked child, when it has opened what its parent had open.
  void Settle() { row_->settled.store(1, std::memory_order_release); }
  static bool HasSettled(const Segment& segment, uint32_t pid);
  // The same of one that has ended, as long as nobody else has taken its row.
  static bool HadSettled(const Segment& segment, uint32_t pid);
  // Whether a thread of that process takes part, or has died doing so.
  static bool IsAnyOf(const Segment& segment, uint32_t pid);

 private:
  Participant() = default;
  Result<Stamp> TakeRow();
  static void RingSleeper(ParticipantRow* row, uint32_t seen);
  void RingDoorbellOf(uint32_t id, uint32_t seen);
  int BellOf(uint32_t id);
  void StartRelay();

  struct Bell {
    uint16_t generation = 0;
    bool closed_to_us = false;
    UniqueFd fd;
  };

  std::shared_ptr<Segment> segment_;
  ForkMark mark_;
  ParticipantRow* row_ = nullptr;
  Stamp stamp_;
  UniqueFd doorbell_;
  std::unique_ptr<BellRelay> relay_;
  std::unordered_map<uint32_t, Bell> bells_;
};

}  // namespace mp
