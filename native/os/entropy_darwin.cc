#include <cstdlib>

#include "os/entropy.h"

namespace mp {

Status FillWithEntropy(void* target, size_t length) {
  arc4random_buf(target, length);
  return Status::Ok();
}

}  // namespace mp
