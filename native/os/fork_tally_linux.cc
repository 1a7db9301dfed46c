#include <sys/mman.h>

#include <cerrno>
#include <new>
#include <utility>

#include "os/fork_tally.h"
#include "os/memory_file.h"

namespace mp {

Result<ForkTally> ForkTally::Make() {
  void* const page =
      mmap(nullptr, PageSize(), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
  if (page == MAP_FAILED) return Status::Failed(errno, "mmap");
  ForkTally tally;
  tally.word_ = new (page) std::atomic<uint32_t>(0);
  return tally;
}

ForkTally::~ForkTally() {
  if (word_ != nullptr) munmap(word_, PageSize());
}

ForkTally::ForkTally(ForkTally&& other) noexcept : word_(std::exchange(other.word_, nullptr)) {}

ForkTally& ForkTally::operator=(ForkTally&& other) noexcept {
  std::swap(word_, other.word_);
  return *this;
}

}  // namespace mp
