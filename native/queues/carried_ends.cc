#include "queues/carried_ends.h"

namespace mp {
namespace {

ObjectRef RefOf(const CarriedRef& carried) {
  return {carried.offset, carried.generation, static_cast<ObjectKind>(carried.kind & 0xff)};
}

}  // namespace

void DepartEnds(ObjectStore& store, const Block& block) {
  auto* const first = reinterpret_cast<CarriedRef*>(block.payload);
  for (uint64_t i = 0; i < CarriedCount(block); i += 1) {
    const ObjectRef ref = RefOf(first[i]);
    if (ref.kind != ObjectKind::kPipeEnd || store.Find(ref) == nullptr) continue;
    store.Depart(ref);
    first[i].kind |= kHasDeparted;
  }
}

void RecallEnds(ObjectStore& store, const Block& block) {
  auto* const first = reinterpret_cast<CarriedRef*>(block.payload);
  for (uint64_t i = 0; i < CarriedCount(block); i += 1) {
    if (RefOf(first[i]).kind != ObjectKind::kPipeEnd || (first[i].kind & kHasDeparted) == 0)
      continue;
    first[i].kind &= ~kHasDeparted;
    store.Land(RefOf(first[i]));
  }
}

std::vector<ObjectRef> CarriedBy(const Block& block) {
  std::vector<ObjectRef> refs;
  const uint64_t carried = CarriedCount(block);
  if (carried > block.capacity / sizeof(CarriedRef)) return refs;
  const auto* const first = reinterpret_cast<const CarriedRef*>(block.payload);
  for (uint64_t i = 0; i < carried; i += 1) {
    const ObjectRef ref = RefOf(first[i]);
    const bool departed = (first[i].kind & kHasDeparted) != 0;
    if (ref.kind != ObjectKind::kPipeEnd || departed) refs.push_back(ref);
  }
  return refs;
}

}  // namespace mp
