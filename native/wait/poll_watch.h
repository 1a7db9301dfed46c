#pragma once
// Watching a descriptor from the event loop. One libuv handle per watch, made when it is first
// needed and used again after.

#include <uv.h>

#include <cstddef>
#include <functional>
#include <memory>

#include "base/status.h"

namespace mp {

class PollWatch;

// All watches of one event loop. Closes them when the environment ends; a libuv handle may only be
// freed after its close callback, which that end has to wait for.
class WatchGroup {
 public:
  explicit WatchGroup(uv_loop_t* loop) : loop_(loop) {}

  // Closes every watch for good, and calls back when libuv has let go of the last: at once if there
  // is none.
  void CloseAll(std::function<void()> on_closed);

 private:
  friend class PollWatch;
  uv_loop_t* loop_;
  PollWatch* first_ = nullptr;
  size_t open_handles_ = 0;
  bool ended_ = false;
  std::function<void()> on_closed_;

  void HandleClosed();
};

class PollWatch {
 public:
  // `on_ready` runs on the event loop whenever one of the events holds, or the other side is gone.
  PollWatch(std::shared_ptr<WatchGroup> group, std::function<void()> on_ready);
  ~PollWatch();
  PollWatch(const PollWatch&) = delete;
  PollWatch& operator=(const PollWatch&) = delete;

  // Starts watching, or watches for other events. Keeps the loop alive.
  Status Start(int fd, int events);
  // No more callbacks, and the loop may end. The registration stays until an event comes that
  // nobody waits for, because a reader who has just been answered mostly asks again: taking it out
  // and putting it back costs two system calls.
  void Pause();
  // Before the descriptor is closed.
  void Close();
  bool active() const { return events_ != 0; }
  void Ref(bool keep_alive);

  // In a forked child, after uv_loop_fork and before anything walks the loop's handles: the handle
  // goes, the descriptor and the registration of the parent are left alone. The next Start makes a
  // new one. (Before uv_loop_fork the two loops share one epoll descriptor, and letting go here
  // would make the parent deaf.)
  void AfterForkInChild() { Close(); }

 private:
  friend class WatchGroup;
  struct Handle;
  static void OnPoll(uv_poll_t* poll, int status, int events);
  static void OnClosed(uv_handle_t* handle);

  std::shared_ptr<WatchGroup> group_;
  std::function<void()> on_ready_;
  Handle* handle_ = nullptr;
  int events_ = 0;      // what is waited for; 0 while paused
  int registered_ = 0;  // what libuv watches for
  PollWatch* next_ = nullptr;
  PollWatch* previous_ = nullptr;
};

}  // namespace mp
