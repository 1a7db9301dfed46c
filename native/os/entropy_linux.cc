#include "os/entropy.h"

#include <unistd.h>

#include <cerrno>

namespace mp {

Status FillWithEntropy(void* target, size_t length) {
  return getentropy(target, length) == 0 ? Status::Ok() : Status::Failed(errno, "getentropy");
}

}  // namespace mp
