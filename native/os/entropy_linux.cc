#include "os/entropy.h"

#include <sys/random.h>

#include <cerrno>

namespace mp {

Status FillWithEntropy(void* target, size_t length) {
  auto* next = static_cast<std::byte*>(target);
  while (length > 0) {
    // A signal may cut it short.
    const ssize_t count = getrandom(next, length, 0);
    if (count < 0 && errno == EINTR) continue;
    if (count < 0) return Status::Failed(errno, "getrandom");
    next += count;
    length -= static_cast<size_t>(count);
  }
  return Status::Ok();
}

}  // namespace mp
