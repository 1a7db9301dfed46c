#include "wait/poll_watch.h"

#include <cerrno>
#include <utility>

#include "os/blocking_mode.h"
#include "os/descriptor.h"

namespace mp {

struct PollWatch::Handle {
  uv_poll_t poll;
  PollWatch* watch;  // null once the watch is gone
  std::shared_ptr<WatchGroup> group;
};

void WatchGroup::CloseAll(std::function<void()> on_closed) {
  ended_ = true;
  for (PollWatch* watch = first_; watch; watch = watch->next_) watch->Close();
  if (open_handles_ == 0) {
    on_closed();
  } else {
    on_closed_ = std::move(on_closed);
  }
}

void WatchGroup::HandleClosed() {
  open_handles_--;
  if (open_handles_ == 0 && on_closed_) std::exchange(on_closed_, nullptr)();
}

PollWatch::PollWatch(std::shared_ptr<WatchGroup> group, std::function<void()> on_ready)
    : group_(std::move(group)), on_ready_(std::move(on_ready)), next_(group_->first_) {
  if (next_) next_->previous_ = this;
  group_->first_ = this;
}

PollWatch::~PollWatch() {
  Close();
  (previous_ ? previous_->next_ : group_->first_) = next_;
  if (next_) next_->previous_ = previous_;
}

Status PollWatch::Start(int fd, int events) {
  if (group_->ended_) return Status::Failed(ECANCELED, "uv_poll_start");
  if (!handle_) {
    auto handle = std::make_unique<Handle>();
    // libuv makes the descriptor non-blocking, which is a mark on what other processes share and is
    // not needed here.
    const BlockingMode mode = BlockingMode::Of(fd);
    const int result = uv_poll_init(group_->loop_, &handle->poll, fd);
    if (result != 0) return Status::Failed(-result, "uv_poll_init");
    mode.Restore(fd);
    handle->watch = this;
    handle->group = group_;
    handle->poll.data = handle.get();
    handle_ = handle.release();
    group_->open_handles_++;
  }
  if (events != registered_) {
    const int wanted =
        ((events & kReadable) ? UV_READABLE : 0) | ((events & kWritable) ? UV_WRITABLE : 0);
    const int result = uv_poll_start(&handle_->poll, wanted, OnPoll);
    if (result != 0) return Status::Failed(-result, "uv_poll_start");
    registered_ = events;
  }
  events_ = events;
  Ref(true);
  return Status::Ok();
}

void PollWatch::Pause() {
  events_ = 0;
  Ref(false);
}

void PollWatch::Ref(bool keep_alive) {
  if (!handle_) return;
  auto* handle = reinterpret_cast<uv_handle_t*>(&handle_->poll);
  keep_alive ? uv_ref(handle) : uv_unref(handle);
}

void PollWatch::OnPoll(uv_poll_t* poll, int status, int) {
  PollWatch* watch = static_cast<Handle*>(poll->data)->watch;
  if (!watch) return;
  // libuv has stopped the handle after an error of the descriptor; the reader or writer will meet
  // that error itself.
  if (status < 0) watch->registered_ = 0;
  if (watch->events_ == 0) {
    if (watch->registered_ != 0) uv_poll_stop(poll);
    watch->registered_ = 0;
    return;
  }
  watch->on_ready_();
  // It may be gone now. Else, after an error that nobody met, it is still waiting.
  PollWatch* left = static_cast<Handle*>(poll->data)->watch;
  uv_os_fd_t fd = -1;
  if (left && left->events_ != 0 && left->registered_ == 0 &&
      uv_fileno(reinterpret_cast<uv_handle_t*>(poll), &fd) == 0) {
    left->Start(fd, left->events_);
  }
}

void PollWatch::Close() {
  if (!handle_) return;
  Handle* handle = std::exchange(handle_, nullptr);
  handle->watch = nullptr;
  events_ = registered_ = 0;
  uv_close(reinterpret_cast<uv_handle_t*>(&handle->poll), OnClosed);
}

void PollWatch::OnClosed(uv_handle_t* closed) {
  auto* handle = static_cast<Handle*>(closed->data);
  const std::shared_ptr<WatchGroup> group = handle->group;
  delete handle;
  group->HandleClosed();
}

}  // namespace mp
