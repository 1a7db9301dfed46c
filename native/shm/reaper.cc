#include "shm/reaper.h"

#include "os/thread_identity.h"

namespace mp {

Reaper::Report Reaper::Run() {
  Report report;
  if (!FindSuspects()) return report;
  if (!TakeLease()) {
    report.pending = 1;
    return report;
  }
  for (uint32_t id = 1; id < self_.segment().rows_used(); id += 1) {
    ParticipantRow& row = self_.segment().row(id);
    Identity identity = Identity::Unpack(row.identity.load(std::memory_order_seq_cst));
    if (identity.state == RowState::kSuspect) {
      GiveBack(id, identity);
      identity.state = RowState::kRecovered;
      row.identity.store(identity.packed(), std::memory_order_seq_cst);
      self_.segment().header().deaths.fetch_add(1, std::memory_order_relaxed);
      report.recovered += 1;
    }
    if (identity.state != RowState::kRecovered) continue;
    if (FreeRow(id, identity)) {
      report.freed += 1;
    } else {
      report.pending += 1;
    }
  }
  DropLease();
  return report;
}

// True when there is anything to do for the holder of the lease.
bool Reaper::FindSuspects() {
  bool found = false;
  for (uint32_t id = 1; id < self_.segment().rows_used(); id += 1) {
    ParticipantRow& row = self_.segment().row(id);
    uint64_t seen = row.identity.load(std::memory_order_seq_cst);
    Identity identity = Identity::Unpack(seen);
    bool died = false;
    if (identity.state == RowState::kLive) {
      died = HolderHasDied(self_.segment().TokenWord(row));
    } else if (identity.state == RowState::kPassing) {
      // No token yet, or none any more: the kernel is asked about the thread's number.
      died = HasEnded(ThreadIdentity{0, identity.tid, 0, 0});
    }
    if (died) {
      identity.state = RowState::kSuspect;
      row.identity.compare_exchange_strong(seen, identity.packed());
    }
    found = found || died || identity.state == RowState::kSuspect ||
            identity.state == RowState::kRecovered;
  }
  return found;
}

bool Reaper::TakeLease() {
  std::atomic<uint64_t>& lease = self_.segment().header().lease;
  uint64_t holder = lease.load(std::memory_order_seq_cst);
  const uint64_t mine = self_.stamp().packed();
  if (holder == mine) return true;
  if (holder != 0 && self_.segment().IsAlive(Stamp::Unpack(static_cast<uint32_t>(holder)))) {
    return false;
  }
  return lease.compare_exchange_strong(holder, mine);
}

void Reaper::DropLease() {
  uint64_t mine = self_.stamp().packed();
  self_.segment().header().lease.compare_exchange_strong(mine, 0);
}

// Stage one. Dead anywhere in here: the row is still suspect, and the next reaper begins again;
// what was marked as recovered is left out.
void Reaper::GiveBack(uint32_t id, const Identity& dead) {
  Segment& segment = self_.segment();
  const Stamp stamp{static_cast<uint16_t>(id), dead.generation};
  ForEachLedgerEntry(segment, segment.row(id), [&](std::atomic<uint64_t>& entry) {
    const uint64_t seen = entry.load(std::memory_order_acquire);
    if ((seen & kEntryUsed) == 0 || (seen & kEntryRecovered) != 0) return;
    ObjectRef ref = RefOfLedgerEntry(seen);
    ref.kind = store_.LiveKind(ref);
    if (ref.kind != ObjectKind::kNone) recover_(store_, self_, ref, stamp);
    entry.store(seen | kEntryRecovered, std::memory_order_seq_cst);
  });
}

// Stage two: from here on nothing of the dead runs any more. Dead anywhere in here: the row is
// still recovered, every step may be done again, and what was half done is announced.
bool Reaper::FreeRow(uint32_t id, const Identity& dead) {
  Segment& segment = self_.segment();
  ParticipantRow& row = segment.row(id);
  if (!HasEnded(ThreadIdentity{row.pid.load(), dead.tid, row.start_time.load(), 0})) return false;
  // First, while what the dead was attached to is still there to be asked.
  if (row.UsesArena()) {
    const Stamp stamp{static_cast<uint16_t>(id), dead.generation};
    if (recover_memory_ == nullptr || !recover_memory_(store_, self_, stamp)) return false;
    for (auto& word : row.ring_announced) word.store(0, std::memory_order_seq_cst);
    row.step_announced[0].store(0, std::memory_order_seq_cst);
    row.uses.store(0, std::memory_order_seq_cst);
  }
  ForEachLedgerEntry(segment, row, [&](std::atomic<uint64_t>& entry) {
    const uint64_t seen = entry.load(std::memory_order_acquire);
    if ((seen & kEntryUsed) == 0) return;
    store_.DetachDead(RefOfLedgerEntry(seen).offset, id);
    entry.store(0, std::memory_order_seq_cst);
  });
  store_.ResolveAnnouncement(row.announced.load(std::memory_order_seq_cst));
  row.announced.store(0, std::memory_order_seq_cst);
  store_.FreeLedgerBlocks(&row);
  store_.SettleChunks();
  const Identity free{RowState::kFree, dead.generation, 0};
  row.identity.store(free.packed(), std::memory_order_seq_cst);
  return true;
}

}  // namespace mp
