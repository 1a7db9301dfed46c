#include "process/loop_after_fork.h"

#include <dirent.h>
#include <fcntl.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstdlib>
#include <string>

#include "base/unique_fd.h"

namespace mp {
namespace {

struct LockPipe {
  int read_fd = -1;
  int write_fd = -1;
  ino_t inode = 0;
};
LockPipe lock_pipe;

struct PipeEnd {
  int fd;
  ino_t inode;
  int flags;
};

std::vector<PipeEnd> OwnPipes() {
  std::vector<PipeEnd> ends;
  DIR* directory = opendir("/proc/self/fd");
  if (directory == nullptr) return ends;
  while (const dirent* entry = readdir(directory)) {
    const int fd = std::atoi(entry->d_name);
    struct stat status{};
    if (fd <= 2 || fstat(fd, &status) != 0 || !S_ISFIFO(status.st_mode)) continue;
    ends.push_back({fd, status.st_ino, fcntl(fd, F_GETFL)});
  }
  closedir(directory);
  return ends;
}

bool Is(int fd, ino_t inode) {
  struct stat status{};
  return fstat(fd, &status) == 0 && S_ISFIFO(status.st_mode) && status.st_ino == inode;
}

// libuv keeps these lists as circular, doubly linked nodes. Emptying one leaves each node alone
// with itself, as libuv's own removal does, so that what is queued again later is not taken for
// queued already.
void Empty(struct uv__queue* head) {
  struct uv__queue* node = head->next;
  while (node != head) {
    struct uv__queue* next = node->next;
    node->next = node->prev = node;
    node = next;
  }
  head->next = head->prev = head;
}

template <typename Visit>
void ForEachAsync(uv_loop_t* loop, Visit visit) {
  for (struct uv__queue* node = loop->async_handles.next; node != &loop->async_handles;
       node = node->next) {
    visit(
        reinterpret_cast<uv_async_t*>(reinterpret_cast<char*>(node) - offsetof(uv_async_t, queue)));
  }
}

struct Quieting {
  const std::vector<int>* keep;
  int inert_fd;
  bool foreign_poll;
  uv_timer_t* loop_timer;  // Node's own, the first that was made
};

void MakeInert(uv_handle_t* handle, const Quieting& quieting) {
  uv_os_fd_t fd = -1;
  if (uv_fileno(handle, &fd) != 0 || fd <= 2) return;
  if (std::find(quieting.keep->begin(), quieting.keep->end(), fd) != quieting.keep->end()) return;
  dup3(quieting.inert_fd, fd, O_CLOEXEC);
}

void QuietHandle(uv_handle_t* handle, void* argument) {
  auto& quieting = *static_cast<Quieting*>(argument);
  if (uv_is_closing(handle)) return;
  switch (uv_handle_get_type(handle)) {
    case UV_TCP:
    case UV_NAMED_PIPE:
    case UV_TTY:
      uv_read_stop(reinterpret_cast<uv_stream_t*>(handle));
      MakeInert(handle, quieting);
      break;
    case UV_UDP:
      uv_udp_recv_stop(reinterpret_cast<uv_udp_t*>(handle));
      MakeInert(handle, quieting);
      break;
    case UV_POLL:
      // Our own were stopped before this walk; what is active belongs to somebody else.
      if (!uv_is_active(handle)) break;
      quieting.foreign_poll = true;
      uv_poll_stop(reinterpret_cast<uv_poll_t*>(handle));
      MakeInert(handle, quieting);
      break;
    case UV_FS_EVENT:
      uv_fs_event_stop(reinterpret_cast<uv_fs_event_t*>(handle));
      break;
    case UV_FS_POLL:
      uv_fs_poll_stop(reinterpret_cast<uv_fs_poll_t*>(handle));
      break;
    case UV_TIMER:
    case UV_IDLE:
      // Node's own count their references as JavaScript timers and immediates come and go; the
      // JavaScript side clears those.
      return;
    default:
      break;
  }
  uv_unref(handle);
}

void StopForeignTimer(uv_handle_t* handle, void* argument) {
  const auto& quieting = *static_cast<Quieting*>(argument);
  auto* timer = reinterpret_cast<uv_timer_t*>(handle);
  if (uv_handle_get_type(handle) == UV_TIMER && timer != quieting.loop_timer &&
      !uv_is_closing(handle))
    uv_timer_stop(timer);
}

void FindFirstTimer(uv_handle_t* handle, void* argument) {
  auto** first = static_cast<uv_timer_t**>(argument);
  if (*first == nullptr && uv_handle_get_type(handle) == UV_TIMER)
    *first = reinterpret_cast<uv_timer_t*>(handle);
}

}  // namespace

void SignalLockPipe::Find() {
  // libuv makes it blocking and puts one byte in; its other pipes are non-blocking.
  const std::vector<PipeEnd> ends = OwnPipes();
  for (const PipeEnd& read_end : ends) {
    if ((read_end.flags & (O_ACCMODE | O_NONBLOCK)) != O_RDONLY) continue;
    int available = 0;
    if (ioctl(read_end.fd, FIONREAD, &available) != 0 || available != 1) continue;
    for (const PipeEnd& write_end : ends) {
      if (write_end.inode != read_end.inode ||
          (write_end.flags & (O_ACCMODE | O_NONBLOCK)) != O_WRONLY)
        continue;
      lock_pipe = {read_end.fd, write_end.fd, read_end.inode};
      return;
    }
  }
}

Status SignalLockPipe::Replace() {
  if (lock_pipe.read_fd < 0) return Status::Ok();
  if (!Is(lock_pipe.read_fd, lock_pipe.inode) || !Is(lock_pipe.write_fd, lock_pipe.inode))
    return Status::Ok();
  int ends[2];
  if (pipe2(ends, O_CLOEXEC) != 0) return Status::Failed(errno, "pipe2");
  const UniqueFd read_end(ends[0]);
  const UniqueFd write_end(ends[1]);
  const char unlocked = 42;
  if (write(write_end.get(), &unlocked, 1) != 1) return Status::Failed(errno, "write");
  if (dup3(read_end.get(), lock_pipe.read_fd, O_CLOEXEC) < 0) return Status::Failed(errno, "dup3");
  if (dup3(write_end.get(), lock_pipe.write_fd, O_CLOEXEC) < 0)
    return Status::Failed(errno, "dup3");
  struct stat status{};
  fstat(lock_pipe.read_fd, &status);
  lock_pipe.inode = status.st_ino;
  return Status::Ok();
}

Result<int> LoopAfterFork::InertDescriptor() {
  int ends[2];
  if (pipe2(ends, O_CLOEXEC) != 0) return Status::Failed(errno, "pipe2");
  // Out of the way of the low numbers; the write end is never closed, that is its purpose.
  const int high = fcntl(ends[1], F_DUPFD_CLOEXEC, 64);
  if (high >= 0) {
    close(ends[1]);
  }
  return ends[0];
}

Status LoopAfterFork::Recreate(uv_loop_t* loop) {
  std::vector<uv_async_t*> rung;
  ForEachAsync(loop, [&rung](uv_async_t* async) {
    if (async->pending != 0) rung.push_back(async);
  });
  const int error = uv_loop_fork(loop);
  if (error != 0) return Status::Failed(-error, "uv_loop_fork");
  for (uv_async_t* async : rung) {
    async->pending = 0;
    uv_async_send(async);
  }
  return Status::Ok();
}

Status LoopAfterFork::Quiet(uv_loop_t* loop, const std::vector<int>& keep, unsigned parked) {
  Result<int> inert = InertDescriptor();
  if (!inert.ok()) return inert.status();

  Quieting quieting{&keep, inert.value(), false, nullptr};
  uv_walk(loop, &QuietHandle, &quieting);
  if (quieting.foreign_poll) {
    // A DNS query in flight polls its sockets and retries by timer; without the timer it stays
    // silent. So do V8's delayed tasks, which are hints (heap shrinking and the like) that it
    // schedules again.
    uv_walk(loop, &FindFirstTimer, &quieting.loop_timer);
    uv_walk(loop, &StopForeignTimer, &quieting);
  }
  Empty(&loop->pending_queue);
  Empty(&loop->wq);
  loop->active_reqs.count = parked;
  close(inert.value());
  return Status::Ok();
}

}  // namespace mp
