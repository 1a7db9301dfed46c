#pragma once
// For tests of chunks whose memory comes and goes: places of the size of queues, four to a chunk,
// with nothing in them.

#include <algorithm>
#include <vector>

#include "shm/chunk_word.h"
#include "shm_support.h"

namespace mp {

struct ObjectStoreTestAccess {
  static uint64_t ClaimIn(ObjectStore& store, uint64_t chunk, ObjectKind kind) {
    return store.ClaimIn(chunk, kind);
  }
};

}  // namespace mp

namespace mp::test {

inline ObjectRef Published(SyncSpace& space, const ObjectRef& ref) {
  space.store().Publish(ref);
  return ref;
}
inline ObjectRef MakePlace(SyncSpace& space, ObjectKind kind = ObjectKind::kQueue) {
  auto claimed = space.store().Claim(kind);
  return claimed.ok() ? Published(space, claimed.value()) : ObjectRef{};
}
inline void MakePlaces(SyncSpace& space, size_t count, std::vector<ObjectRef>* made) {
  for (size_t i = 0; i < count; i += 1) {
    made->push_back(MakePlace(space));
    EXPECT(made->back().kind != ObjectKind::kNone);
  }
}
// From the lowest on: when others come to be empty, the chunk that stays is.
inline void DropPlaces(SyncSpace& space, std::vector<ObjectRef>* made) {
  std::sort(made->begin(), made->end(),
            [](const ObjectRef& a, const ObjectRef& b) { return a.offset < b.offset; });
  for (const ObjectRef& ref : *made) space.store().Detach(ref);
  made->clear();
}

// By somebody who has found the chunk ready some time ago. Of no kind when there was none.
inline ObjectRef ClaimLate(SyncSpace& space, uint64_t chunk) {
  // So that there is room in its ledger, as there is with whoever claims.
  space.store().Detach(MakePlace(space, ObjectKind::kLock));
  const uint64_t offset = ObjectStoreTestAccess::ClaimIn(space.store(), chunk, ObjectKind::kQueue);
  if (offset == 0) return {};
  const auto* const object = space.segment().ObjectAt<SharedObject>(offset);
  const ObjectHeader header = ObjectHeader::Unpack(object->header.load());
  return Published(space, {offset, header.generation, ObjectKind::kQueue});
}

inline ChunkWord WordOf(const Segment& segment, uint64_t chunk) {
  return ChunkWord::Unpack(segment.chunk(chunk).state.load());
}
inline uint64_t ChunkOf(const Segment& segment, const ObjectRef& ref) {
  return (ref.offset - segment.chunks_offset()) / kChunkSize;
}
// Whether any page of it was touched since it got, or lost, its memory.
inline bool HasMemory(const Segment& segment, uint64_t chunk) {
  const auto begin = static_cast<off_t>(segment.chunks_offset() + chunk * kChunkSize);
  const off_t data = lseek(segment.fd(), begin, SEEK_DATA);
  return data >= 0 && data < begin + static_cast<off_t>(kChunkSize);
}

}  // namespace mp::test
