#include "os/heap.h"

#include <atomic>
#include <cstdlib>

namespace mp {
namespace {

// The longest that glibc learns from is a page less than 32 MiB, with its own header.
constexpr size_t kLongestLearntFrom = size_t{32} * 1024 * 1024 - 8192;

std::atomic<bool> kept{false};

}  // namespace

// glibc gives the end of its heap back to the kernel when a few times the longest block that it has
// ever seen freed is free there. That is little at first. V8 frees arrays by the dozen, so of a
// mebibyte each every one was of new pages, whose faults took three times as long as its bytes. A
// block of that length, which nobody touches, teaches glibc, unless the user has said how it is to
// be. Other heaps do with it as with any other block.
void KeepFreedMemory() {
  if (kept.load(std::memory_order_relaxed) || kept.exchange(true)) return;
  // Volatile: the compiler may leave out what is freed at once.
  void* volatile block = std::malloc(kLongestLearntFrom);
  std::free(block);
}

}  // namespace mp
