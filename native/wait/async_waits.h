#pragma once
// The async waiters of one event loop: one doorbell for all of them, however many there are. While
// none waits, no handle is active and nothing is done.
//
//   prepare   arm · look at everything that is waited for · block only when nothing is found
//   poll      the doorbell was rung: disarm · look
//   check     disarm, when something else has ended the blocking
//
// While JavaScript runs the wake word says awake, and who releases something makes no system call.
// Only what the loop calls in its poll phase for other input runs armed: the first ring of such a
// spell is one write, and marks the word.

#include <uv.h>

#include <functional>
#include <memory>
#include <vector>

#include "base/status.h"
#include "sync/sync_space.h"
#include "wait/poll_watch.h"

namespace mp {

class AsyncWaits {
 public:
  using Waiters = std::vector<AsyncWaiter*>;

  // `deliver` is told on the event loop who can go on, once per look. It may run anything, a fork
  // included. Nobody is served, and what was given to who waits goes back with the space, once
  // `can_deliver` says that nobody can be told any more. Deletes itself by Close.
  AsyncWaits(uv_loop_t* loop, std::shared_ptr<WatchGroup> group, std::function<bool()> can_deliver,
             std::function<void(const Waiters&)> deliver);

  // There is somebody who waits in this space. Fails for want of a descriptor.
  Status Watch(SyncSpace* space);
  // Nobody waits any more, perhaps: the loop may end.
  void Rest();
  bool watching() const { return space_ != nullptr; }
  // Whether the loop stays alive while it watches; it does at first.
  void KeepAlive(bool keep) { bell_.Ref(keep); }

  // Before the space goes.
  void Forget();
  // Nobody waits here; the doorbell is the parent's.
  void AfterForkInChild();
  // The event loop ends: calls back when libuv has let go of the last handle.
  void Close(std::function<void()> closed);

 private:
  ~AsyncWaits() = default;
  void OnPrepare();
  void OnRung();
  void OnCheck();
  void LookForTheDead();
  bool Serve() { return can_deliver_() && space_->Serve(&done_); }
  void Deliver();
  void RestartTimer();
  template <typename Visit>
  void ForEachHandle(Visit visit);

  uv_loop_t* loop_;
  PollWatch bell_;
  std::function<bool()> can_deliver_;
  std::function<void(const Waiters&)> deliver_;
  std::function<void()> closed_;
  SyncSpace* space_ = nullptr;  // while somebody waits
  Waiters done_;
  bool armed_ = false;
  uint64_t armed_ns_ = 0;
  uint64_t safety_ms_ = 0;

  uv_prepare_t prepare_;
  uv_check_t check_;
  uv_idle_t idle_;    // active when the loop must not block
  uv_timer_t timer_;  // looks whether somebody has died
  int open_handles_ = 0;
};

}  // namespace mp
