#pragma once
// Who waits for an object: a bit per participant, and a second one for those that cannot compete
// for it and must be given it: async waiters, which are not awake to compete, and sync waiters that
// have lost too often.
//
// The one rule of every object: a waiter sets its bit, then looks; a waker changes the object, then
// looks at the bits.

#include "shm/bitmap.h"
#include "shm/segment.h"

namespace mp {

inline void JoinWaiting(SharedObject* object, uint32_t id) {
  SetBit(&object->waiting, id);
}
// Handover first: a bit there alone would name somebody who does not wait.
inline void LeaveWaiting(SharedObject* object, uint32_t id) {
  if (HasBit(object->handover, id)) ClearBit(&object->handover, id);
  ClearBit(&object->waiting, id);
}
inline bool IsWaiting(const SharedObject& object, uint32_t id) {
  return HasBit(object.waiting, id);
}
inline bool HasWaiters(const SharedObject& object) {
  return HasAnyBit(object.waiting);
}
inline bool WantsHandover(const SharedObject& object, uint32_t id) {
  return HasBit(object.handover, id);
}

// The participant that lives in a row now; nobody when it is dead or gone.
inline Stamp LiveStampOf(const Segment& segment, uint32_t id) {
  const Identity identity = Identity::Unpack(segment.row(id).identity.load());
  const Stamp stamp{static_cast<uint16_t>(id), identity.generation};
  return segment.IsAlive(stamp) ? stamp : Stamp{};
}

// The next live waiter in turn, or nobody. The dead are passed over.
inline Stamp PickWaiter(const Segment& segment, SharedObject* object) {
  const uint32_t last = object->cursor.load(std::memory_order_relaxed) % kMaxParticipants;
  Stamp picked;
  const uint32_t id = NextBit(object->waiting, last, [&](uint32_t candidate) {
    if (candidate >= segment.participants()) return false;
    picked = LiveStampOf(segment, candidate);
    return static_cast<bool>(picked);
  });
  if (id == 0) return {};
  object->cursor.store(id, std::memory_order_relaxed);
  return picked;
}

template <typename Ring>
void RingAllWaiters(const SharedObject& object, Ring ring) {
  for (uint32_t index = 0; index < kBitmapWords; index += 1) {
    uint64_t bits = object.waiting.words[index].load(std::memory_order_seq_cst);
    for (; bits != 0; bits &= bits - 1) {
      ring(index * 64 + static_cast<uint32_t>(std::countr_zero(bits)));
    }
  }
}

}  // namespace mp
