#pragma once
// How long the calling thread runs at a time where others want its processor too. For the scheduler
// a shorter time slice is an earlier deadline: who is woken with one runs sooner, and gets no
// larger share (EEVDF; sched_setattr(2), Linux 6.12). Needs no privilege.

#include <cstdint>

namespace mp {

class ShortTimeSlice {
 public:
  ShortTimeSlice() = default;
  // Before anything else that the thread does.
  ~ShortTimeSlice() { End(); }
  ShortTimeSlice(const ShortTimeSlice&) = delete;
  ShortTimeSlice& operator=(const ShortTimeSlice&) = delete;

  // Does nothing where it is not to be had, for a thread that is scheduled otherwise, and for one
  // that has a slice as short as that. Two system calls. Dead from here on: gone with the thread.
  void Begin();
  void End();

 private:
  uint64_t before_ns_ = 0;  // 0: it is what it was
};

}  // namespace mp
