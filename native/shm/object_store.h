#pragma once
// Places for objects: claimed and freed by single compare-and-swaps on header words that carry
// their owner's stamp, so that no death leaves a place without a name on it. Grows chunk by chunk,
// and gives back the memory of those that are empty.
//
// An object lives as long as a participant is attached to it. Every participant keeps a ledger of
// what it is attached to, written before the fact: it is all that a reaper has to look at.

#include <cstdint>
#include <functional>
#include <unordered_map>
#include <utility>
#include <vector>

#include "base/status.h"
#include "shm/chunk_word.h"
#include "shm/layout.h"
#include "shm/object_header.h"
#include "shm/participant.h"

namespace mp {

class ObjectStore {
 public:
  explicit ObjectStore(Participant* participant) : self_(*participant) {}

  // A place of zeros, for the caller alone. Fails with ENOSPC when the segment is full.
  Result<ObjectRef> Claim(ObjectKind kind);
  // Makes it what others may attach to; the caller is attached.
  void Publish(const ObjectRef& ref);
  // Fails with ESTALE when there is no such object (any more), EINVAL for what cannot be one.
  // Attaching again to what one is attached to changes nothing.
  Status Attach(const ObjectRef& ref);
  // The last one to detach frees the place.
  void Detach(const ObjectRef& ref);

  // A reference leaves this process, which is attached: the object lives until it has landed.
  void Depart(const ObjectRef& ref);
  // It has arrived where somebody is attached by now, or will never arrive. Whoever dies with a
  // reference in its hands leaves the place taken until the segment ends; not so who announces each
  // of the two as the step (shm/step.h) that it is.
  void Land(const ObjectRef& ref);
  // As that step of this participant, which is attached. False when there is nothing to count.
  bool CountOut(const ObjectRef& ref, uint32_t step);
  bool CountIn(const ObjectRef& ref, uint32_t step);
  // Asked of the last step of somebody else, who is dead.
  bool WasCounted(const ObjectRef& ref, uint32_t id, uint32_t step) const;
  static uint64_t Travelling(const SharedObject& object);
  // Bytes of a place for such an object.
  static uint64_t SizeOf(ObjectKind kind) { return BytesOf(SizeFor(kind)); }

  // Null unless the object lives and is of that kind.
  SharedObject* Find(const ObjectRef& ref) const;
  LargeObject* FindLarge(const ObjectRef& ref) const;

  // What lives at the reference's place in its generation; kNone when nothing does. For entries of
  // a ledger, which do not say.
  ObjectKind LiveKind(const ObjectRef& ref) const;

  // What is let go of with an object that nobody has any more.
  struct Dismantling {
    bool has_no_ledger = false;
    std::vector<ObjectRef> let_go;
  };
  // Called with such an object, just before its place is free: what it has of the arena is given
  // back, and what it refers to kept and counted in. False: there is more, for another call. May be
  // called again after a death.
  using Dismantle = std::function<bool(const ObjectRef& ref, Dismantling* dismantling)>;
  void SetDismantle(Dismantle dismantle) { dismantle_ = std::move(dismantle); }
  // Attached until the dismantled object's place is free: dead before that, the ledger leads the
  // reaper to it. False: not in this call.
  bool KeepFor(Dismantling* dismantling, const ObjectRef& ref);
  bool IsAttached(const ObjectRef& ref) const;

  // For the reaper: ends the attachment of a dead participant to whatever is there now. Of the own
  // one, when what was to be there has gone.
  void DetachDead(uint64_t offset, uint32_t id);
  // Frees an object that nobody is attached to and of which no reference travels.
  void RetireIfUnused(const ObjectRef& ref);
  // Finishes what the announcement of a dead participant was about.
  void ResolveAnnouncement(uint64_t offset);
  void FreeLedgerBlocks(ParticipantRow* row);
  // Goes on where the dead were about to get memory for chunks, or to give it back.
  void SettleChunks();

 private:
  friend struct ObjectStoreTestAccess;
  static constexpr size_t kLetGoAtOnce = 8;

  static PlaceSize SizeFor(ObjectKind kind);
  static bool IsUnused(const SharedObject& object);
  Segment& segment() const { return self_.segment(); }
  SharedObject* PlaceAt(uint64_t offset, PlaceSize size) const;
  SharedObject* KnownPlaceAt(uint64_t offset) const;
  Result<uint64_t> FindPlace(ObjectKind kind);
  uint64_t FindIn(uint64_t first, ObjectKind kind);
  uint64_t ClaimIn(uint64_t chunk, ObjectKind kind);
  void FreePlace(uint64_t offset, uint64_t seen);
  bool IsLinkedBlock(uint64_t offset, Stamp owner) const;

  // Chunks (shm/chunk_life.cc).
  Result<uint64_t> GrowFor(PlaceSize size);
  bool IsToBeHad(const ChunkWord& chunk, PlaceSize size) const;
  Status Commit(uint64_t index, ChunkWord mine);
  void OpenPlaces(uint64_t index, const ChunkWord& mine);
  void GiveBackIfEmpty(uint64_t index);
  bool IsEmpty(uint64_t index, PlaceSize size) const;
  void Clear(uint64_t index, PlaceSize size);
  bool GoOnClearing(uint64_t index, ChunkWord mine);
  bool WithdrawPlaces(uint64_t index, ChunkWord* mine);
  void Discard(uint64_t index, const ChunkWord& mine);
  void Settle(uint64_t index, uint64_t seen);
  std::atomic<uint64_t>& HeaderIn(uint64_t index, PlaceSize size, uint64_t place) const;

  bool RetireOnce(const ObjectRef& ref);
  Status ReserveEntries(size_t count);
  std::atomic<uint64_t>* EntryAt(uint32_t slot) const;
  void Enter(const ObjectRef& ref);
  void Strike(const ObjectRef& ref);

  Participant& self_;
  Dismantle dismantle_;
  // For places of each size.
  static constexpr uint32_t kLookAgain = 64;
  struct Search {
    uint64_t full_below = 0;
    uint32_t claims = 0;
  };
  Search searches_[5];
  // The own ledger, seen from this process.
  bool ledger_ready_ = false;
  std::vector<uint32_t> free_entries_;
  std::vector<std::atomic<uint64_t>*> blocks_;
  struct Entered {
    uint32_t slot = 0;
    uint32_t generation = 0;
  };
  std::unordered_map<uint64_t, Entered> entered_;
};

// Calls `visit(entry)` for every entry of a row's ledger.
template <typename Visit>
void ForEachLedgerEntry(Segment& segment, ParticipantRow& row, Visit visit) {
  for (auto& entry : row.ledger) visit(entry);
  uint64_t offset = row.overflow.load(std::memory_order_acquire);
  // Bounded: a chain longer than the segment has places is damage.
  for (uint64_t left = segment.chunks() * (kChunkSize / sizeof(LedgerBlock)); left > 0; left -= 1) {
    auto* const block = segment.ObjectAt<LedgerBlock>(offset);
    if (block == nullptr) return;
    for (auto& entry : block->entries) visit(entry);
    offset = block->next.load(std::memory_order_acquire);
  }
}

}  // namespace mp
