// The memory of chunks: got when places are wanting, given back when all of them are free.
//
// Whoever is about to do either has its name in the chunk's word. Stopped there it holds up nobody:
// others use other chunks, and what lives in this one. Dead there, the reaper goes on (Settle), or
// who needs places (GrowFor).

#include <algorithm>
#include <cerrno>

#include "shm/object_store.h"

namespace mp {

std::atomic<uint64_t>& ObjectStore::HeaderIn(uint64_t index, PlaceSize size, uint64_t place) const {
  const uint64_t chunk = segment().chunks_offset() + index * kChunkSize;
  return PlaceAt(chunk + place * BytesOf(size), size)->header;
}

// ---- getting it

// What had its places once stays divided as it was.
bool ObjectStore::IsToBeHad(const ChunkWord& chunk, PlaceSize size) const {
  const bool fits = chunk.IsOf(size) || chunk.generation == 0;
  switch (chunk.state) {
    case ChunkState::kNone:
      return true;
    case ChunkState::kBare:
      return chunk.IsOf(size);
    // Another one is at it, perhaps stopped: nobody waits for it, the next chunk serves as well.
    case ChunkState::kCommitting:
      return fits && !segment().IsAlive(chunk.owner);
    case ChunkState::kOpening:
      return chunk.IsOf(size) && !segment().IsAlive(chunk.owner);
    default:
      return false;
  }
}

// Chunks become ready one after another, those that had memory before come first. Dead while
// committing or opening: whoever needs the chunk takes it over; both may be done twice.
Result<uint64_t> ObjectStore::GrowFor(PlaceSize size) {
  uint64_t index = 0;
  while (index < segment().chunks()) {
    std::atomic<uint64_t>& word = segment().chunk(index).state;
    uint64_t seen = word.load(std::memory_order_acquire);
    const ChunkWord chunk = ChunkWord::Unpack(seen);
    if (!IsToBeHad(chunk, size)) {
      index += 1;
      continue;
    }
    const bool opening = chunk.state == ChunkState::kOpening;
    const ChunkWord mine{opening ? ChunkState::kOpening : ChunkState::kCommitting, size,
                         chunk.generation, self_.stamp()};
    if (!word.compare_exchange_strong(seen, mine.packed())) continue;
    if (opening) {
      OpenPlaces(index, mine);
      return index;
    }
    if (const Status committed = Commit(index, mine); !committed.ok()) return committed;
    return index;
  }
  return Status::Failed(ENOSPC, "Claim");
}

Status ObjectStore::Commit(uint64_t index, ChunkWord mine) {
  ChunkEntry& entry = segment().chunk(index);
  const Status reserved = segment().ReserveChunk(index);
  if (!reserved.ok()) {
    const bool unused = mine.generation == 0;
    entry.state.store(unused ? 0 : mine.With(ChunkState::kBare).packed(),
                      std::memory_order_seq_cst);
    return reserved;
  }
  if (index < segment().kept_chunks()) {
    entry.state.store(mine.With(ChunkState::kReady).packed(), std::memory_order_seq_cst);
    return Status::Ok();
  }
  if (mine.generation == 0) mine.generation = 1;
  entry.used.store(0, std::memory_order_seq_cst);
  mine.state = ChunkState::kOpening;
  entry.state.store(mine.packed(), std::memory_order_seq_cst);
  OpenPlaces(index, mine);
  return Status::Ok();
}

// Also those that were withdrawn, when it has come to nothing: if it was while they were being
// withdrawn, each goes on with its own generation. Who has looked at the chunk long ago may claim
// them at once, and what it makes lives although the chunk is not ready.
void ObjectStore::OpenPlaces(uint64_t index, const ChunkWord& mine) {
  for (uint64_t place = 0; place < PlacesOf(mine.size); place += 1) {
    std::atomic<uint64_t>& header = HeaderIn(index, mine.size, place);
    const uint64_t seen = header.load(std::memory_order_seq_cst);
    const ObjectHeader its = ObjectHeader::Unpack(seen);
    if (seen != 0 && its.state != ObjectState::kWithdrawn) continue;
    const bool goes_on = mine.state == ChunkState::kClearing;
    const ObjectHeader free{
        ObjectState::kFree, ObjectKind::kNone, goes_on ? its.generation : mine.generation, {}};
    // Nobody else changes such a header.
    header.store(free.packed(), std::memory_order_seq_cst);
  }
  segment().chunk(index).state.store(mine.With(ChunkState::kReady).packed(),
                                     std::memory_order_seq_cst);
}

// ---- giving it back

// Looked at before anything is withdrawn, since that keeps others from claiming it. What the count
// says comes first and may be too low.
bool ObjectStore::IsEmpty(uint64_t index, PlaceSize size) const {
  const ChunkEntry& entry = segment().chunk(index);
  const auto chunk = ChunkWord::Unpack(entry.state.load(std::memory_order_seq_cst));
  if (chunk.state != ChunkState::kReady || !chunk.IsSound() || !chunk.IsOf(size)) return false;
  if (entry.used.load(std::memory_order_seq_cst) > 0) return false;
  for (uint64_t place = 0; place < PlacesOf(size); place += 1) {
    const uint64_t seen = HeaderIn(index, size, place).load(std::memory_order_seq_cst);
    if (ObjectHeader::Unpack(seen).state != ObjectState::kFree) return false;
    // Its memory has just gone: to read on would take some.
    if (seen == 0 && index >= segment().kept_chunks()) return false;
  }
  return true;
}

// One empty one of each size stays as it is, for what comes and goes: of two the lower. Everybody
// agrees which one it is, and nobody has to look for it. Dead in here: the reaper looks at all.
void ObjectStore::GiveBackIfEmpty(uint64_t index) {
  const ChunkEntry& entry = segment().chunk(index);
  if (entry.used.load(std::memory_order_seq_cst) > 0) return;
  const auto chunk = ChunkWord::Unpack(entry.state.load(std::memory_order_seq_cst));
  if (chunk.state != ChunkState::kReady || !chunk.IsSound()) return;
  auto& spare = segment().header().spare_chunks[static_cast<uint8_t>(chunk.size)];
  uint32_t seen = spare.load(std::memory_order_seq_cst);
  while (seen != index) {
    const bool known = seen < segment().chunks() && IsEmpty(seen, chunk.size);
    if (known && seen < index) return Clear(index, chunk.size);
    if (!spare.compare_exchange_strong(seen, static_cast<uint32_t>(index))) continue;
    // The other one may have become empty meanwhile, and taken itself for the one that stays: spare
    // and then its places, its place and then the spare.
    if (seen < segment().chunks()) Clear(seen, chunk.size);
    return;
  }
}

// Again when it has come to nothing: who freed a place meanwhile has found the chunk being cleared,
// and left it at that. Ready and then the places, the place and then whether it is ready: one of
// the two sees the other.
void ObjectStore::Clear(uint64_t index, PlaceSize size) {
  if (index < segment().kept_chunks()) return;
  std::atomic<uint64_t>& word = segment().chunk(index).state;
  while (IsEmpty(index, size)) {
    uint64_t seen = word.load(std::memory_order_seq_cst);
    const ChunkWord chunk = ChunkWord::Unpack(seen);
    if (chunk.state != ChunkState::kReady) return;
    const ChunkWord mine = chunk.With(ChunkState::kClearing, self_.stamp());
    if (!word.compare_exchange_strong(seen, mine.packed())) return;
    if (GoOnClearing(index, mine)) return;
  }
}

// False when somebody has a place of it, and it is as it was.
bool ObjectStore::GoOnClearing(uint64_t index, ChunkWord mine) {
  if (!WithdrawPlaces(index, &mine)) {
    OpenPlaces(index, mine);
    return false;
  }
  mine.state = ChunkState::kDiscarding;
  segment().chunk(index).state.store(mine.packed(), std::memory_order_seq_cst);
  Discard(index, mine);
  return true;
}

// Those that are withdrawn already were by somebody dead, of whom this one has taken it over. The
// latest generation of any place becomes the chunk's. It is the one that lies furthest behind that
// with which all of them began: they come round.
bool ObjectStore::WithdrawPlaces(uint64_t index, ChunkWord* mine) {
  uint32_t furthest = 0;
  for (uint64_t place = 0; place < PlacesOf(mine->size); place += 1) {
    std::atomic<uint64_t>& header = HeaderIn(index, mine->size, place);
    uint64_t seen = header.load(std::memory_order_seq_cst);
    ObjectHeader its = ObjectHeader::Unpack(seen);
    if (its.state == ObjectState::kFree) {
      its.state = ObjectState::kWithdrawn;
      if (!header.compare_exchange_strong(seen, its.packed())) return false;
    }
    if (its.state != ObjectState::kWithdrawn) return false;
    furthest = std::max(furthest, (its.generation - mine->generation) & kObjectGenerationMask);
  }
  mine->generation = (mine->generation + furthest) & kObjectGenerationMask;
  return true;
}

// Dead before or after the memory has gone: it goes once more. Where the system forbids that, the
// places are used again; some of them may be of zeros by then, so all begin with the chunk's
// generation.
void ObjectStore::Discard(uint64_t index, const ChunkWord& mine) {
  if (segment().DiscardChunk(index).ok()) {
    segment().chunk(index).state.store(mine.With(ChunkState::kBare).packed(),
                                       std::memory_order_seq_cst);
    return;
  }
  const ChunkWord opening = mine.With(ChunkState::kOpening, mine.owner);
  segment().chunk(index).state.store(opening.packed(), std::memory_order_seq_cst);
  OpenPlaces(index, opening);
}

// ---- after a death

// Also those that are empty and that nobody has on his mind any more: opened, and not used.
void ObjectStore::SettleChunks() {
  for (uint64_t index = segment().kept_chunks(); index < segment().chunks(); index += 1) {
    const uint64_t seen = segment().chunk(index).state.load(std::memory_order_seq_cst);
    const ChunkWord chunk = ChunkWord::Unpack(seen);
    if (chunk.state == ChunkState::kNone) return;
    if (chunk.state != ChunkState::kReady && chunk.state != ChunkState::kBare && chunk.IsSound() &&
        !segment().IsAlive(chunk.owner)) {
      Settle(index, seen);
    }
    GiveBackIfEmpty(index);
  }
}

// Takes the chunk over as it is, and leaves it ready or bare. Dead in here: it has the name of the
// next one who is dead.
void ObjectStore::Settle(uint64_t index, uint64_t seen) {
  ChunkWord mine = ChunkWord::Unpack(seen);
  // Never used: whoever needs a chunk will have it, of whatever size.
  if (mine.state == ChunkState::kCommitting && mine.generation == 0) return;
  // Nothing lives there, but there may be memory.
  if (mine.state == ChunkState::kCommitting) mine.state = ChunkState::kDiscarding;
  mine.owner = self_.stamp();
  if (!segment().chunk(index).state.compare_exchange_strong(seen, mine.packed())) return;
  switch (mine.state) {
    case ChunkState::kOpening:
      OpenPlaces(index, mine);
      return;
    case ChunkState::kClearing:
      GoOnClearing(index, mine);
      return;
    case ChunkState::kDiscarding:
      Discard(index, mine);
      return;
    default:
      return;
  }
}

}  // namespace mp
