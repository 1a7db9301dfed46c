#include "queues/line.h"

#include <cerrno>

namespace mp {

void Line::LearnRings() const {
  while (LooksAtNextBase()) {
    const auto index = static_cast<uint32_t>(rings_.size());
    const RingEntry& entry = shared_.rings[index];
    const uint32_t log = first_ring_ + index;
    const Block block = BlockPool::At(segment_, entry.block.load(std::memory_order_acquire));
    // Damage: nothing of it is read.
    if (!block || block.capacity < sizeof(uint64_t) << log) return;
    rings_.push_back({reinterpret_cast<std::atomic<uint64_t>*>(block.payload),
                      entry.base.load(std::memory_order_acquire) - 1, log});
  }
}

// Before the position is gone by in the next ring: who reads a head or tail from behind it finds
// the base.
void Line::NoteBase(const Ring& before, uint64_t position) {
  const auto next = static_cast<size_t>(&before - rings_.data()) + 1;
  if (next >= kMaxRings) return;
  uint64_t unknown = 0;
  shared_.rings[next].base.compare_exchange_strong(unknown, position + 1);
}

// Of two ends the later one is less than half of all numbers ahead.
void Line::Confirm(uint64_t head) {
  std::atomic<uint32_t>& confirmed = shared_.confirmed[TakerOf(head)];
  const auto end = static_cast<uint32_t>(PositionOf(head));
  uint32_t seen = confirmed.load(std::memory_order_seq_cst);
  while (static_cast<int32_t>(end - seen) > 0) {
    if (confirmed.compare_exchange_weak(seen, end)) return;
  }
}

bool Line::WasTaken(uint32_t id, uint64_t end) const {
  const uint64_t head = shared_.head.load(std::memory_order_seq_cst);
  if (TakerOf(head) == id && PositionOf(head) == end) return true;
  // Loaded after the word: written down before another name came into it.
  return PositionOf(head) >= end &&
         shared_.confirmed[id].load(std::memory_order_seq_cst) == static_cast<uint32_t>(end);
}

Status Line::Grow(BlockPool* pool) {
  if (LooksAtNextBase()) return Status::Ok();
  const size_t index = rings_.size();
  if (index == kMaxRings) return Status::Failed(ENOSPC, "Put");
  RingEntry& entry = shared_.rings[index];
  if (entry.block.load(std::memory_order_seq_cst) == 0) {
    const uint64_t slots = uint64_t{1} << (first_ring_ + index);
    auto allocated = pool->Allocate(slots * sizeof(uint64_t));
    if (!allocated.ok()) return allocated.status();
    const Block block = pool->At(allocated.value());
    if (!block) return Status::Failed(EBADMSG, "Put");
    auto* const words = reinterpret_cast<std::atomic<uint64_t>*>(block.payload);
    for (uint64_t i = 0; i < slots; i += 1) words[i].store(0, std::memory_order_relaxed);
    block.header->queue.store(queue_, std::memory_order_relaxed);
    block.header->position.store(line_ | index, std::memory_order_relaxed);
    const uint64_t owned = block.header->state.load(std::memory_order_relaxed);
    uint64_t none = 0;
    // Dead before it: owned by the dead. After it: linked, so the reaper makes it attached.
    if (entry.block.compare_exchange_strong(none, allocated.value())) {
      block.header->state.store(PackBlockState(BlockState::kAttached, GenerationOf(owned), {}),
                                std::memory_order_release);
    } else {
      BlockPool::Free(block, owned);
    }
  }
  if (index == 0) {
    uint64_t unknown = 0;
    entry.base.compare_exchange_strong(unknown, 1);
    return Status::Ok();
  }
  const Ring& last = rings_.back();
  for (;;) {
    uint64_t position = tail();
    std::atomic<uint64_t>& slot = last.SlotFor(position);
    const uint64_t lap = last.LapFor(position);
    uint64_t seen = slot.load(std::memory_order_seq_cst);
    // Others were faster, or it has emptied.
    if (LooksAtNextBase()) return Status::Ok();
    if (LapOf(seen) == lap) {
      if (RefOf(seen) == kEndMark) {
        NoteBase(last, position);
        return Status::Ok();
      }
      shared_.tail.compare_exchange_strong(position, position + 1);
      continue;
    }
    const uint64_t head = this->head();
    if (head > position) {
      if (tail() == position && slot.load() == seen) return Status::Failed(EBADMSG, "Put");
      continue;
    }
    if (!IsFull(last, position, head)) return Status::Ok();
    slot.compare_exchange_strong(seen, PackSlot(lap, kEndMark));
  }
}

void Line::CatchUp() {
  for (;;) {
    uint64_t position = tail();
    const BlockRef block = InSlot(position);
    if (block == 0 || block == kEndMark) return;
    shared_.tail.compare_exchange_strong(position, position + 1);
  }
}

BlockRef Line::InSlot(uint64_t position) const {
  const Ring* const ring = RingFor(position);
  if (ring == nullptr) return 0;
  const uint64_t seen = ring->SlotFor(position).load(std::memory_order_seq_cst);
  return LapOf(seen) == ring->LapFor(position) ? RefOf(seen) : 0;
}

}  // namespace mp
