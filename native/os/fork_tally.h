#pragma once
// A count that a process and the child that it is about to fork both see: how far the child has
// come with what it was left to do.

#include <atomic>
#include <cstdint>

#include "base/status.h"

namespace mp {

class ForkTally {
 public:
  // 0. Before the fork.
  static Result<ForkTally> Make();
  ForkTally() = default;
  ~ForkTally();
  ForkTally(ForkTally&& other) noexcept;
  ForkTally& operator=(ForkTally&& other) noexcept;
  ForkTally(const ForkTally&) = delete;
  ForkTally& operator=(const ForkTally&) = delete;

  explicit operator bool() const { return word_ != nullptr; }
  uint32_t value() const { return word_->load(std::memory_order_acquire); }
  void Set(uint32_t value) { word_->store(value, std::memory_order_release); }

 private:
  std::atomic<uint32_t>* word_ = nullptr;
};

}  // namespace mp
