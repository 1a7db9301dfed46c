#include "os/time_slice.h"

#include <sched.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <utility>

namespace mp {
namespace {

// Enough for whoever has just been woken to do what it has waited for. The kernel takes 0.1 ms at
// the least; what it gives by itself is some ms.
constexpr uint64_t kShortNs = 200'000;

constexpr uint64_t kResetOnFork = 1;

// struct sched_attr of <linux/sched/types.h> (Linux 3.14), which clashes with <sched.h>.
struct Attributes {
  uint32_t size = sizeof(Attributes);
  uint32_t policy = 0;
  uint64_t flags = 0;
  int32_t nice = 0;
  uint32_t priority = 0;
  uint64_t runtime = 0;
  uint64_t deadline = 0;
  uint64_t period = 0;
};
static_assert(sizeof(Attributes) == 48);

bool Read(Attributes* attributes) {
  return syscall(SYS_sched_getattr, 0, attributes, sizeof(Attributes), 0) == 0;
}

// All else stays as it is.
bool Write(Attributes attributes, uint64_t slice_ns) {
  attributes.size = sizeof attributes;
  attributes.flags &= kResetOnFork;
  attributes.runtime = slice_ns;
  return syscall(SYS_sched_setattr, 0, &attributes, 0) == 0;
}

}  // namespace

void ShortTimeSlice::Begin() {
  Attributes now;
  // Kernels that have no slices to choose say 0.
  if (before_ns_ != 0 || !Read(&now) || now.policy != SCHED_OTHER || now.runtime <= kShortNs) {
    return;
  }
  if (Write(now, kShortNs)) before_ns_ = now.runtime;
}

void ShortTimeSlice::End() {
  const uint64_t before_ns = std::exchange(before_ns_, 0);
  Attributes now;
  // Somebody else may have set it meanwhile.
  if (before_ns == 0 || !Read(&now) || now.policy != SCHED_OTHER || now.runtime != kShortNs) return;
  Write(now, before_ns);
}

}  // namespace mp
