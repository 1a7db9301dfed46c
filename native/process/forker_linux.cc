#include "process/forker.h"

#include <dlfcn.h>
#include <fcntl.h>
#include <link.h>
#include <linux/futex.h>
#include <sched.h>
#include <signal.h>
#include <unistd.h>

#if defined(__GLIBC__)
#include <gnu/libc-version.h>
#endif

#include <cerrno>
#include <cstdio>
#include <cstdlib>
#include <cstring>

#include "base/deadline.h"
#include "os/raw_syscall_linux.h"
#include "process/dontfork_marks_linux.h"
#include "process/loop_after_fork.h"
#include "process/pool_parking.h"
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

// ---- the text of the allocator, the C library and the loader
// ------------------------------------------------------------

int AddRangesOf(dl_phdr_info* info, size_t, void* argument) {
  const auto wanted = *static_cast<const uintptr_t*>(argument);
  bool owns = false;
  for (int at = 0; at < info->dlpi_phnum; ++at) {
    const auto& header = info->dlpi_phdr[at];
    const uintptr_t begin = info->dlpi_addr + header.p_vaddr;
    if (header.p_type == PT_LOAD && wanted >= begin && wanted < begin + header.p_memsz) owns = true;
  }
  if (!owns) return 0;
  for (int at = 0; at < info->dlpi_phnum; ++at) {
    const auto& header = info->dlpi_phdr[at];
    if (header.p_type != PT_LOAD || (header.p_flags & PF_X) == 0) continue;
    const uintptr_t begin = info->dlpi_addr + header.p_vaddr;
    AddLibraryRange(begin, begin + header.p_memsz);
  }
  return 1;
}

void AddLibraryOf(const char* symbol) {
  auto address = reinterpret_cast<uintptr_t>(dlsym(RTLD_DEFAULT, symbol));
  if (address != 0) dl_iterate_phdr(&AddRangesOf, &address);
}

void AddFunction(const char* symbol, void (*add)(uintptr_t begin, uintptr_t end)) {
#if defined(__GLIBC__)  // elsewhere nothing forks, and dladdr1 is glibc's
  void* address = dlsym(RTLD_DEFAULT, symbol);
  Dl_info info{};
  void* symbol_entry = nullptr;
  if (address == nullptr || dladdr1(address, &info, &symbol_entry, RTLD_DL_SYMENT) == 0) return;
  const auto* entry = static_cast<const ElfW(Sym)*>(symbol_entry);
  if (entry == nullptr) return;
  const auto begin = reinterpret_cast<uintptr_t>(address);
  add(begin, begin + entry->st_size);
#else
  (void)symbol;
  (void)add;
#endif
}

// Which of its futex calls wait for a lock can be told from this version of glibc on; the one that
// runs may be older than the one that this was compiled with.
bool RestsByBitset() {
#if defined(__GLIBC__)
  int major = 0;
  int minor = 0;
  return std::sscanf(gnu_get_libc_version(), "%d.%d", &major, &minor) == 2 &&
         (major > 2 || (major == 2 && minor >= 34));
#else
  return false;
#endif
}

// A thread that is in one of these may hold a lock that the child needs before that thread is back.
void LearnLibraryText() {
  AddLibraryOf("malloc");        // libc, or the allocator that replaces it
  AddLibraryOf("pthread_self");  // libc, or libpthread before glibc 2.34
  AddLibraryOf("_dl_find_object");
  AddLibraryOf("__tls_get_addr");  // the loader
  // A thread between its load of the eventfd's number and its write would write to a number that
  // means something else in the child.
  AddFunction("uv_async_send", &AddLibraryRange);
  if (RestsByBitset()) AddFunction("syscall", &SetSyscallRange);
  // absl::Mutex::LockSlowLoop(SynchWaitParams*, int), of the Node that runs.
  AddFunction("_ZN4absl5Mutex12LockSlowLoopEPNS_15SynchWaitParamsEi", &SetLockLoopRange);
}

// ---- threads
// -------------------------------------------------------------------------------------------------------------------

struct ThreadCheck {
  bool ok = true;
  pid_t culprit = 0;
};

// Those that come back may be anywhere but in the library's text. Those that are left behind must
// rest: a lock that one of them holds is held in the child for ever, and a thread that waits for a
// lock may hold another.
ThreadCheck CheckThreads() {
  for (size_t index = 0; index < ThreadStop::count(); ++index) {
    const StoppedThread& thread = ThreadStop::at(index);
    if (thread.tid == 0) continue;
    const Position position = PositionOf(thread);
    if (position == Position::kWaiting) continue;
    const bool comes_back = ThreadRoles::Of(layout, thread) != Role::kOther;
    if (comes_back && position != Position::kLibrary) continue;
    return {false, thread.tid};
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

// Stops all threads at acceptable places, trying again until the deadline.
Result<ForkOutcome> StopThreads(uint64_t deadline_ns) {
  for (;;) {
    Result<ForkOutcome> held = HoldThreads();
    if (!held.ok()) return held;
    if (held.value().refusal.empty()) {
      const ThreadCheck check = CheckThreads();
      if (check.ok) return held;
      ThreadStop::Release();
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
    if (ThreadRoles::Of(layout, ThreadStop::at(index)) != Role::kOther) ++found;
  }
  return found == ThreadRoles::revived_threads();
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

// One thread so far, with every stopped thread's memory exactly as it was. Kernel objects that the
// parent shares come first: threads that wake up later must find their own under the old numbers.
void BecomeChild(const ForkRequest& request, const RobustList& robust) {
  robust.Empty();
  raw::Call(SYS_set_robust_list, raw::Address(robust.head), static_cast<long>(robust.length));
  Require(SignalLockPipe::Replace());
  Require(LoopAfterFork::Recreate(request.loop));
  for (size_t index = 0; index < ThreadStop::count(); ++index) {
    const StoppedThread& thread = ThreadStop::at(index);
    const Role role = ThreadRoles::Of(layout, thread);
    if (role != Role::kOther)
      Require(ThreadRevival::Revive(layout, thread, ThreadRoles::NameOf(role)));
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
    LearnLibraryText();
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
  status = ThreadRevival::Reserve(ThreadRoles::revived_threads());
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
