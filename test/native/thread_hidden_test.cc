// Threads of a process that may not read in which calls they sleep, as after setuid of a root
// process. Real threads, really stopped, in a process of their own.

#include <pthread.h>
#include <signal.h>
#include <sys/poll.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <atomic>
#include <cstdint>
#include <thread>

#include "base/deadline.h"
#include "harness.h"
#include "process/thread_files_linux.h"
#include "process/thread_position_linux.h"
#include "process/thread_stop_linux.h"

namespace {

constexpr uint64_t kLongNs = 20'000'000'000;

std::atomic<uint32_t> gate{0};
std::atomic<pid_t> sleeper{0};
int ends[2] = {-1, -1};

void InFutex() {
  while (gate.load() == 0) syscall(SYS_futex, &gate, 0 /* FUTEX_WAIT */, 0, nullptr, nullptr, 0);
}
void InPoll() {
  pollfd query{ends[0], POLLIN, 0};
  poll(&query, 1, -1);
}
void InRead() {
  char byte = 0;
  while (read(ends[0], &byte, 1) < 0) continue;
}
void InWrite() {
  static char much[1 << 20];
  for (size_t done = 0; done < sizeof much;) {
    const ssize_t written = write(ends[1], much, sizeof much);
    if (written > 0) done += static_cast<size_t>(written);
  }
}

void HideCalls() {
  const bool hidden =
      geteuid() == 0 ? setgid(65'534) == 0 && setuid(65'534) == 0 : prctl(PR_SET_DUMPABLE, 0) == 0;
  if (!hidden || !mp::CallsAreHidden(getpid())) _exit(2);
}

// Runs `body`, which ends the process, as somebody to whom calls are hidden.
bool HoldsInHiding(bool (*body)()) {
  const pid_t pid = fork();
  if (pid == 0) {
    alarm(60);
    HideCalls();
    _exit(mp::ThreadStop::Install().ok() && body() ? 0 : 1);
  }
  int status = -1;
  return waitpid(pid, &status, 0) == pid && status == 0;
}

// Where a thread is said to be that blocks all signals; none if it is not taken for deaf.
template <void (*wait)()>
bool IsAt(mp::Position expected) {
  if (pipe(ends) != 0) return false;
  std::thread([] {
    sigset_t all;
    sigfillset(&all);
    pthread_sigmask(SIG_SETMASK, &all, nullptr);
    sleeper = static_cast<pid_t>(syscall(SYS_gettid));
    wait();
    pause();
  }).detach();
  while (sleeper == 0 || !mp::IsAsleep(sleeper)) std::this_thread::yield();
  if (!mp::ThreadStop::Stop(mp::MonotonicNs() + kLongNs).ok()) return false;
  bool found = false;
  for (size_t index = 0; index < mp::ThreadStop::count(); ++index) {
    const mp::StoppedThread& stopped = mp::ThreadStop::at(index);
    found =
        found || (stopped.tid == sleeper && stopped.deaf && mp::PositionOf(stopped) == expected);
  }
  mp::ThreadStop::Release();
  return found;
}

// One that is stopped again while it still leaves the handler blocks all signals, too.
bool NobodyIsDeaf() {
  for (int count = 0; count < 4; ++count) std::thread(&InFutex).detach();
  bool deaf = false;
  for (int round = 0; round < 10'000; ++round) {
    if (!mp::ThreadStop::Stop(mp::MonotonicNs() + kLongNs).ok()) return false;
    for (size_t index = 0; index < mp::ThreadStop::count(); ++index) {
      deaf = deaf || mp::ThreadStop::at(index).deaf;
    }
    mp::ThreadStop::Release();
  }
  return !deaf;
}

}  // namespace

TEST(ADeafThreadThatWaitsIsAtRest) {
  EXPECT(HoldsInHiding([] { return IsAt<&InFutex>(mp::Position::kWaiting); }));
  EXPECT(HoldsInHiding([] { return IsAt<&InPoll>(mp::Position::kWaiting); }));
  EXPECT(HoldsInHiding([] { return IsAt<&InRead>(mp::Position::kWaiting); }));
}

TEST(ADeafThreadThatIsHeldUpInAWriteIsNot) {
  EXPECT(HoldsInHiding([] { return IsAt<&InWrite>(mp::Position::kRunning); }));
}

TEST(AThreadThatLeavesTheHandlerIsNotDeaf) {
  EXPECT(HoldsInHiding(&NobodyIsDeaf));
}

TEST_MAIN()
