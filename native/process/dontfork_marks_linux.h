#pragma once
// V8 marks its heap MADV_DONTFORK, so that starting other programs need not copy its page tables. A
// child that is to run JavaScript needs the heap, so the marks come off before fork, and go back on
// in the parent after it.

#include <cstdint>
#include <vector>

#include "base/status.h"

namespace mp {

class DontForkMarks {
 public:
  // Takes the marks off. Called with all other threads stopped where they hold no lock of the
  // allocator. The kernel does not list marks cheaply (smaps takes 20 ms for a heap of 500 MB), so
  // a throw-away child is made that has only what is not marked, and says what it misses. Below 64
  // MB of memory that is no file's that costs more than the marks are worth, and they stay off.
  Status Remove();
  // In the parent.
  void Restore();

 private:
  struct Range {
    uintptr_t begin;
    uintptr_t end;
  };
  static std::vector<Range> AnonymousMappings(Status* status);
  static bool KeepOnlyMarked(std::vector<Range>* ranges);

  std::vector<Range> marked_;
};

}  // namespace mp
