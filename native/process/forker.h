#pragma once
// fork(2) for a process that runs V8 and libuv. docs/fork-safety.md tells the whole story; the
// order is in forker_linux.cc.

#include <sys/types.h>
#include <uv.h>

#include <functional>
#include <string>
#include <vector>

#include "base/status.h"

namespace mp {

struct ForkRequest {
  uv_loop_t* loop = nullptr;
  // True for a Process: nothing of the parent's event loop lives on in the child. False for fork().
  bool clean = false;
  // How long the libuv pool and threads that cannot be stopped at once are waited for. The caller's
  // thread is blocked.
  double wait_ms = 0;
  // False when Node was started without V8 workers (--v8-pool-size=0).
  bool has_platform_workers = true;
  // Descriptors of inherited handles that stay as they are in a clean child.
  std::vector<int> keep_fds;
  // Where the kernel writes the child's number before the child runs, or null.
  int* child_number = nullptr;
  // In the child, with the loop re-created and every revived thread live: the addon's own handles
  // let go.
  std::function<void(bool twin)> in_child;
};

struct ForkOutcome {
  pid_t pid = -1;
  // Not empty: it could not be done here and now, and nothing has happened.
  std::string refusal;
  // The refusal may not stand on a later turn of the event loop.
  bool transient = false;
};

class Forker {
 public:
  // Why this platform cannot fork, or empty. Measures what forking needs, once.
  static std::string Unsupported();
  static Result<ForkOutcome> Fork(const ForkRequest& request);
};

}  // namespace mp
