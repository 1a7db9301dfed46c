// fork(2) does not carry a threaded runtime here; see docs/fork-safety.md.

#include <cerrno>

#include "process/forker.h"

namespace mp {

std::string Forker::Unsupported() {
  return "the mechanism is built on Linux and glibc";
}

Result<ForkOutcome> Forker::Fork(const ForkRequest&) {
  return Status::Failed(ENOTSUP, "fork");
}

}  // namespace mp
