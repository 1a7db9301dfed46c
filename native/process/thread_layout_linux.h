#pragma once
// Where glibc keeps what we need inside a thread's descriptor (struct pthread). The offsets are not
// part of any header, so they are measured once, on a thread of our own whose values are known.

#include <cstddef>
#include <cstdint>

#include "base/status.h"

namespace mp {

struct ThreadLayout {
  // From the thread pointer to the descriptor (zero on x86-64, minus the descriptor's size on
  // AArch64).
  ptrdiff_t descriptor = 0;
  // Inside the descriptor.
  ptrdiff_t tid = -1;
  ptrdiff_t start_routine = -1;
  // From the thread pointer to the rseq area; `rseq_size` 0 when glibc registers none.
  ptrdiff_t rseq = 0;
  unsigned rseq_size = 0;

  int* TidOf(uintptr_t thread_pointer) const {
    return reinterpret_cast<int*>(thread_pointer + descriptor + tid);
  }
  uintptr_t StartRoutineOf(uintptr_t thread_pointer) const {
    return *reinterpret_cast<uintptr_t*>(thread_pointer + descriptor + start_routine);
  }
};

inline uintptr_t OwnThreadPointer() {
  return reinterpret_cast<uintptr_t>(__builtin_thread_pointer());
}

// Measures; the answer does not change for the life of the program, forked children included. Fails
// with ENOTSUP when the thread library is not laid out like glibc's.
Result<ThreadLayout> MeasureThreadLayout();

}  // namespace mp
