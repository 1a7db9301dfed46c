// No F_SETSIG here: SIGIO is all that O_ASYNC can send. Left to the JavaScript side, which watches
// the pipe from its loop.

#include <cerrno>

#include "os/liveness.h"

namespace mp {

Status OpenToChildren(int) {
  return Status::Ok();
}

Result<UniqueFd> DieWhenWritersClose(int) {
  return Status::Failed(ENOTSUP, "fcntl");
}

}  // namespace mp
