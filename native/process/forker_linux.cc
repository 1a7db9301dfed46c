#include "process/forker.h"

#include <fcntl.h>
#include <linux/futex.h>
#include <sched.h>
#include <signal.h>
#include <unistd.h>

#include <cerrno>
#include <cstdio>
#include <cstdlib>
#include <cstring>

#include "base/deadline.h"
#include "base/unique_fd.h"
#include "os/raw_syscall_linux.h"
#include "process/dontfork_marks_linux.h"
#include "process/epoll_after_fork_linux.h"
#include "process/loop_after_fork.h"
#include "process/pool_parking.h"
#include "process/program_text_linux.h"
#include "process/spare_descriptors.h"
#include "process/thread_layout_linux.h"
#include "process/thread_position_linux.h"
#include "process/thread_revive_linux.h"
#include "process/thread_roles_linux.h"
#include "process/thread_stop_linux.h"

namespace mp {
namespace {

ThreadLayout layout;

ForkOutcome Refuse(std::string reason, bool transient) {
  ForkOutcome outcome;
  outcome.refusal = std::move(reason);
  outcome.transient = transient;
  return outcome;
}

std::string ThreadName(pid_t tid) {
  char path[64];
  char name[32] = "?";
  std::snprintf(path, sizeof path, "/proc/self/task/%d/comm", tid);
  const int fd = open(path, O_RDONLY | O_CLOEXEC);
  if (fd >= 0) {
    const ssize_t length = read(fd, name, sizeof name - 1);
    if (length > 0) name[length - 1] = '\0';
    close(fd);
  }
  return "thread " + std::to_string(tid) + " (" + name + ")";
}

// ---- threads
// -------------------------------------------------------------------------------------------------------------------

struct ThreadCheck {
  bool ok = true;
  pid_t culprit = 0;
  bool hidden = false;
};

bool IsIndispensable(const StoppedThread& thread) {
  const Role role = ThreadRoles::Of(layout, thread);
  return role == Role::kPlatform || role == Role::kPool;
}

// V8's (as a rule) and libuv's may be anywhere but in the library's text. All others must rest:
// a lock that one holds which is left behind is held in the child for ever, and a thread that waits
// for a lock may hold another, which it does not let go of when the first one's holder is not
// there.
ThreadCheck CheckThreads() {
  for (size_t index = 0; index < ThreadStop::count(); ++index) {
    const StoppedThread& thread = ThreadStop::at(index);
    if (thread.tid == 0) continue;
    const Position position = PositionOf(thread);
    if (position == Position::kWaiting) continue;
    if (ThreadRoles::MayWork(layout, thread) && position != Position::kLibrary) continue;
    return {false, thread.tid, position == Position::kHidden};
  }
  return {};
}

// Stops all threads wherever they are.
Result<ForkOutcome> HoldThreads() {
  constexpr uint64_t kAnswerNs = 100'000'000;
  const Status status = ThreadStop::Stop(MonotonicNs() + kAnswerNs);
  if (status.error == ETIMEDOUT) {
    return Refuse(
        ThreadName(ThreadStop::Silent()) + " did not answer the stop signal within 100 ms", true);
  }
  if (!status.ok()) return status;
  return ForkOutcome{};
}

void Pause() {
  const timespec pause{0, 50'000};
  nanosleep(&pause, nullptr);
}

ForkOutcome RefuseHidden(pid_t tid) {
  return Refuse(ThreadName(tid) +
                    " blocks all signals, and the kernel does not tell a process that has changed "
                    "its user or group (setuid) what such a thread is doing; start processes "
                    "before that, or with the spawn method",
                false);
}

// Stops all threads at acceptable places, trying again until the deadline.
Result<ForkOutcome> StopThreads(uint64_t deadline_ns) {
  for (;;) {
    Result<ForkOutcome> held = HoldThreads();
    if (!held.ok()) return held;
    if (held.value().refusal.empty()) {
      const ThreadCheck check = CheckThreads();
      if (check.ok) return held;
      ThreadStop::Release();
      if (check.hidden) return RefuseHidden(check.culprit);
      held = Refuse(
          ThreadName(check.culprit) + " is running and may hold a lock that the child would need",
          true);
    }
    if (MonotonicNs() >= deadline_ns) return held;
    Pause();
  }
}

Result<ForkOutcome> LearnRoles(const ForkRequest& request, uint64_t deadline_ns) {
  Result<int> pool_tid = PoolParking::Warm(request.loop, deadline_ns);
  if (!pool_tid.ok()) return Refuse("the libuv pool is busy", true);
  Result<ForkOutcome> answered = HoldThreads();
  while (answered.ok() && !answered.value().refusal.empty() && MonotonicNs() < deadline_ns) {
    Pause();
    answered = HoldThreads();
  }
  if (!answered.ok() || !answered.value().refusal.empty()) return answered;
  const Status status = ThreadRoles::Learn(layout, pool_tid.value(), request.has_platform_workers);
  ThreadStop::Release();
  if (!status.ok()) return Refuse("the threads of V8 and libuv could not be told apart", false);
  return ForkOutcome{};
}

// A thread that V8 or libuv counts on and that is not among the stopped ones would be waited for in
// the child for ever.
bool AllFound() {
  unsigned found = 0;
  for (size_t index = 0; index < ThreadStop::count(); ++index) {
    if (IsIndispensable(ThreadStop::at(index))) ++found;
  }
  return found == ThreadRoles::indispensable_threads();
}

// ---- the child
// -------------------------------------------------------------------------------------------------------------------

[[noreturn]] void Abandon(const Status& status) {
  // Nobody could go on from here: the parent sees a child killed by SIGABRT, and why on stderr.
  char text[160];
  const int length =
      std::snprintf(text, sizeof text, "node-multiprocessing: forked child cannot go on: %s: %s\n",
                    status.operation, std::strerror(status.error));
  if (length > 0 && write(2, text, static_cast<size_t>(length)) < 0) raw::Call(SYS_exit_group, 134);
  abort();
}

void Require(const Status& status) {
  if (!status.ok()) Abandon(status);
}

struct RobustList {
  robust_list_head* head = nullptr;
  size_t length = 0;

  // As glibc's fork does. The mutexes on the parent's list are the parent's: the kernel would leave
  // them alone when the child ends, but the next one that the child takes would be linked to them,
  // in memory that the two share.
  void Empty() const {
    if (head == nullptr) return;
    head->list.next = &head->list;
    head->list_op_pending = nullptr;
  }
};

// Those in which threads of addons wait, as these come back.
Status ReplaceEpolls(const ForkRequest& request) {
  UniqueFd inert;
  for (size_t index = 0; index < ThreadStop::count(); ++index) {
    const StoppedThread& thread = ThreadStop::at(index);
    const int fd = EpollOf(thread);
    if (ThreadRoles::Of(layout, thread) != Role::kAddon || !EpollAfterFork::IsEpoll(fd)) continue;
    if (request.clean && !inert) {
      Result<int> made = LoopAfterFork::InertDescriptor();
      if (!made.ok()) return made.status();
      inert.Reset(made.value());
    }
    const Status status =
        EpollAfterFork::Replace(fd, inert.get(), request.loop->async_io_watcher.fd);
    if (!status.ok()) return status;
  }
  return Status::Ok();
}

// Node's own handlers give the terminal the modes back that it had when the program began. It is
// the parent's, which goes on with it. Those of libuv, which call listeners, have SA_RESTART.
void LeaveTerminalToParent() {
  constexpr auto kMarks = SA_RESETHAND | SA_RESTART | SA_SIGINFO;
  for (const int signal : {SIGINT, SIGTERM}) {
    struct sigaction present{};
    if (sigaction(signal, nullptr, &present) != 0) continue;
    if ((present.sa_flags & kMarks) != SA_RESETHAND) continue;
    const struct sigaction standard{};  // all zero: SIG_DFL
    sigaction(signal, &standard, nullptr);
  }
}

// One thread so far, with every stopped thread's memory exactly as it was. Kernel objects that the
// parent shares come first: threads that wake up later must find their own under the old numbers.
void BecomeChild(const ForkRequest& request, const RobustList& robust) {
  robust.Empty();
  raw::Call(SYS_set_robust_list, raw::Address(robust.head), static_cast<long>(robust.length));
  LeaveTerminalToParent();  // Before other threads run, which block no signal.
  Require(SignalLockPipe::Replace());
  Require(LoopAfterFork::Recreate(request.loop));
  Require(ReplaceEpolls(request));
  for (size_t index = 0; index < ThreadStop::count(); ++index) {
    const StoppedThread& thread = ThreadStop::at(index);
    if (ThreadRoles::Of(layout, thread) != Role::kOther)
      Require(ThreadRevival::Revive(layout, thread));
  }
  ThreadStop::Release();
  if (request.clean) request.loop->closing_handles = nullptr;
  request.in_child(!request.clean);
  // The pool is still parked: nobody touches the loop's queues.
  if (request.clean)
    Require(LoopAfterFork::Quiet(request.loop, request.keep_fds, ThreadRoles::pool_threads()));
}

pid_t RawFork(int* child_number) {
  const uintptr_t thread_pointer = OwnThreadPointer();
  // As glibc's _Fork: the kernel writes the new thread number into our descriptor, and clears it
  // when this thread ends. No atfork handlers: they belong to a child in which the other threads
  // are gone.
  long flags = CLONE_CHILD_SETTID | CLONE_CHILD_CLEARTID | SIGCHLD;
  if (child_number != nullptr) flags |= CLONE_PARENT_SETTID;
  const long to = raw::Address(child_number);
  int* tid = layout.TidOf(thread_pointer);
#if defined(__x86_64__)
  return static_cast<pid_t>(raw::Call(SYS_clone, flags, 0, to, raw::Address(tid), 0));
#else
  return static_cast<pid_t>(raw::Call(SYS_clone, flags, 0, to, 0, raw::Address(tid)));
#endif
}

}  // namespace

std::string Forker::Unsupported() {
  static const std::string reason = [] {
#if !defined(__x86_64__) && !defined(__aarch64__)
    return std::string("this processor is not supported (x86-64 and AArch64 are)");
#else
    Result<ThreadLayout> measured = MeasureThreadLayout();
    if (!measured.ok())
      return std::string(
          "the C library is not glibc, or a version whose threads are laid out differently");
    layout = measured.value();
    const Status installed = ThreadStop::Install();
    if (!installed.ok()) return std::string("no real-time signal is free");
    LearnProgramText();
    return std::string();
#endif
  }();
  return reason;
}

Result<ForkOutcome> Forker::Fork(const ForkRequest& request) {
  if (!Unsupported().empty()) return Refuse(Unsupported(), false);
  const uint64_t deadline_ns = DeadlineAfterMs(request.wait_ms);
  SpareDescriptors spare;
  Status status = spare.Take();
  if (!status.ok()) return status;
  if (!ThreadRoles::learned()) {
    // Much of it is read from files.
    spare.Release();
    SignalLockPipe::Find();
    Result<ForkOutcome> learned = LearnRoles(request, deadline_ns);
    if (!learned.ok() || !learned.value().refusal.empty()) return learned;
    status = spare.Take();
    if (!status.ok()) return status;
  }

  if (!PoolParking::Park(request.loop, ThreadRoles::pool_threads(), deadline_ns).ok()) {
    return Refuse("the libuv pool is busy", true);
  }
  Result<ForkOutcome> stopped = StopThreads(deadline_ns);
  if (stopped.ok() && stopped.value().refusal.empty() && !AllFound()) {
    ThreadStop::Release();
    stopped = Refuse("not all threads of V8 and libuv could be stopped", true);
  }
  if (!stopped.ok() || !stopped.value().refusal.empty()) {
    PoolParking::Unpark();
    return stopped;
  }

  sigset_t all;
  sigset_t before;
  sigfillset(&all);
  pthread_sigmask(SIG_SETMASK, &all, &before);
  RobustList robust;
  raw::Call(SYS_get_robust_list, 0, raw::Address(&robust.head), raw::Address(&robust.length));
  status = ThreadRevival::Reserve(ThreadRoles::CountRevived(layout));
  DontForkMarks marks;
  if (status.ok()) status = marks.Remove();
  const pid_t pid = status.ok() ? RawFork(request.child_number) : -1;
  spare.Release();
  if (pid == 0) {
    BecomeChild(request, robust);
  } else {
    if (status.ok() && pid < 0) status = Status::Failed(static_cast<int>(-pid), "fork");
    marks.Restore();
    ThreadStop::Release();
  }
  PoolParking::Unpark();
  pthread_sigmask(SIG_SETMASK, &before, nullptr);
  if (!status.ok()) return status;
  ForkOutcome outcome;
  outcome.pid = pid;
  return outcome;
}

}  // namespace mp
