#include "process/thread_stop_linux.h"

#include <linux/futex.h>
#include <signal.h>
#include <sys/prctl.h>
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
#include "process/thread_files_linux.h"

namespace mp {
namespace {

struct Slot {
  StoppedThread thread;
  // The round in which the handler filled `thread`; released by the handler, acquired by the
  // stopper.
  std::atomic<uint32_t> captured{0};
};

Slot slots[ThreadStop::kMaxThreads];
size_t used = 0;
int stop_signal = 0;
pid_t silent = 0;

// Odd while threads are held. The stopper's store of the odd value is released after `slots` and
// `used` are written, and the handler acquires it, so a handler that finds an odd round finds its
// slot too.
std::atomic<uint32_t> round_number{0};
std::atomic<uint32_t> arrived{0};

long Futex(std::atomic<uint32_t>* word, int operation, uint32_t value,
           const timespec* timeout = nullptr) {
  return raw::Call(SYS_futex, raw::Address(word), operation | FUTEX_PRIVATE_FLAG, value,
                   raw::Address(timeout));
}

pid_t OwnTid() {
  return static_cast<pid_t>(raw::Call(SYS_gettid));
}

// Runs on the stopped thread, with all signals blocked. Raw system calls only: the thread may have
// been anywhere, and in the child it is not this frame that goes on but the one below it. A signal
// that arrives late, or twice, finds an even round or its own mark and returns at once.
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
    raw::Call(SYS_get_robust_list, 0, raw::Address(&slot.thread.robust_list),
              raw::Address(&slot.thread.robust_length));
    raw::Call(SYS_prctl, PR_GET_NAME, raw::Address(slot.thread.name));
    slot.captured.store(round, std::memory_order_release);
    arrived.fetch_add(1, std::memory_order_release);
    Futex(&arrived, FUTEX_WAKE, 1);
    while (round_number.load(std::memory_order_acquire) == round)
      Futex(&round_number, FUTEX_WAIT, round);
    return;
  }
}

bool HasStopSignal(const char* status, const char* field) {
  const char* line = std::strstr(status, field);
  if (line == nullptr) return false;
  const unsigned long long mask = std::strtoull(line + std::strlen(field), nullptr, 16);
  return ((mask >> (stop_signal - 1)) & 1) != 0;
}

// A thread that blocks our signal cannot be stopped by it (Node's SignalInspector blocks all). It
// sleeps with the signal pending. So does, for a moment, a thread that has not yet left our handler
// since the last stop: everything is blocked there too. That one is runnable, or sleeps on our own
// futex. (Taking it for a deaf one leaves it out of the child, where V8 then waits for it for ever:
// the rare hang of the first experiment.)
bool IsDeaf(const Slot& slot) {
  const pid_t tid = slot.thread.tid;
  char text[4096];
  if (ReadThreadFile(tid, "status", text, sizeof text) <= 0) return false;
  if (!HasStopSignal(text, "\nSigBlk:") || !HasStopSignal(text, "\nSigPnd:")) return false;
  long number = 0;
  unsigned long first = 0;
  if (SleepingCall(tid, &number, &first))
    return first != reinterpret_cast<unsigned long>(&round_number);
  // Where the futex is not told, the round is: when Release() has returned, no thread sleeps in the
  // handler any more, so one that does is held in this round, which it has noted before. Asked in
  // this order: what left the handler after the masks were read has come into it again.
  if (!CallsAreHidden(tid) || !IsAsleep(tid)) return false;
  return slot.captured.load(std::memory_order_acquire) !=
         round_number.load(std::memory_order_relaxed);
}

// Adds every thread not known yet. Returns how many were added, or negative errno (EAGAIN: there
// are too many).
long ListNewThreads() {
  struct Listing {
    pid_t me;
    long added;
    bool full;
  } listing{OwnTid(), 0, false};
  const auto add = [](pid_t tid, void* context) {
    auto* list = static_cast<Listing*>(context);
    const auto known = [tid](const Slot& slot) { return slot.thread.tid == tid; };
    if (tid == list->me || std::any_of(slots, slots + used, known)) return;
    if (used == ThreadStop::kMaxThreads) {
      list->full = true;
      return;
    }
    slots[used].thread = StoppedThread{};
    slots[used].thread.tid = tid;
    slots[used].captured.store(0, std::memory_order_relaxed);
    ++used;
    ++list->added;
  };
  const long error = ForEachThread(add, &listing);
  if (error < 0) return error;
  return listing.full ? -EAGAIN : listing.added;
}

// Threads found to block the stop signal, so that later stops need not wait to find out. A number
// that is used again belongs to another thread: it is asked again each time.
pid_t deaf_tids[16];
size_t deaf_count = 0;

bool KnownDeaf(pid_t tid) {
  return std::find(deaf_tids, deaf_tids + deaf_count, tid) != deaf_tids + deaf_count;
}

void RememberDeaf(pid_t tid) {
  if (deaf_count < std::size(deaf_tids) && !KnownDeaf(tid)) deaf_tids[deaf_count++] = tid;
}

bool Signal(pid_t tid, int signal) {
  return raw::Call(SYS_tgkill, getpid(), tid, signal) == 0;
}

// Waits until every signalled thread is in its handler. One that ended instead loses its number;
// its slot stays where it is, since handlers of others may be searching.
Status AwaitArrivals(uint32_t round, uint64_t deadline_ns) {
  for (bool slow = false;; slow = true) {
    size_t missing = 0;
    pid_t waiting_for = 0;
    const uint32_t seen = arrived.load(std::memory_order_acquire);
    for (size_t index = 0; index < used; ++index) {
      Slot& slot = slots[index];
      const pid_t tid = slot.thread.tid;
      if (tid == 0 || slot.thread.deaf || slot.captured.load(std::memory_order_acquire) == round)
        continue;
      if (!Signal(tid, 0)) {
        slot.thread.tid = 0;
        continue;
      }
      if (slow && IsDeaf(slot)) {
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
    struct sigaction current{};
    if (sigaction(signal, nullptr, &current) != 0 || current.sa_handler != SIG_DFL) continue;
    struct sigaction action{};
    action.sa_sigaction = &OnStop;
    // The handler stays for good: a thread that answers late must find it, the signal's default is
    // to kill. No SA_ONSTACK: the frame must lie on the thread's own stack.
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
  // A thread started by one that is not stopped yet shows up in the next listing; once all listed
  // ones are stopped, none can.
  uint32_t round = round_number.load(std::memory_order_relaxed) + 1;
  size_t signalled = 0;
  Status status;
  for (;;) {
    const long added = ListNewThreads();
    if (added < 0) {
      status = Status::Failed(static_cast<int>(-added), added == -EAGAIN ? "thread stop" : "open");
      break;
    }
    if (added == 0) return Status::Ok();
    // Publishes the slots listed so far; from the second listing on the round is odd already and
    // the slots behind `signalled` belong to threads that have no signal on its way yet.
    round_number.store(round, std::memory_order_release);
    for (; signalled < used; ++signalled) {
      Slot& slot = slots[signalled];
      const pid_t tid = slot.thread.tid;
      slot.thread.deaf = KnownDeaf(tid) && IsDeaf(slot);
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

size_t ThreadStop::count() {
  return used;
}

const StoppedThread& ThreadStop::at(size_t index) {
  return slots[index].thread;
}

pid_t ThreadStop::Silent() {
  return silent;
}

}  // namespace mp
