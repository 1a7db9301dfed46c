#include "queues/carried.h"

#include "queues/message_queue.h"
#include "shm/step.h"

namespace mp {
namespace {

// ParticipantRow::step_announced[0]: block 34, step 26, counted in 1, used 1. [1]: which of the
// block's references.
constexpr uint64_t kCountsIn = uint64_t{1} << 60;
constexpr uint64_t kIsAnnounced = uint64_t{1} << 61;
constexpr uint64_t kBlockMask = (uint64_t{1} << 34) - 1;

struct List {
  CarriedRef* first = nullptr;
  uint64_t count = 0;
};

// None of a block that cannot be believed.
List ListIn(const Block& block) {
  const uint64_t count = CarriedCount(block);
  if (count > block.capacity / sizeof(CarriedRef)) return {};
  return {reinterpret_cast<CarriedRef*>(block.payload), count};
}

ObjectRef RefOf(const CarriedRef& carried) {
  return {carried.offset, carried.generation, static_cast<ObjectKind>(carried.kind & 0xff)};
}

bool IsCounted(const CarriedRef& carried) {
  return (carried.kind & kIsCounted) != 0;
}

void Mark(CarriedRef* carried, bool counted) {
  carried->kind = counted ? carried->kind | kIsCounted : carried->kind & ~kIsCounted;
}

// Counts a reference, out when it is not marked, in when it is, and marks it accordingly. Dead
// before the count or after it: announced, and told by the count. Dead behind the mark: announced,
// and marked already.
void Count(SyncSpace* space, BlockRef block, uint64_t index, CarriedRef* carried) {
  ObjectStore& store = space->store();
  ParticipantRow& row = space->participant().row();
  const bool in = IsCounted(*carried);
  const uint32_t step = NextStep(&row);
  row.step_announced[1].store(index, std::memory_order_relaxed);
  row.step_announced[0].store(
      kIsAnnounced | (in ? kCountsIn : 0) | static_cast<uint64_t>(step) << 34 | block,
      std::memory_order_seq_cst);
  const ObjectRef ref = RefOf(*carried);
  const bool counted = in ? store.CountIn(ref, step) : store.CountOut(ref, step);
  if (in || counted) Mark(carried, !in);
  row.step_announced[0].store(0, std::memory_order_seq_cst);
}

template <typename Keep>
bool LandAll(SyncSpace* space, BlockRef ref, const Block& block, Keep keep) {
  const List list = ListIn(block);
  for (uint64_t i = 0; i < list.count; i += 1) {
    if (!IsCounted(list.first[i])) continue;
    const ObjectRef its = RefOf(list.first[i]);
    if (!keep(its)) return false;
    Count(space, ref, i, &list.first[i]);
    MessageQueue::Landed(space, its);
  }
  return true;
}

}  // namespace

std::vector<ObjectRef> CarriedBy(const Block& block) {
  std::vector<ObjectRef> refs;
  const List list = ListIn(block);
  for (uint64_t i = 0; i < list.count; i += 1) {
    if (IsCounted(list.first[i])) refs.push_back(RefOf(list.first[i]));
  }
  return refs;
}

void DepartCarried(SyncSpace* space, BlockRef ref, const Block& block) {
  const List list = ListIn(block);
  for (uint64_t i = 0; i < list.count; i += 1) {
    if (space->store().Find(RefOf(list.first[i])) == nullptr) continue;
    Count(space, ref, i, &list.first[i]);
  }
}

// Attached to everything before it is counted in: dead behind that, the ledger leads the reaper to
// what nobody else has. Without room in the ledger it stays then.
void LandCarried(SyncSpace* space, BlockRef ref, const Block& block) {
  ObjectStore& store = space->store();
  std::vector<ObjectRef> passing;
  LandAll(space, ref, block, [&](const ObjectRef& its) {
    if (!store.IsAttached(its) && store.Find(its) != nullptr) {
      (void)store.Attach(its);
      passing.push_back(its);
    }
    return true;
  });
  for (const ObjectRef& its : passing) store.Detach(its);
}

bool LandCarried(SyncSpace* space, BlockRef ref, const Block& block,
                 ObjectStore::Dismantling* dismantling) {
  return LandAll(space, ref, block,
                 [&](const ObjectRef& its) { return space->store().KeepFor(dismantling, its); });
}

// The block is what it was: it changes hands only when nothing of it is announced.
void SettleCarried(ObjectStore* store, const Segment& segment, uint32_t dead) {
  ParticipantRow& row = segment.row(dead);
  const uint64_t announced = row.step_announced[0].load(std::memory_order_seq_cst);
  if ((announced & kIsAnnounced) == 0) return;
  const uint64_t index = row.step_announced[1].load(std::memory_order_seq_cst);
  const Block block = BlockPool::At(segment, announced & kBlockMask);
  const List list = block ? ListIn(block) : List{};
  if (index < list.count) {
    CarriedRef* const carried = &list.first[index];
    const bool in = (announced & kCountsIn) != 0;
    const auto step = static_cast<uint32_t>(announced >> 34) & kStepMask;
    if (IsCounted(*carried) == in && store->WasCounted(RefOf(*carried), dead, step)) {
      Mark(carried, !in);
    }
  }
  row.step_announced[0].store(0, std::memory_order_seq_cst);
}

void SettleCarriedOf(ObjectStore* store, const Segment& segment, BlockRef ref) {
  for (uint32_t id = 1; id < segment.rows_used(); id += 1) {
    const uint64_t announced = segment.row(id).step_announced[0].load(std::memory_order_seq_cst);
    const bool its = (announced & kIsAnnounced) != 0 && (announced & kBlockMask) == ref;
    if (!its) continue;
    const auto identity = Identity::Unpack(segment.row(id).identity.load());
    const Stamp stamp{static_cast<uint16_t>(id), identity.generation};
    if (!segment.IsAlive(stamp)) SettleCarried(store, segment, id);
  }
}

}  // namespace mp
