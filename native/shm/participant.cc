#include "shm/participant.h"

#include <cerrno>
#include <utility>

#include "base/deadline.h"
#include "os/doorbell.h"
#include "os/futex.h"
#include "os/thread_identity.h"

namespace mp {
namespace {

void NoteRing(ParticipantRow* row) {
  if (row->rung_ns.load(std::memory_order_relaxed) == kNever) return;
  row->rung_ns.store(MonotonicNs(), std::memory_order_relaxed);
}

}  // namespace

Result<std::unique_ptr<Participant>> Participant::Join(std::shared_ptr<Segment> segment) {
  std::unique_ptr<Participant> self(new Participant());
  self->segment_ = std::move(segment);
  auto mark = ForkMark::Make();
  if (!mark.ok()) return mark.status();
  auto thread = CurrentThread();
  if (!thread.ok()) return thread.status();
  auto taken = self->TakeRow();
  if (!taken.ok()) return taken.status();

  // Dead from here to the last store: a row in passing, with a thread number that no longer exists.
  ParticipantRow& row = self->segment_->row(taken.value().id);
  row.pid.store(thread.value().pid, std::memory_order_relaxed);
  row.start_time.store(thread.value().start_time, std::memory_order_relaxed);
  row.doorbell.store(-1, std::memory_order_relaxed);
  row.settled.store(0, std::memory_order_relaxed);
  row.rung_ns.store(0, std::memory_order_relaxed);
  row.relay_calls.store(0, std::memory_order_relaxed);
  row.wake.store(WithWakeState(row.wake.load(std::memory_order_relaxed), WakeState::kAwake),
                 std::memory_order_relaxed);
  auto token_word = TakeDeathToken(&row.token);
  if (!token_word.ok()) {
    row.identity.store(Identity{RowState::kFree, taken.value().generation, 0}.packed());
    return token_word.status();
  }
  row.token_word.store(token_word.value(), std::memory_order_relaxed);
  self->row_ = &row;
  self->stamp_ = taken.value();
  self->mark_ = std::move(mark.value());
  const Identity live{RowState::kLive, self->stamp_.generation, thread.value().tid};
  row.identity.store(live.packed(), std::memory_order_seq_cst);
  return self;
}

// The thread number goes into the row by the same step that takes it.
Result<Stamp> Participant::TakeRow() {
  const uint32_t tid = CurrentTid();
  for (uint32_t id = 1; id < segment_->participants(); id += 1) {
    std::atomic<uint64_t>& word = segment_->row(id).identity;
    uint64_t seen = word.load(std::memory_order_acquire);
    const Identity free = Identity::Unpack(seen);
    if (free.state != RowState::kFree) continue;
    const uint16_t generation = static_cast<uint16_t>(free.generation + 1);
    const Identity mine{RowState::kPassing, generation, tid};
    // Before the row: whoever looks for the dead must not stop short of it.
    std::atomic<uint32_t>& used = segment_->header().rows_used;
    uint32_t highest = used.load(std::memory_order_relaxed);
    while (highest <= id && !used.compare_exchange_weak(highest, id + 1)) {
    }
    if (word.compare_exchange_strong(seen, mine.packed())) {
      return Stamp{static_cast<uint16_t>(id), generation};
    }
  }
  return Status::Failed(EAGAIN, "Join");
}

Participant::~Participant() {
  Leave();
}

bool Participant::Leave() {
  if (row_ == nullptr || !IsMine()) return true;
  relay_.reset();
  ParticipantRow& row = *std::exchange(row_, nullptr);
  const Identity live{RowState::kLive, stamp_.generation, CurrentTid()};
  Identity next = live;
  uint64_t expected = live.packed();
  next.state = RowState::kPassing;
  // Dead from here to the end: a row in passing. Nobody takes it while the C library still has its
  // token on this thread's list.
  if (!row.identity.compare_exchange_strong(expected, next.packed())) return false;
  DropDeathToken(&row.token);
  const bool clean = row.announced.load() == 0 && row.overflow.load() == 0 && !row.UsesArena();
  bool empty = clean;
  for (const auto& entry : row.ledger) empty = empty && entry.load() == 0;
  next.state = empty ? RowState::kFree : RowState::kSuspect;
  row.identity.store(next.packed(), std::memory_order_seq_cst);
  return empty;
}

void Participant::DropBellsOfTheDead() {
  std::erase_if(bells_, [this](const auto& entry) {
    return !segment_->IsAlive({static_cast<uint16_t>(entry.first), entry.second.generation});
  });
}

void Participant::CloseInherited() {
  relay_.reset();
  doorbell_.Reset();
  bells_.clear();
}

void Participant::Ring(uint32_t id) {
  if (id == 0 || id >= segment_->participants()) return;
  ParticipantRow& row = segment_->row(id);
  const uint32_t seen = row.wake.load(std::memory_order_seq_cst);
  switch (WakeStateOf(seen)) {
    case WakeState::kAsleep:
    case WakeState::kBeingRung:
      RingSleeper(&row, seen);
      return;
    case WakeState::kArmed:
      // Rung before it is marked: the ring stays in the pipe. Dead between the two: others ring
      // once more.
      RingDoorbellOf(id, seen);
      return;
    default:
      return;
  }
}

// Marked before it is woken: a sleeper that is not yet asleep must find the word changed. Dead
// between the two: the word says being rung and the sleeper sleeps. Hence whoever finds it so wakes
// as well, the reaper at the latest. Once it has been woken, nobody else needs to: it may be long
// until it runs, and others put meanwhile.
void Participant::RingSleeper(ParticipantRow* row, uint32_t seen) {
  if (WakeStateOf(seen) == WakeState::kAsleep) {
    NoteRing(row);
    uint32_t asleep = seen;
    row->wake.compare_exchange_strong(asleep, WithWakeState(seen, WakeState::kBeingRung));
  }
  FutexWake(row->wake, 1);
  // Of the arming that was seen, and of no later one, which nobody has woken.
  uint32_t ringing = WithWakeState(seen, WakeState::kBeingRung);
  row->wake.compare_exchange_strong(ringing, WithWakeState(seen, WakeState::kRungAsleep));
}

void Participant::RingDoorbellOf(uint32_t id, uint32_t seen) {
  ParticipantRow& row = segment_->row(id);
  const int bell = id == stamp_.id ? doorbell_.get() : BellOf(id);
  if (bell < 0) {
    const auto known = bells_.find(id);
    if (known == bells_.end() || !known->second.closed_to_us) return;
    NoteRing(&row);
    BellRelay::Call(&row);
    return;
  }
  NoteRing(&row);
  if (!RingDoorbell(bell).ok()) return;
  row.wake.compare_exchange_strong(seen, WithWakeState(seen, WakeState::kRungArmed));
}

// Opened once and kept. -1 when there is none, or it is closed to us.
int Participant::BellOf(uint32_t id) {
  const ParticipantRow& row = segment_->row(id);
  const Identity identity = Identity::Unpack(row.identity.load(std::memory_order_seq_cst));
  Bell& bell = bells_[id];
  const bool known = bell.fd || bell.closed_to_us;
  if (!known || bell.generation != identity.generation) {
    bell = {};
    auto opened = OpenDoorbell(row.pid.load(std::memory_order_acquire),
                               row.doorbell.load(std::memory_order_acquire));
    // Its owner has ended. Where descriptors have run out, the owner's own looking around must do.
    const bool closed_to_us = opened.status().error == EACCES || opened.status().error == EPERM;
    if (!opened.ok() && !closed_to_us) return -1;
    // Looked at again after it was opened: an owner that still lives has kept its number and its
    // descriptor all the time. Otherwise this may be anybody's.
    if (!segment_->IsAlive({static_cast<uint16_t>(id), identity.generation})) return -1;
    bell.generation = identity.generation;
    bell.closed_to_us = closed_to_us;
    if (closed_to_us) return -1;
    bell.fd = std::move(opened.value());
  }
  return bell.fd.get();
}

Result<int> Participant::Doorbell() {
  if (!doorbell_) {
    auto made = MakeDoorbell();
    if (!made.ok()) return made.status();
    doorbell_ = std::move(made.value());
    row_->doorbell.store(doorbell_.get(), std::memory_order_release);
    // Before the first who may not ring has called: until then, this participant would learn of a
    // ring when it looks around.
    if (!OthersMayOpenOurs()) StartRelay();
  }
  return doorbell_.get();
}

// Where there is no thread to be had, its own looking around must do, and the next arming tries
// again.
void Participant::StartRelay() {
  auto started = BellRelay::Start(row_, doorbell_.get());
  if (started.ok()) relay_ = std::move(started.value());
}

bool Participant::DisarmDoorbell() {
  const bool rung = Disarm();
  // A ring that was not marked in time lies in the pipe all the same.
  return Silence() || rung;
}

bool Participant::Disarm() {
  return DisarmWakeWord(&row_->wake);
}

bool Participant::Silence() {
  return doorbell_ && SilenceDoorbell(doorbell_.get());
}

bool Participant::HasSettled(const Segment& segment, uint32_t pid) {
  for (uint32_t id = 1; id < segment.rows_used(); id += 1) {
    const ParticipantRow& row = segment.row(id);
    if (row.pid.load(std::memory_order_relaxed) != pid) continue;
    const Identity identity = Identity::Unpack(row.identity.load(std::memory_order_acquire));
    const bool alive = segment.IsAlive({static_cast<uint16_t>(id), identity.generation});
    // Alive first: a row is written from the beginning before it becomes live.
    if (alive && row.settled.load(std::memory_order_acquire) != 0) return true;
  }
  return false;
}

bool Participant::HadSettled(const Segment& segment, uint32_t pid) {
  for (uint32_t id = 1; id < segment.rows_used(); id += 1) {
    const ParticipantRow& row = segment.row(id);
    const bool its = row.pid.load(std::memory_order_relaxed) == pid;
    if (its && row.settled.load(std::memory_order_acquire) != 0) return true;
  }
  return false;
}

bool Participant::IsAnyOf(const Segment& segment, uint32_t pid) {
  for (uint32_t id = 1; id < segment.rows_used(); id += 1) {
    const ParticipantRow& row = segment.row(id);
    const auto state = Identity::Unpack(row.identity.load(std::memory_order_acquire)).state;
    if (state != RowState::kFree && row.pid.load(std::memory_order_relaxed) == pid) return true;
  }
  return false;
}

}  // namespace mp
