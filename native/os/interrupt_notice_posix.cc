#include "os/interrupt_notice.h"

#include <poll.h>
#include <signal.h>
#include <unistd.h>

#include <atomic>
#include <cerrno>
#include <mutex>
#include <new>

namespace mp {
namespace {

using Action = struct sigaction;

constexpr char kLine[] =
    "node-multiprocessing: interrupted by SIGINT, pool workers end with the program\n";

// worker_threads may ask at the same time. Never destroyed: neither are they, at the end of the
// process. No handler takes it.
std::mutex& TheMutex() {
  static std::mutex* mutex = new std::mutex;
  return *mutex;
}

// Guarded by the mutex.
int wishes = 0;

// What handlers read. Each of the two actions is written before ours is installed for the first
// time over it, and never again, so that a handler can use it whatever happens to the pointer.
Action default_action{};  // all zero: SIG_DFL
Action node_action{};     // none seen yet, while it is SIG_DFL
// The one that ends the process. Released by who installs ours, acquired by the handler.
std::atomic<const Action*> ending{&default_action};
// Who has installed it: a forked child is another.
std::atomic<pid_t> installed_by{0};
// Since it was installed.
std::atomic<int> interrupts{0};

// Never waits: not for a pipe that nobody reads, nor for a terminal that was stopped.
void SayLine() {
  pollfd out{STDERR_FILENO, POLLOUT, 0};
  if (poll(&out, 1, 0) != 1 || out.revents != POLLOUT) return;
  if (write(STDERR_FILENO, kLine, sizeof kLine - 1) < 0) return;  // it ends without a word
}

// Runs on any thread, between any two instructions, with all signals blocked there: what it raises
// comes when it returns, and a SIGTTOU or SIGPIPE of the write comes too late. Calls nothing but
// poll, write, sigaction, raise and getpid, and takes no lock.
void OnInterrupt(int signal) {
  const int saved_errno = errno;
  const bool mine = installed_by.load(std::memory_order_relaxed) == getpid();
  const int earlier = mine ? interrupts.fetch_add(1, std::memory_order_relaxed) : 0;
  if (mine && earlier == 0) SayLine();
  // A second one, on another thread in the same moment (a terminal's, and npm's beside it), leaves
  // the end to the first, which is at the line. A third one does not wait for that.
  if (earlier != 1) {
    sigaction(signal, ending.load(std::memory_order_acquire), nullptr);
    raise(signal);
  }
  errno = saved_errno;
}

bool IsOurs(const Action& action) {
  return (action.sa_flags & SA_SIGINFO) == 0 && action.sa_handler == &OnInterrupt;
}

// The same action, kept where handlers find it, when it is one that ends the process; else null.
const Action* Ending(const Action& present) {
  if (present.sa_handler == SIG_DFL) return &default_action;
  // Node's own gives the terminal back its modes and raises the signal again. Those of libuv, which
  // call listeners, have SA_RESTART.
  constexpr auto kMarks = SA_RESETHAND | SA_RESTART | SA_SIGINFO;
  if (present.sa_handler == SIG_IGN || (present.sa_flags & kMarks) != SA_RESETHAND) return nullptr;
  if (node_action.sa_handler == SIG_DFL) node_action = present;
  return present.sa_handler == node_action.sa_handler ? &node_action : nullptr;
}

// When the main thread has put a listener there since the look at `seen`, it gets its place back.
// A SIGINT in between finds the process as it was before that listener.
void Exchange(const Action& seen, const Action& next) {
  Action replaced{};
  if (sigaction(SIGINT, &next, &replaced) != 0) return;
  if (replaced.sa_handler != seen.sa_handler) sigaction(SIGINT, &replaced, nullptr);
}

void Install() {
  // The first process of a container: the kernel keeps from it what it does not handle, so it goes
  // on.
  if (getpid() == 1) return;
  Action present{};
  if (sigaction(SIGINT, nullptr, &present) != 0 || IsOurs(present)) return;
  const Action* const end = Ending(present);
  if (end == nullptr) return;
  Action ours{};
  ours.sa_handler = &OnInterrupt;
  ours.sa_flags = SA_RESTART;
  sigfillset(&ours.sa_mask);
  // A SIGINT at any of these lines still ends the process without a word.
  ending.store(end, std::memory_order_release);
  installed_by.store(getpid(), std::memory_order_relaxed);
  interrupts.store(0, std::memory_order_relaxed);
  Exchange(present, ours);
}

void Uninstall() {
  Action present{};
  if (sigaction(SIGINT, nullptr, &present) != 0 || !IsOurs(present)) return;
  Exchange(present, *ending.load(std::memory_order_relaxed));
}

}  // namespace

void InterruptNotice::On() {
  const std::lock_guard<std::mutex> lock(TheMutex());
  if (!on_) ++wishes;
  on_ = true;
  Install();
}

void InterruptNotice::Off() {
  const std::lock_guard<std::mutex> lock(TheMutex());
  if (!on_) return;
  on_ = false;
  if (--wishes == 0) Uninstall();
}

void InterruptNotice::AfterForkInChild() {
  // Another thread of the parent may have held the mutex; it does not exist here. A SIGINT until
  // the end of this finds a handler that is not this process's, and ends it without a word.
  new (&TheMutex()) std::mutex;
  on_ = false;
  wishes = 0;
  Uninstall();
}

}  // namespace mp
