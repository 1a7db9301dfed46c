#include "process/thread_position_linux.h"

#include <algorithm>
#include <cerrno>
#include <cstddef>
#include <cstdint>
#include <iterator>

#include "os/raw_syscall_linux.h"
#include "process/thread_files_linux.h"

namespace mp {
namespace {

struct Range {
  uintptr_t begin;
  uintptr_t end;
};
Range library[8];
size_t library_count = 0;
Range polls[4];
size_t poll_count = 0;
Range syscall_wrapper{0, 0};
Range lock_loop{0, 0};

bool Waits(long number) {
  static constexpr long kWaits[] = {
      SYS_futex,
      SYS_epoll_pwait,
      SYS_ppoll,
      SYS_pselect6,
      SYS_read,
      SYS_recvmsg,
      SYS_recvfrom,
      SYS_accept,
      SYS_accept4,
      SYS_wait4,
      SYS_waitid,
      SYS_flock,
      SYS_rt_sigtimedwait,
      SYS_nanosleep,
      SYS_clock_nanosleep,
      SYS_rt_sigsuspend,
      SYS_io_uring_enter,
      441 /* epoll_pwait2 */,
      449 /* futex_waitv */,
#if defined(__x86_64__)
      SYS_epoll_wait,
      SYS_poll,
      SYS_select,
      SYS_pause,
#endif
  };
  return std::find(std::begin(kWaits), std::end(kWaits), number) != std::end(kWaits);
}

bool IsIn(const Range* ranges, size_t count, uintptr_t address) {
  return std::any_of(ranges, ranges + count, [address](const Range& range) {
    return address >= range.begin && address < range.end;
  });
}

bool InLibrary(uintptr_t address) {
  return IsIn(library, library_count, address);
}

// The system call at which the kernel interrupted the thread: its number, -1 for one that ended in
// EINTR (only calls that wait do), or -2 when it was not in one.
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
  if (pc[-1] == kSupervisorCall && static_cast<long>(context.uc_mcontext.regs[0]) == -EINTR)
    return -1;
#endif
  return -2;
}

// As the call was made; the first may have been overwritten by the result.
struct Arguments {
  uintptr_t first;
  long second;
  uintptr_t fourth;
};

Arguments ArgumentsOf(const ucontext_t& context) {
#if defined(__x86_64__)
  const auto& registers = context.uc_mcontext.gregs;
  return {static_cast<uintptr_t>(registers[REG_RDI]), registers[REG_RSI],
          static_cast<uintptr_t>(registers[REG_R10])};
#elif defined(__aarch64__)
  const auto& registers = context.uc_mcontext.regs;
  return {registers[0], static_cast<long>(registers[1]), registers[3]};
#else
  return {};
#endif
}

constexpr long kFutexCommand = 0x7f;  // without the flags for private futexes and the clock
constexpr long kFutexWait = 0;
constexpr long kFutexWaitBitset = 9;
constexpr long kFutexPrivate = 128;

bool IsPrivateWait(long operation) {
  const long command = operation & kFutexCommand;
  return (operation & kFutexPrivate) != 0 && (command == kFutexWait || command == kFutexWaitBitset);
}

// A wait with a timeout ends in EINTR when a signal comes.
bool WasFutex(const ucontext_t& context, const Arguments& arguments) {
#if defined(__x86_64__)
  // The call's number is gone. What sets the others that wait apart: a descriptor or a clock where
  // a futex has its address, no such operation in the second place, or the function that made it.
  constexpr uintptr_t kLowestAddress = 65'536;
  const auto pc = static_cast<uintptr_t>(context.uc_mcontext.gregs[REG_RIP]);
  return InLibrary(pc) && !IsIn(polls, poll_count, pc) && arguments.first >= kLowestAddress &&
         arguments.first % 4 == 0 && arguments.fourth != 0 &&
         (arguments.second & ~(kFutexCommand | kFutexPrivate | 256 /* real time */)) == 0;
#elif defined(__aarch64__)
  (void)arguments;
  return static_cast<long>(context.uc_mcontext.regs[8]) == SYS_futex;
#else
  (void)context, (void)arguments;
  return false;
#endif
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

// From version 2.34 on glibc rests with FUTEX_WAIT_BITSET: in conditions, semaphores, joins. Its
// other futex calls wait for a lock, or, inside pthread_cond_signal and with the caller's locks
// held, for the sleepers of a condition to leave.
bool WaitsForLock(long call, const ucontext_t& context) {
  if (call != SYS_futex || syscall_wrapper.end == 0) return false;
  const uintptr_t pc = ProgramCounter(context);
  const bool of_others = pc >= syscall_wrapper.begin && pc < syscall_wrapper.end;
  return !of_others && InLibrary(pc) &&
         (ArgumentsOf(context).second & kFutexCommand) != kFutexWaitBitset;
}

uintptr_t StackPointer(const ucontext_t& context) {
#if defined(__x86_64__)
  return static_cast<uintptr_t>(context.uc_mcontext.gregs[REG_RSP]);
#elif defined(__aarch64__)
  return static_cast<uintptr_t>(context.uc_mcontext.sp);
#else
  return 0;
#endif
}

uintptr_t FramePointer(const ucontext_t& context) {
#if defined(__x86_64__)
  return static_cast<uintptr_t>(context.uc_mcontext.gregs[REG_RBP]);
#elif defined(__aarch64__)
  return static_cast<uintptr_t>(context.uc_mcontext.regs[29]);
#else
  return 0;
#endif
}

// Whether one of the innermost callers is the lock's loop. Node is built with frame pointers, and
// syscall(3) leaves the register alone; a chain that leaves the stack is no chain. Return addresses
// that merely lie around on the stack do not count: a thread that rests would be taken for a waiter
// for as long as it rests.
bool CalledFromLockLoop(const StoppedThread& thread) {
  constexpr int kDepth = 12;
  constexpr uintptr_t kLargestStack = 1UL << 30;
  if (lock_loop.end == 0) return false;
  // A thread's descriptor lies above its stack, which is therefore mapped all the way up to it.
  const uintptr_t top = thread.thread_pointer;
  uintptr_t below = StackPointer(*thread.context);
  uintptr_t frame = FramePointer(*thread.context);
  if (below >= top || top - below > kLargestStack) return false;
  for (int depth = 0; depth < kDepth; ++depth) {
    const bool on_stack =
        frame >= below && frame % sizeof(uintptr_t) == 0 && frame < top - 2 * sizeof(uintptr_t);
    if (!on_stack) return false;
    const auto* const saved = reinterpret_cast<const uintptr_t*>(frame);
    if (saved[1] >= lock_loop.begin && saved[1] < lock_loop.end) return true;
    below = frame + 2 * sizeof(uintptr_t);
    frame = saved[0];
  }
  return false;
}

// One that could not be stopped is looked at from outside.
Position PositionOfDeaf(pid_t tid) {
  long number = 0;
  unsigned long first = 0;
  if (SleepingCall(tid, &number, &first))
    return Waits(number) ? Position::kWaiting : Position::kRunning;
  if (!CallsAreHidden(tid)) return Position::kRunning;
  switch (KernelSleepOf(tid)) {
    case KernelSleep::kWaiting:
      return Position::kWaiting;
    case KernelSleep::kUntold:
      return IsAsleep(tid) ? Position::kHidden : Position::kRunning;
    default:
      return Position::kRunning;
  }
}

}  // namespace

Position PositionOf(const StoppedThread& thread) {
  if (thread.deaf) return PositionOfDeaf(thread.tid);
  const long call = InterruptedCall(*thread.context);
  if (WaitsForLock(call, *thread.context)) return Position::kLocking;
  if (call == -1 || (call >= 0 && Waits(call)))
    return CalledFromLockLoop(thread) ? Position::kLocking : Position::kWaiting;
  // Any other call belongs to whoever made it; one made by the allocator lies in the library's
  // text.
  return InLibrary(ProgramCounter(*thread.context)) ? Position::kLibrary : Position::kRunning;
}

bool SleepsInPrivateFutex(const StoppedThread& thread) {
  if (thread.tid == 0 || thread.deaf) return false;
  const long call = InterruptedCall(*thread.context);
  const Arguments arguments = ArgumentsOf(*thread.context);
  const bool futex = call == SYS_futex || (call == -1 && WasFutex(*thread.context, arguments));
  return futex && IsPrivateWait(arguments.second);
}

int EpollOf(const StoppedThread& thread) {
#if defined(__x86_64__)
  if (thread.tid == 0 || thread.deaf) return -1;
  // A signal always ends such a wait.
  if (InterruptedCall(*thread.context) != -1) return -1;
  const uintptr_t first = ArgumentsOf(*thread.context).first;
  return first <= INT32_MAX ? static_cast<int>(first) : -1;
#else
  (void)thread;
  return -1;
#endif
}

void AddLibraryRange(uintptr_t begin, uintptr_t end) {
  const auto same = [begin, end](const Range& range) {
    return range.begin == begin && range.end == end;
  };
  if (std::any_of(library, library + library_count, same)) return;
  if (library_count < std::size(library)) library[library_count++] = {begin, end};
}

void AddPollRange(uintptr_t begin, uintptr_t end) {
  if (poll_count < std::size(polls)) polls[poll_count++] = {begin, end};
}

void SetSyscallRange(uintptr_t begin, uintptr_t end) {
  syscall_wrapper = {begin, end};
}

void SetLockLoopRange(uintptr_t begin, uintptr_t end) {
  lock_loop = {begin, end};
}

}  // namespace mp
