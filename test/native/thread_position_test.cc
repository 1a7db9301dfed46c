// Where a stopped thread stands. Real threads, really stopped.

#include "process/thread_position_linux.h"

#include <dlfcn.h>
#include <linux/futex.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <atomic>
#include <thread>

#include "base/deadline.h"
#include "harness.h"
#include "process/thread_files_linux.h"
#include "process/thread_stop_linux.h"

namespace {

std::atomic<uint32_t> gate{0};
std::atomic<pid_t> sleeper{0};

// As absl does: every wait goes through the same function, whatever it is for.
__attribute__((noinline)) void WaitAtGate() {
  sleeper = static_cast<pid_t>(syscall(SYS_gettid));
  while (gate.load() == 0) syscall(SYS_futex, &gate, FUTEX_WAIT_PRIVATE, 0, nullptr, nullptr, 0);
}

// Each in a section of its own, whose ends the linker names. The store keeps the call from being a
// jump, which would leave no frame.
std::atomic<int> after{0};
__attribute__((noinline, section("text_of_lock_loop"))) void LockLoop() {
  WaitAtGate();
  after = 1;
}
__attribute__((noinline, section("text_of_condition"))) void ConditionWait() {
  WaitAtGate();
  after = 2;
}
extern "C" const char __start_text_of_lock_loop;
extern "C" const char __stop_text_of_lock_loop;

mp::Position PositionWhileIn(void (*wait)()) {
  gate = 0;
  sleeper = 0;
  std::thread thread(wait);
  long number = 0;
  unsigned long first = 0;
  while (sleeper == 0 || !mp::SleepingCall(sleeper, &number, &first) || number != SYS_futex) {
    std::this_thread::yield();
  }
  mp::Position position = mp::Position::kRunning;
  if (mp::ThreadStop::Stop(mp::MonotonicNs() + 5'000'000'000).ok()) {
    for (size_t index = 0; index < mp::ThreadStop::count(); ++index) {
      const mp::StoppedThread& stopped = mp::ThreadStop::at(index);
      if (stopped.tid == sleeper) position = mp::PositionOf(stopped);
    }
    mp::ThreadStop::Release();
  }
  gate = 1;
  syscall(SYS_futex, &gate, FUTEX_WAKE_PRIVATE, 1, nullptr, nullptr, 0);
  thread.join();
  return position;
}

}  // namespace

TEST(AWaitUnderTheLoopOfALockIsNoRest) {
  REQUIRE(mp::ThreadStop::Install().ok());
  EXPECT(PositionWhileIn(&LockLoop) == mp::Position::kWaiting);
  mp::SetLockLoopRange(reinterpret_cast<uintptr_t>(&__start_text_of_lock_loop),
                       reinterpret_cast<uintptr_t>(&__stop_text_of_lock_loop));
  EXPECT(PositionWhileIn(&LockLoop) == mp::Position::kLocking);
  EXPECT(PositionWhileIn(&ConditionWait) == mp::Position::kWaiting);
  mp::SetLockLoopRange(0, 0);
}

TEST_MAIN()
