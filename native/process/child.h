#pragma once
// A child of ours, and some other process, each held by descriptor (os/process_handle.h). SIGCHLD
// is never touched: Node and the program have their own uses for it.

#include <sys/types.h>

#include <cstdint>

#include "base/status.h"
#include "base/unique_fd.h"
#include "os/process_handle.h"

namespace mp {

class Child {
 public:
  Child() = default;
  // With `reap` false the status is looked at and left for another to collect.
  static Result<Child> Open(pid_t pid, bool reap);

  // Collects the status once it has ended; the same answer ever after. A status that somebody else
  // collected and that the kernel no longer tells is kTakenElsewhere.
  Result<WaitOutcome> Check();
  Result<WaitOutcome> WaitUntil(uint64_t deadline_ns);
  // False when it has ended.
  Result<bool> Kill(int signal);
  // From now on nobody else collects the status, even if it has been looked at.
  void TakeOver() {
    reap_ = true;
    outcome_ = {};
  }

  pid_t pid() const { return pid_; }
  int handle() const { return handle_.get(); }
  bool ended() const { return outcome_.kind != WaitOutcome::Kind::kRunning; }
  void Close() { handle_.Reset(); }

 private:
  UniqueFd handle_;
  pid_t pid_ = 0;
  bool reap_ = true;
  WaitOutcome outcome_;
};

class Peer {
 public:
  Peer() = default;
  // A process that does not exist is one that has ended.
  static Result<Peer> Open(pid_t pid);

  Result<bool> IsAlive();
  // True when it has ended.
  Result<bool> WaitUntil(uint64_t deadline_ns);
  int handle() const { return handle_.get(); }
  void Close() { handle_.Reset(); }

 private:
  UniqueFd handle_;
  bool ended_ = false;
};

}  // namespace mp
