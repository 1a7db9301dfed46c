#include "process/thread_stop_linux.h"

#include <dirent.h>
#include <fcntl.h>
#include <linux/futex.h>
#include <signal.h>
#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <cerrno>
#include <cstdlib>
#include <cstring>
#include <ctime>
#include <iterator>

#include "base/deadline.h"
#include "os/raw_syscall_linux.h"

namespace mp {
namespace {

struct Slot {
  StoppedThread thread;
  // The round in which the handler filled `thread`; released by the handler, acquired by the stopper.
  std::atomic<uint32_t> captured{0};
};

Slot slots[ThreadStop::kMaxThreads];
size_t used = 0;
int stop_signal = 0;
pid_t silent = 0;

// Odd while threads are held. The stopper's store of the odd value is released after `slots` and `used` are written, and the handler
// acquires it, so a handler that finds an odd round finds its slot too.
std::atomic<uint32_t> round_number{0};
std::atomic<uint32_t> arrived{0};

struct Range {
  uintptr_t begin;
  uintptr_t end;
};
Range library[8];
size_t library_count = 0;

long Futex(std::atomic<uint32_t>* word, int operation, uint32_t value, const timespec* timeout = nullptr) {
  return raw::Call(SYS_futex, raw::Address(word), operation | FUTEX_PRIVATE_FLAG, value, raw::Address(timeout));
}

pid_t OwnTid() { return static_cast<pid_t>(raw::Call(SYS_gettid)); }

// Runs on the stopped thread, with all signals blocked. Raw system calls only: the thread may have been anywhere, and in the child
// it is not this frame that goes on but the one below it. A signal that arrives late, or twice, finds an even round or its
// own mark and returns at once.
void OnStop(int, siginfo_t*, void* context) {
  const uint32_t round = round_number.load(std::memory_order_acquire);
  if ((round & 1) == 0) return;
  const pid_t me = OwnTid();
  for (size_t index = 0; index < used; ++index) {
    Slot& slot = slots[index];
    if (slot.thread.tid != me) continue;
    if (slot.captured.load(std::memory_order_relaxed) == round) return;
    slot.thread.context = static_cast<ucontext_t*>(context);
    slot.thread.thread_pointer = reinterpret_cast<uintptr_t>(__builtin_thread_pointer());
    raw::Call(SYS_get_robust_list, 0, raw::Address(&slot.thread.robust_list), raw::Address(&slot.thread.robust_length));
    slot.captured.store(round, std::memory_order_release);
    arrived.fetch_add(1, std::memory_order_release);
    Futex(&arrived, FUTEX_WAKE, 1);
    while (round_number.load(std::memory_order_acquire) == round) Futex(&round_number, FUTEX_WAIT, round);
    return;
  }
}

// Reads a small file of /proc without malloc. Returns its length, or negative errno.
long ReadFile(const char* path, char* buffer, size_t capacity) {
  const long fd = raw::Call(SYS_openat, AT_FDCWD, raw::Address(path), O_RDONLY | O_CLOEXEC);
  if (fd < 0) return fd;
  const long length = raw::Call(SYS_read, fd, raw::Address(buffer), static_cast<long>(capacity - 1));
  raw::Call(SYS_close, fd);
  if (length >= 0) buffer[length] = '\0';
  return length;
}

void TaskPath(char* out, pid_t tid, const char* file) {
  // "/proc/self/task/<tid>/<file>", written by hand: snprintf may take the locale's lock.
  char digits[12];
  int length = 0;
  do {
    digits[length++] = static_cast<char>('0' + tid % 10);
    tid /= 10;
  } while (tid > 0);
  std::strcpy(out, "/proc/self/task/");
  char* at = out + std::strlen(out);
  while (length > 0) *at++ = digits[--length];
  *at++ = '/';
  std::strcpy(at, file);
}

bool HasStopSignal(const char* status, const char* field) {
  const char* line = std::strstr(status, field);
  if (line == nullptr) return false;
  const unsigned long long mask = std::strtoull(line + std::strlen(field), nullptr, 16);
  return ((mask >> (stop_signal - 1)) & 1) != 0;
}

// The system call in which a thread sleeps and its first argument, seen from outside; false while it runs or could.
bool SleepingCall(pid_t tid, long* number, unsigned long* first) {
  char path[64];
  char text[256];
  TaskPath(path, tid, "syscall");
  if (ReadFile(path, text, sizeof text) <= 0 || text[0] < '0' || text[0] > '9') return false;
  char* rest = nullptr;
  *number = std::strtol(text, &rest, 10);
  *first = std::strtoul(rest, nullptr, 16);
  return true;
}

// A thread that blocks our signal cannot be stopped by it (Node's SignalInspector blocks all). It sleeps with the signal pending. So
// does, for a moment, a thread that has not yet left our handler since the last stop: everything is blocked there too. That
// one is runnable, or sleeps on our own futex. (Taking it for a deaf one leaves it out of the child, where V8 then waits
// for it for ever: the rare hang of the first experiment.)
bool IsDeaf(pid_t tid) {
  char path[64];
  char text[4096];
  TaskPath(path, tid, "status");
  if (ReadFile(path, text, sizeof text) <= 0) return false;
  if (!HasStopSignal(text, "\nSigBlk:") || !HasStopSignal(text, "\nSigPnd:")) return false;
  long number = 0;
  unsigned long first = 0;
  return SleepingCall(tid, &number, &first) && first != reinterpret_cast<unsigned long>(&round_number);
}

struct KernelDirent {
  uint64_t inode;
  int64_t offset;
  uint16_t length;
  uint8_t type;
  char name[1];
};

bool Known(pid_t tid) {
  return std::any_of(slots, slots + used, [tid](const Slot& slot) { return slot.thread.tid == tid; });
}

// Adds every thread not known yet. Returns how many were added, or negative errno.
long ListNewThreads() {
  const long fd = raw::Call(SYS_openat, AT_FDCWD, raw::Address("/proc/self/task"), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  if (fd < 0) return fd;
  const pid_t me = OwnTid();
  long added = 0;
  alignas(8) char buffer[8192];
  for (;;) {
    const long length = raw::Call(SYS_getdents64, fd, raw::Address(buffer), sizeof buffer);
    if (length <= 0) {
      if (length < 0) added = length;
      break;
    }
    for (long at = 0; at < length;) {
      const auto* entry = reinterpret_cast<const KernelDirent*>(buffer + at);
      at += entry->length;
      const pid_t tid = std::atoi(entry->name);
      if (tid <= 0 || tid == me || Known(tid)) continue;
      if (used == ThreadStop::kMaxThreads) {
        raw::Call(SYS_close, fd);
        return -EAGAIN;
      }
      slots[used].thread = StoppedThread{};
      slots[used].thread.tid = tid;
      slots[used].captured.store(0, std::memory_order_relaxed);
      ++used;
      ++added;
    }
  }
  raw::Call(SYS_close, fd);
  return added;
}

// Threads found to block the stop signal, so that later stops need not wait to find out. A number that is used again belongs to
// another thread: it is asked again each time.
pid_t deaf_tids[16];
size_t deaf_count = 0;

bool KnownDeaf(pid_t tid) { return std::find(deaf_tids, deaf_tids + deaf_count, tid) != deaf_tids + deaf_count; }

void RememberDeaf(pid_t tid) {
  if (deaf_count < std::size(deaf_tids) && !KnownDeaf(tid)) deaf_tids[deaf_count++] = tid;
}

bool Signal(pid_t tid, int signal) { return raw::Call(SYS_tgkill, getpid(), tid, signal) == 0; }

bool Waits(long number) {
  static constexpr long kWaits[] = {
      SYS_futex,     SYS_epoll_pwait, SYS_ppoll,  SYS_pselect6, SYS_read,   SYS_recvmsg,         SYS_recvfrom,
      SYS_accept,    SYS_accept4,     SYS_wait4,  SYS_waitid,   SYS_flock,  SYS_rt_sigtimedwait, SYS_nanosleep,
      SYS_clock_nanosleep, SYS_rt_sigsuspend, SYS_io_uring_enter, 441 /* epoll_pwait2 */, 449 /* futex_waitv */,
#if defined(__x86_64__)
      SYS_epoll_wait, SYS_poll, SYS_select, SYS_pause,
#endif
  };
  return std::find(std::begin(kWaits), std::end(kWaits), number) != std::end(kWaits);
}

bool InLibrary(uintptr_t address) {
  return std::any_of(library, library + library_count,
                     [address](const Range& range) { return address >= range.begin && address < range.end; });
}

// The system call at which the kernel interrupted the thread: its number, -1 for one that ended in EINTR (only calls that
// wait do), or -2 when it was not in one.
long InterruptedCall(const ucontext_t& context) {
#if defined(__x86_64__)
  const auto* pc = reinterpret_cast<const unsigned char*>(context.uc_mcontext.gregs[REG_RIP]);
  const long rax = context.uc_mcontext.gregs[REG_RAX];
  if (pc[0] == 0x0f && pc[1] == 0x05) return rax;  // rewound, to be started again
  if (pc[-2] == 0x0f && pc[-1] == 0x05 && rax == -EINTR) return -1;
#elif defined(__aarch64__)
  const auto* pc = reinterpret_cast<const uint32_t*>(context.uc_mcontext.pc);
  constexpr uint32_t kSupervisorCall = 0xd4000001;
  if (pc[0] == kSupervisorCall) return static_cast<long>(context.uc_mcontext.regs[8]);
  if (pc[-1] == kSupervisorCall && static_cast<long>(context.uc_mcontext.regs[0]) == -EINTR) return -1;
#endif
  return -2;
}

uintptr_t ProgramCounter(const ucontext_t& context) {
#if defined(__x86_64__)
  return static_cast<uintptr_t>(context.uc_mcontext.gregs[REG_RIP]);
#elif defined(__aarch64__)
  return static_cast<uintptr_t>(context.uc_mcontext.pc);
#else
  return 0;
#endif
}

Position PositionOfDeaf(pid_t tid) {
  long number = 0;
  unsigned long first = 0;
  return SleepingCall(tid, &number, &first) && Waits(number) ? Position::kWaiting : Position::kRunning;
}

// Waits until every signalled thread is in its handler. One that ended instead loses its number; its slot stays where it is,
// since handlers of others may be searching.
Status AwaitArrivals(uint32_t round, uint64_t deadline_ns) {
  for (bool slow = false;; slow = true) {
    size_t missing = 0;
    pid_t waiting_for = 0;
    const uint32_t seen = arrived.load(std::memory_order_acquire);
    for (size_t index = 0; index < used; ++index) {
      Slot& slot = slots[index];
      const pid_t tid = slot.thread.tid;
      if (tid == 0 || slot.thread.deaf || slot.captured.load(std::memory_order_acquire) == round) continue;
      if (!Signal(tid, 0)) {
        slot.thread.tid = 0;
        continue;
      }
      if (slow && IsDeaf(tid)) {
        slot.thread.deaf = true;
        RememberDeaf(tid);
        continue;
      }
      ++missing;
      waiting_for = tid;
    }
    if (missing == 0) return Status::Ok();
    const uint64_t now = MonotonicNs();
    if (now >= deadline_ns) {
      silent = waiting_for;
      return Status::Failed(ETIMEDOUT, "thread stop");
    }
    // Woken by each arrival; the bound lets a thread that ended without arriving be noticed.
    const uint64_t wait = std::min<uint64_t>(deadline_ns - now, 1'000'000);
    const timespec timeout{0, static_cast<long>(wait)};
    Futex(&arrived, FUTEX_WAIT, seen, &timeout);
  }
}

}  // namespace

Status ThreadStop::Install() {
  if (stop_signal != 0) return Status::Ok();
  // From the top: libraries that use real-time signals start from SIGRTMIN.
  for (int signal = SIGRTMAX - 1; signal > SIGRTMIN; --signal) {
    struct sigaction current {};
    if (sigaction(signal, nullptr, &current) != 0 || current.sa_handler != SIG_DFL) continue;
    struct sigaction action {};
    action.sa_sigaction = &OnStop;
    // The handler stays for good: a thread that answers late must find it, the signal's default is to kill. No SA_ONSTACK: the
    // frame must lie on the thread's own stack.
    action.sa_flags = SA_SIGINFO | SA_RESTART;
    sigfillset(&action.sa_mask);
    if (sigaction(signal, &action, nullptr) != 0) return Status::Failed(errno, "sigaction");
    stop_signal = signal;
    return Status::Ok();
  }
  return Status::Failed(EBUSY, "sigaction");
}

Status ThreadStop::Stop(uint64_t deadline_ns) {
  used = 0;
  silent = 0;
  arrived.store(0, std::memory_order_relaxed);
  // A thread started by one that is not stopped yet shows up in the next listing; once all listed ones are stopped, none can.
  uint32_t round = round_number.load(std::memory_order_relaxed) + 1;
  size_t signalled = 0;
  Status status;
  for (;;) {
    const long added = ListNewThreads();
    if (added < 0) {
      status = Status::Failed(static_cast<int>(-added), "/proc/self/task");
      break;
    }
    if (added == 0) return Status::Ok();
    // Publishes the slots listed so far; from the second listing on the round is odd already and the slots behind `signalled`
    // belong to threads that have no signal on its way yet.
    round_number.store(round, std::memory_order_release);
    for (; signalled < used; ++signalled) {
      Slot& slot = slots[signalled];
      const pid_t tid = slot.thread.tid;
      slot.thread.deaf = KnownDeaf(tid) && IsDeaf(tid);
      if (!slot.thread.deaf) Signal(tid, stop_signal);
    }
    status = AwaitArrivals(round, deadline_ns);
    signalled = used;
    if (!status.ok()) break;
  }
  Release();
  return status;
}

void ThreadStop::Release() {
  const uint32_t round = round_number.load(std::memory_order_relaxed);
  if ((round & 1) == 0) return;
  round_number.store(round + 1, std::memory_order_release);
  Futex(&round_number, FUTEX_WAKE, INT32_MAX);
}

size_t ThreadStop::count() { return used; }

const StoppedThread& ThreadStop::at(size_t index) { return slots[index].thread; }

Position ThreadStop::PositionOf(const StoppedThread& thread) {
  if (thread.deaf) return PositionOfDeaf(thread.tid);
  const long call = InterruptedCall(*thread.context);
  if (call == -1 || (call >= 0 && Waits(call))) return Position::kWaiting;
  // Any other call belongs to whoever made it; one made by the allocator lies in the library's text.
  return InLibrary(ProgramCounter(*thread.context)) ? Position::kLibrary : Position::kRunning;
}

pid_t ThreadStop::Silent() { return silent; }

void ThreadStop::AddLibraryRange(uintptr_t begin, uintptr_t end) {
  if (library_count < std::size(library)) library[library_count++] = {begin, end};
}

}  // namespace mp
