#include "shm/object_store.h"

#include <algorithm>
#include <cerrno>
#include <cstring>

#include "shm/bitmap.h"

namespace mp {
namespace {

void Zero(std::atomic<uint64_t>* first, const void* end) {
  for (; static_cast<const void*>(first) < end; first += 1) {
    first->store(0, std::memory_order_relaxed);
  }
}

}  // namespace

PlaceSize ObjectStore::SizeFor(ObjectKind kind) {
  if (kind == ObjectKind::kLedgerBlock) return PlaceSize::kLedger;
  if (kind == ObjectKind::kQueue) return PlaceSize::kHuge;
  const bool large = kind == ObjectKind::kBoundedSemaphore || kind == ObjectKind::kCondition;
  return large ? PlaceSize::kLarge : PlaceSize::kSmall;
}

SharedObject* ObjectStore::PlaceAt(uint64_t offset, PlaceSize size) const {
  if (size == PlaceSize::kHuge) return &segment().ObjectAt<HugeObject>(offset)->object;
  return size == PlaceSize::kLarge ? &segment().ObjectAt<LargeObject>(offset)->object
                                   : segment().ObjectAt<SharedObject>(offset);
}

// The place that begins at an offset from anywhere, or null when none does.
SharedObject* ObjectStore::KnownPlaceAt(uint64_t offset) const {
  if (segment().ObjectAt<SharedObject>(offset) == nullptr) return nullptr;
  const uint64_t inside = offset - segment().chunks_offset();
  const ChunkEntry& entry = segment().chunk(inside / kChunkSize);
  const auto chunk = ChunkWord::Unpack(entry.state.load(std::memory_order_seq_cst));
  if (!chunk.HasPlaces()) return nullptr;
  const PlaceSize size = chunk.size;
  const uint64_t within = inside % kChunkSize;
  const bool begins = within % BytesOf(size) == 0 && within + BytesOf(size) <= kChunkSize;
  return begins ? PlaceAt(offset, size) : nullptr;
}

SharedObject* ObjectStore::Find(const ObjectRef& ref) const {
  SharedObject* const object = KnownPlaceAt(ref.offset);
  if (object == nullptr) return nullptr;
  const ObjectHeader live{ObjectState::kLive, ref.kind, ref.generation, {}};
  return object->header.load(std::memory_order_seq_cst) == live.packed() ? object : nullptr;
}

ObjectKind ObjectStore::LiveKind(const ObjectRef& ref) const {
  SharedObject* const object = KnownPlaceAt(ref.offset);
  if (object == nullptr) return ObjectKind::kNone;
  const auto header = ObjectHeader::Unpack(object->header.load(std::memory_order_seq_cst));
  const bool lives = header.state == ObjectState::kLive && header.generation == ref.generation;
  return lives ? header.kind : ObjectKind::kNone;
}

LargeObject* ObjectStore::FindLarge(const ObjectRef& ref) const {
  if (SizeFor(ref.kind) != PlaceSize::kLarge || Find(ref) == nullptr) return nullptr;
  return segment().ObjectAt<LargeObject>(ref.offset);
}

Result<ObjectRef> ObjectStore::Claim(ObjectKind kind) {
  // First, because a new ledger block is claimed by way of the same announcement.
  if (const Status status = ReserveEntries(1); !status.ok()) return status;
  auto offset = FindPlace(kind);
  if (!offset.ok()) return offset.status();
  SharedObject* const object = PlaceAt(offset.value(), SizeFor(kind));
  Zero(&object->word,
       reinterpret_cast<const std::byte*>(object) + static_cast<size_t>(BytesOf(SizeFor(kind))));
  const ObjectHeader header = ObjectHeader::Unpack(object->header.load(std::memory_order_relaxed));
  return ObjectRef{offset.value(), header.generation, kind};
}

// Dead before the header's store: a claimed place, announced; the reaper frees it. Dead after it: a
// live object in the ledger.
void ObjectStore::Publish(const ObjectRef& ref) {
  SharedObject* const object = PlaceAt(ref.offset, SizeFor(ref.kind));
  Enter(ref);
  SetBit(&object->attached, self_.stamp().id);
  const ObjectHeader live{ObjectState::kLive, ref.kind, ref.generation, {}};
  object->header.store(live.packed(), std::memory_order_seq_cst);
  self_.row().announced.store(0, std::memory_order_seq_cst);
}

Status ObjectStore::Attach(const ObjectRef& ref) {
  const auto kind = static_cast<uint8_t>(ref.kind);
  if (kind <= static_cast<uint8_t>(ObjectKind::kLedgerBlock) || kind > kLastObjectKind) {
    return Status::Failed(EINVAL, "Attach");
  }
  if (segment().ObjectAt<SharedObject>(ref.offset) == nullptr) {
    return Status::Failed(EINVAL, "Attach");
  }
  SharedObject* const object = Find(ref);
  if (object == nullptr) return Status::Failed(ESTALE, "Attach");
  if (IsAttached(ref)) return Status::Ok();
  if (const Status status = ReserveEntries(1); !status.ok()) return status;
  Enter(ref);
  SetBit(&object->attached, self_.stamp().id);
  // Bit, then header; who retires it, header, then bits: one of the two sees the other.
  if (Find(ref) != nullptr) return Status::Ok();
  // The bit may be that of a later object in the same place, whose last participant has seen it and
  // left the object to this one.
  DetachDead(ref.offset, self_.stamp().id);
  Strike(ref);
  return Status::Failed(ESTALE, "Attach");
}

// Dead anywhere in here: the entry is still in the ledger, and every step may be done again.
void ObjectStore::Detach(const ObjectRef& ref) {
  SharedObject* const object = PlaceAt(ref.offset, SizeFor(ref.kind));
  ClearBit(&object->attached, self_.stamp().id);
  RetireIfUnused(ref);
  Strike(ref);
}

// Counted before it is free and, in ClaimIn, after it was taken: a death leaves the count too low,
// which costs a look into a full chunk and loses nothing.
void ObjectStore::FreePlace(uint64_t offset, uint64_t seen) {
  const uint64_t index = (offset - segment().chunks_offset()) / kChunkSize;
  segment().chunk(index).used.fetch_sub(1, std::memory_order_seq_cst);
  const uint32_t generation = ObjectHeader::Unpack(seen).generation;
  const ObjectHeader free{ObjectState::kFree, ObjectKind::kNone, generation, {}};
  SharedObject* const place = KnownPlaceAt(offset);
  if (place == nullptr) return;  // damage
  place->header.compare_exchange_strong(seen, free.packed());
  for (Search& search : searches_) search.full_below = std::min(search.full_below, index);
  GiveBackIfEmpty(index);
}

// In the lowest chunk that has one, so that the others come to be empty. Those below `full_below`
// had none when they were looked at, and this participant has freed none there; now and then they
// are looked at again for what others have.
Result<uint64_t> ObjectStore::FindPlace(ObjectKind kind) {
  const PlaceSize size = SizeFor(kind);
  Search& search = searches_[static_cast<uint8_t>(size)];
  search.claims += 1;
  if (search.claims % kLookAgain == 0) search.full_below = 0;
  const uint64_t begin = search.full_below;
  uint64_t offset = FindIn(begin, kind);
  if (offset == 0 && begin != 0) offset = FindIn(0, kind);
  if (offset != 0) return offset;
  for (;;) {
    auto grown = GrowFor(size);
    if (!grown.ok()) return grown.status();
    offset = ClaimIn(grown.value(), kind);
    if (offset != 0) return offset;  // else others have filled it already
  }
}

// 0 when there is none from that chunk on.
uint64_t ObjectStore::FindIn(uint64_t first, ObjectKind kind) {
  const PlaceSize size = SizeFor(kind);
  const auto places = static_cast<int64_t>(PlacesOf(size));
  // One that somebody is at is passed over, who may be stopped: those behind it are there.
  for (uint64_t index = first; index < segment().chunks(); index += 1) {
    const ChunkEntry& entry = segment().chunk(index);
    const auto chunk = ChunkWord::Unpack(entry.state.load(std::memory_order_acquire));
    if (chunk.state == ChunkState::kNone) break;
    if (chunk.state != ChunkState::kReady || !chunk.IsOf(size)) continue;
    if (entry.used.load(std::memory_order_relaxed) >= places) continue;
    const uint64_t offset = ClaimIn(index, kind);
    if (offset == 0) continue;
    searches_[static_cast<uint8_t>(size)].full_below = index;
    return offset;
  }
  return 0;
}

// 0 when the chunk is full. Announced first: dead after the claim, the place is found.
//
// The chunk may be about to be cleared by now, or have been: a place that was claimed before it was
// withdrawn keeps the chunk from that, and where there is no memory there is nothing but zeros,
// which is the header of no free place but in a chunk that is kept.
uint64_t ObjectStore::ClaimIn(uint64_t chunk, ObjectKind kind) {
  const PlaceSize size = SizeFor(kind);
  const uint64_t base = segment().chunks_offset() + chunk * kChunkSize;
  const uint64_t bytes = BytesOf(size);
  for (uint64_t place = 0; place < PlacesOf(size); place += 1) {
    const uint64_t offset = base + place * bytes;
    std::atomic<uint64_t>& word = PlaceAt(offset, size)->header;
    uint64_t seen = word.load(std::memory_order_acquire);
    // Not one after the other either: to read them takes memory.
    if (seen == 0 && chunk >= segment().kept_chunks()) break;
    const ObjectHeader free = ObjectHeader::Unpack(seen);
    if (free.state != ObjectState::kFree) continue;
    self_.row().announced.store(offset, std::memory_order_seq_cst);
    const ObjectHeader mine{ObjectState::kClaimed, kind, NextGeneration(free.generation),
                            self_.stamp()};
    if (!word.compare_exchange_strong(seen, mine.packed())) continue;
    segment().chunk(chunk).used.fetch_add(1, std::memory_order_relaxed);
    return offset;
  }
  self_.row().announced.store(0, std::memory_order_seq_cst);
  return 0;
}

bool ObjectStore::IsLinkedBlock(uint64_t offset, Stamp owner) const {
  if (owner.id == 0 || owner.id >= segment().participants()) return false;
  const ParticipantRow& row = segment().row(owner.id);
  if (Identity::Unpack(row.identity.load()).generation != owner.generation) return false;
  uint64_t linked = row.overflow.load(std::memory_order_acquire);
  while (linked != 0 && linked != offset) {
    const auto* const block = segment().ObjectAt<LedgerBlock>(linked);
    if (block == nullptr) return false;
    linked = block->next.load(std::memory_order_acquire);
  }
  return linked == offset;
}

void ObjectStore::ResolveAnnouncement(uint64_t offset) {
  SharedObject* const object = KnownPlaceAt(offset);
  if (object == nullptr) return;
  uint64_t seen = object->header.load(std::memory_order_seq_cst);
  const ObjectHeader header = ObjectHeader::Unpack(seen);
  // Another reaper had made it live again, and has died: only the announcement leads to it.
  if (header.state == ObjectState::kLive) {
    RetireIfUnused({offset, header.generation, header.kind});
    return;
  }
  if (!header.owner || segment().IsAlive(header.owner)) return;
  if (header.state == ObjectState::kClaimed && !IsLinkedBlock(offset, header.owner)) {
    FreePlace(offset, seen);
  }
  if (header.state == ObjectState::kRetired) {
    const ObjectHeader live{ObjectState::kLive, header.kind, header.generation, {}};
    if (object->header.compare_exchange_strong(seen, live.packed())) {
      RetireIfUnused({offset, header.generation, header.kind});
    }
  }
}

// Announced by the reaper, one by one: unlinked and then freed, a block is never both free and
// linked. Dead between the two: the next reaper resolves the announcement.
void ObjectStore::FreeLedgerBlocks(ParticipantRow* row) {
  for (;;) {
    const uint64_t offset = row->overflow.load(std::memory_order_acquire);
    auto* const block = segment().ObjectAt<LedgerBlock>(offset);
    if (block == nullptr) break;
    self_.row().announced.store(offset, std::memory_order_seq_cst);
    row->overflow.store(block->next.load(), std::memory_order_seq_cst);
    const uint64_t seen = block->header.load();
    const ObjectHeader header = ObjectHeader::Unpack(seen);
    if (header.state == ObjectState::kClaimed && header.kind == ObjectKind::kLedgerBlock) {
      FreePlace(offset, seen);
    }
  }
  row->overflow.store(0, std::memory_order_seq_cst);
  self_.row().announced.store(0, std::memory_order_seq_cst);
}

}  // namespace mp
