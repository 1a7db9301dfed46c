#include "process/child.h"

#include <cerrno>

#include "os/descriptor.h"

namespace mp {

Result<Child> Child::Open(pid_t pid, bool reap) {
  Result<UniqueFd> handle = OpenProcess(pid);
  if (!handle.ok()) return handle.status();
  Child child;
  child.handle_ = std::move(handle.value());
  child.pid_ = pid;
  child.reap_ = reap;
  return child;
}

Result<WaitOutcome> Child::Check() {
  if (ended()) return outcome_;
  if (!handle_) return Status::Failed(ECHILD, "waitid");
  Result<WaitOutcome> outcome = LookAtChild(handle_.get(), pid_, reap_);
  if (outcome.ok()) outcome_ = outcome.value();
  return outcome;
}

Result<WaitOutcome> Child::WaitUntil(uint64_t deadline_ns) {
  if (ended()) return outcome_;
  if (!handle_) return Status::Failed(ECHILD, "waitid");
  Result<bool> ready = WaitForFd(handle_.get(), kReadable, deadline_ns);
  if (!ready.ok()) return ready.status();
  return Check();
}

Result<bool> Child::Kill(int signal) {
  if (ended()) return false;
  if (!handle_) return Status::Failed(ECHILD, "kill");
  return SignalProcess(handle_.get(), pid_, signal);
}

Result<Peer> Peer::Open(pid_t pid) {
  Peer peer;
  Result<UniqueFd> handle = OpenProcess(pid);
  if (handle.ok()) {
    peer.handle_ = std::move(handle.value());
  } else if (handle.status().error == ESRCH) {
    peer.ended_ = true;
  } else {
    return handle.status();
  }
  return peer;
}

Result<bool> Peer::IsAlive() {
  Result<bool> ended = WaitUntil(0);
  if (!ended.ok()) return ended.status();
  return !ended.value();
}

Result<bool> Peer::WaitUntil(uint64_t deadline_ns) {
  if (ended_) return true;
  if (!handle_) return Status::Failed(EBADF, "poll");
  Result<bool> ready = WaitForFd(handle_.get(), kReadable, deadline_ns);
  if (ready.ok() && ready.value()) ended_ = true;
  return ready;
}

}  // namespace mp
