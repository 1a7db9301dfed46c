// How long an object lives: references that travel, and its end.

#include "shm/bitmap.h"
#include "shm/object_store.h"
#include "shm/step.h"

namespace mp {

// A count that has come to its end stays there: the object lives for as long as the segment.
bool ObjectStore::CountOut(const ObjectRef& ref, uint32_t step) {
  SharedObject* const object = Find(ref);
  return object != nullptr && MakeStep(segment(), &object->travelling, {self_.stamp().id, step},
                                       [](uint64_t count, uint64_t* next) {
                                         *next = count == kCountMask ? count : count + 1;
                                         return true;
                                       });
}

bool ObjectStore::CountIn(const ObjectRef& ref, uint32_t step) {
  SharedObject* const object = Find(ref);
  return object != nullptr && MakeStep(segment(), &object->travelling, {self_.stamp().id, step},
                                       [](uint64_t count, uint64_t* next) {
                                         *next = count == kCountMask ? count : count - 1;
                                         return count != 0;
                                       });
}

bool ObjectStore::WasCounted(const ObjectRef& ref, uint32_t id, uint32_t step) const {
  const SharedObject* const object = Find(ref);
  return object != nullptr && WasMade(segment(), object->travelling, id, step);
}

// Dead before the step: nothing has left. Dead after it, and before the reference is out of the
// process: the place stays taken.
void ObjectStore::Depart(const ObjectRef& ref) {
  CountOut(ref, NextStep(&self_.row()));
}

// Done attached: dead after the step, when nobody else has the object, the ledger leads the reaper
// to it.
void ObjectStore::Land(const ObjectRef& ref) {
  const bool passes_by = !IsAttached(ref);
  if (passes_by && !Attach(ref).ok()) return;
  CountIn(ref, NextStep(&self_.row()));
  if (passes_by) Detach(ref);
}

bool ObjectStore::KeepFor(Dismantling* dismantling, const ObjectRef& ref) {
  if (IsAttached(ref) || Find(ref) == nullptr) return true;
  if (free_entries_.empty()) {
    if (!dismantling->has_no_ledger) return false;
  } else if (!Attach(ref).ok()) {
    return true;
  }
  dismantling->let_go.push_back(ref);
  return true;
}

bool ObjectStore::IsAttached(const ObjectRef& ref) const {
  const auto known = entered_.find(ref.offset);
  return known != entered_.end() && known->second.generation == ref.generation;
}

uint64_t ObjectStore::Travelling(const SharedObject& object) {
  return CountWord::Unpack(object.travelling.load(std::memory_order_seq_cst)).count;
}

// Whoever is attached may send a reference and detach, whoever receives one may attach and let it
// land, all while the bits are looked through. The word tells: if none travelled, and nobody has
// changed that in the meantime, then nobody but those whose bits were looked at can have the
// object.
//
// What keeps it is looked at first: who has come to the object by way of that is attached by then.
bool ObjectStore::IsUnused(const SharedObject& object) {
  if (object.kept_by.load(std::memory_order_seq_cst) != 0) return false;
  const uint64_t before = object.travelling.load(std::memory_order_seq_cst);
  return CountWord::Unpack(before).count == 0 && !HasAnyBit(object.attached) &&
         object.travelling.load(std::memory_order_seq_cst) == before;
}

void ObjectStore::RetireIfUnused(const ObjectRef& ref) {
  while (RetireOnce(ref)) {
  }
}

// True: there was more to dismantle than could be written into the ledger. The object lives again
// for that, as far as anybody could tell who has come by a stale reference.
bool ObjectStore::RetireOnce(const ObjectRef& ref) {
  SharedObject* const object = KnownPlaceAt(ref.offset);
  if (object == nullptr || !IsUnused(*object)) return false;
  const uint64_t live = ObjectHeader{ObjectState::kLive, ref.kind, ref.generation, {}}.packed();
  const uint64_t retired =
      ObjectHeader{ObjectState::kRetired, ref.kind, ref.generation, self_.stamp()}.packed();
  // A new ledger block is claimed by way of the same announcement.
  Dismantling dismantling;
  const bool refers = ref.kind == ObjectKind::kQueue || ref.kind == ObjectKind::kPipeEnd;
  if (refers) dismantling.has_no_ledger = !ReserveEntries(kLetGoAtOnce).ok();
  bool more = false;
  while (IsUnused(*object)) {
    self_.row().announced.store(ref.offset, std::memory_order_seq_cst);
    uint64_t expected = live;
    if (!object->header.compare_exchange_strong(expected, retired)) break;
    if (!HasAnyBit(object->attached)) {
      more = dismantle_ && !dismantle_(ref, &dismantling);
      if (!more) {
        FreePlace(ref.offset, retired);
        break;
      }
    }
    // Somebody attached in between. If it has seen the retired header it gives up, and calls this.
    object->header.store(live, std::memory_order_seq_cst);
    if (more) break;
  }
  self_.row().announced.store(0, std::memory_order_seq_cst);
  // Only now: this may retire others, with announcements of their own.
  for (const ObjectRef& other : dismantling.let_go) Detach(other);
  return more;
}

// Whatever its generation: dead between finding an object and setting the bit, it may have set it
// in a later one.
void ObjectStore::DetachDead(uint64_t offset, uint32_t id) {
  SharedObject* const object = KnownPlaceAt(offset);
  if (object == nullptr) return;
  ClearBit(&object->attached, id);
  const auto header = ObjectHeader::Unpack(object->header.load(std::memory_order_seq_cst));
  if (header.state == ObjectState::kLive) {
    RetireIfUnused({offset, header.generation, header.kind});
  }
}

}  // namespace mp
