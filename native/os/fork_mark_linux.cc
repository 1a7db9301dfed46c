#include <sys/mman.h>

#include <cerrno>
#include <new>
#include <utility>

#include "os/fork_mark.h"
#include "os/memory_file.h"

namespace mp {

#ifndef MADV_WIPEONFORK
#define MADV_WIPEONFORK 18
#endif

Result<ForkMark> ForkMark::Make() {
  void* const page =
      mmap(nullptr, PageSize(), PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  if (page == MAP_FAILED) return Status::Failed(errno, "mmap");
  if (madvise(page, PageSize(), MADV_WIPEONFORK) != 0) {
    const int error = errno;
    munmap(page, PageSize());
    return Status::Failed(error, "madvise");
  }
  ForkMark mark;
  mark.word_ = new (page) std::atomic<uint32_t>(1);
  return mark;
}

ForkMark::~ForkMark() {
  if (word_ != nullptr) munmap(word_, PageSize());
}

ForkMark::ForkMark(ForkMark&& other) noexcept : word_(std::exchange(other.word_, nullptr)) {}

ForkMark& ForkMark::operator=(ForkMark&& other) noexcept {
  std::swap(word_, other.word_);
  return *this;
}

}  // namespace mp
