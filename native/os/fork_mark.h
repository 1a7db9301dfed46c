#pragma once
// A word that one process sees and that the kernel zeroes in a forked child, however the fork was
// made: handlers of pthread_atfork would miss a fork made without them. Reading it is one load.

#include <atomic>
#include <cstdint>

#include "base/status.h"

namespace mp {

class ForkMark {
 public:
  static Result<ForkMark> Make();
  ForkMark() = default;
  ~ForkMark();
  ForkMark(ForkMark&& other) noexcept;
  ForkMark& operator=(ForkMark&& other) noexcept;
  ForkMark(const ForkMark&) = delete;
  ForkMark& operator=(const ForkMark&) = delete;

  // False in every child of the process that made it.
  bool IsMakersProcess() const {
    return word_ != nullptr && word_->load(std::memory_order_relaxed) == 1;
  }
  // The word itself, for whoever looks often: 1 in the maker's process. Lives as long as the mark.
  const std::atomic<uint32_t>* word() const { return word_; }

 private:
  std::atomic<uint32_t>* word_ = nullptr;
};

}  // namespace mp
