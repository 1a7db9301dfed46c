// The own ledger: what this participant is attached to, written before it is. Some entries in the
// row, the rest in a chain of blocks that takes the places of objects.

#include "shm/object_store.h"

namespace mp {

std::atomic<uint64_t>* ObjectStore::EntryAt(uint32_t slot) const {
  if (slot < kInlineLedgerEntries) return &self_.row().ledger[slot];
  const uint32_t beyond = slot - kInlineLedgerEntries;
  return blocks_[beyond / kBlockLedgerEntries] + beyond % kBlockLedgerEntries;
}

Status ObjectStore::ReserveEntries(size_t count) {
  if (!ledger_ready_) {
    ledger_ready_ = true;
    for (uint32_t slot = kInlineLedgerEntries; slot > 0; slot -= 1)
      free_entries_.push_back(slot - 1);
  }
  if (free_entries_.size() >= count) return Status::Ok();
  auto offset = FindPlace(ObjectKind::kLedgerBlock);
  if (!offset.ok()) return offset.status();
  auto* const block = segment().ObjectAt<LedgerBlock>(offset.value());
  for (auto& entry : block->entries) entry.store(0, std::memory_order_relaxed);
  // Dead before the link: claimed, announced and not linked, so the reaper frees it. Dead after it:
  // linked, so it goes with the chain.
  std::atomic<uint64_t>& head = self_.row().overflow;
  block->next.store(head.load(std::memory_order_relaxed), std::memory_order_relaxed);
  head.store(offset.value(), std::memory_order_seq_cst);
  self_.row().announced.store(0, std::memory_order_seq_cst);
  const auto first =
      kInlineLedgerEntries + static_cast<uint32_t>(blocks_.size()) * kBlockLedgerEntries;
  blocks_.push_back(block->entries);
  for (uint32_t i = kBlockLedgerEntries; i > 0; i -= 1) free_entries_.push_back(first + i - 1);
  return Status::Ok();
}

void ObjectStore::Enter(const ObjectRef& ref) {
  const uint32_t slot = free_entries_.back();
  free_entries_.pop_back();
  EntryAt(slot)->store(LedgerEntryOf(ref), std::memory_order_seq_cst);
  entered_[ref.offset] = {slot, ref.generation};
}

void ObjectStore::Strike(const ObjectRef& ref) {
  const auto found = entered_.find(ref.offset);
  if (found == entered_.end()) return;
  EntryAt(found->second.slot)->store(0, std::memory_order_seq_cst);
  free_entries_.push_back(found->second.slot);
  entered_.erase(found);
}

}  // namespace mp
