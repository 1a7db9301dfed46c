#pragma once
// Runs a child up to a mark, then instruction by instruction, and halts it after any number of
// them: to kill it there, or to let others go on and it afterwards. A system call counts as one.

#include <elf.h>
#include <fcntl.h>
#include <sched.h>
#include <signal.h>
#include <sys/mman.h>
#include <sys/ptrace.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <sys/user.h>
#include <sys/wait.h>
#include <unistd.h>

#include <atomic>
#include <cerrno>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <functional>
#include <new>
#include <unordered_map>
#include <utility>
#include <vector>

#include "harness.h"

namespace mp::test {

// A number that the child and the others see, outside of what is tested.
class SharedNumber {
 public:
  SharedNumber() {
    void* const page = mmap(nullptr, sizeof(std::atomic<int>), PROT_READ | PROT_WRITE,
                            MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    number_ = new (page) std::atomic<int>(0);
  }
  ~SharedNumber() { munmap(number_, sizeof *number_); }
  SharedNumber(const SharedNumber&) = delete;
  SharedNumber& operator=(const SharedNumber&) = delete;
  std::atomic<int>* operator->() const { return number_; }

 private:
  std::atomic<int>* number_;
};

// The child says here that the operation is over.
inline const SharedNumber& StepOver() {
  static const SharedNumber over;
  return over;
}

// Whether it stops there, since it is not stepped but runs to a place before it.
inline const SharedNumber& StopsWhenOver() {
  static const SharedNumber stops;
  return stops;
}

// What lies between the two is stepped through.
inline void StepFromHere() {
  kill(getpid(), SIGSTOP);
}
inline void StepToHere() {
  StepOver()->store(1);
  if (StopsWhenOver()->load() != 0) kill(getpid(), SIGSTOP);
}

// Before an instruction, when that is reached for the so-manieth time, or behind it.
struct StepPlace {
  const unsigned char* instruction = nullptr;  // null: where the operation begins
  int times = 0;
  bool behind = false;
  bool over = false;  // the operation is, and it does not matter where it stands
};

enum class StepEnd {
  kHalted,  // after that many instructions
  kOver,    // the operation was over before
  kSleeps,  // it has gone to sleep in a system call before
};

// Of the places of the one child, those that others did not come to.
inline int places_missed = 0;

class Stepped {
 public:
  // Forks. `body` prepares, then puts the operation between StepFromHere and StepToHere.
  template <typename Body>
  explicit Stepped(Body body) {
    Stops();
    StepOver()->store(0);
    std::fflush(stdout);
    pid_ = fork();
    if (pid_ == 0) {
      alarm(60);
      ptrace(PTRACE_TRACEME, 0, nullptr, nullptr);
      body();
      _exit(0);
    }
    int status = 0;
    if (waitpid(pid_, &status, 0) != pid_ || !WIFSTOPPED(status)) {
      std::fprintf(stderr, "the stepped child did not reach its mark\n");
      std::abort();
    }
  }
  Stepped(const Stepped&) = delete;
  Stepped& operator=(const Stepped&) = delete;

  // What others do whenever it has fallen asleep, so that it is woken and goes on to be stepped.
  // False: they have nothing more to do, and it sleeps.
  void WhenAsleep(std::function<bool()> act) { when_asleep_ = std::move(act); }

  StepEnd Step(int instructions) {
    for (int done = 0; done < instructions; done += 1) {
      const StepEnd end = StepOnce();
      if (end != StepEnd::kHalted) return end;
    }
    return StepEnd::kHalted;
  }

  // Until `effects` instructions have had one that outlives the process: `changed()` says whether
  // shared memory is another than after the instruction before, and a system call always counts. A
  // death after any instruction leaves what a death after the last such one does.
  template <typename Changed>
  StepEnd StepEffects(int effects, Changed changed) {
    for (int seen = 0; seen < effects;) {
      const unsigned char* const at = Instruction();
      const bool calls = IsSystemCall(at);
      const int times = reached_[at] += 1;
      const StepEnd end = StepOnce();
      if (end == StepEnd::kOver) places_.push_back({at, times, false, true});
      if (end == StepEnd::kSleeps) places_.push_back({at, times, true});
      if (end != StepEnd::kHalted) return end;
      const bool listed = RobustListChanged();
      if (!changed() && !calls && !listed) continue;
      seen += 1;
      places_.push_back({at, times, false});
      places_.push_back({at, times, true});
    }
    return StepEnd::kHalted;
  }
  // Where the operation begins, before and behind each instruction that had an effect, and where it
  // sleeps or is over.
  std::vector<StepPlace> PlacesToHalt() const { return places_; }
  // A death before an instruction that has an effect is one behind the last such.
  std::vector<StepPlace> PlacesToKill() const {
    std::vector<StepPlace> places = places_;
    std::erase_if(places, [](const StepPlace& place) {
      return place.instruction != nullptr && !place.behind && !place.over;
    });
    return places;
  }

  // A child that does the same as the one before, to a place of that one: or to the end of the
  // operation, should it not come there this time.
  StepEnd RunTo(const StepPlace& place) {
    StopsWhenOver()->store(1);
    StepEnd end = StepEnd::kHalted;
    if (place.over) {
      end = RunOn();
    } else {
      for (int times = 0; times < place.times && end == StepEnd::kHalted; times += 1) {
        if (times > 0) end = StepOnce();
        const bool there = end != StepEnd::kHalted || Instruction() == place.instruction;
        if (!there) end = RunUntil(place.instruction);
      }
      if (end == StepEnd::kHalted && place.behind) end = StepOnce();
    }
    StopsWhenOver()->store(0);
    if (end == StepEnd::kOver && !place.over) places_missed += 1;
    return end;
  }

  void Kill() {
    kill(pid_, SIGKILL);
    Reap();
  }
  // Lets a halted child go on by itself.
  void Continue() { ptrace(PTRACE_DETACH, pid_, nullptr, nullptr); }
  int Reap() {
    int status = 0;
    while (waitpid(pid_, &status, 0) == pid_ && !WIFEXITED(status) && !WIFSIGNALED(status)) {
      // It was asleep in a system call when it was to be let go on, and its step is over now.
      Continue();
    }
    return status;
  }
  pid_t pid() const { return pid_; }

 private:
  StepEnd StepOnce() {
    if (StepOver()->load() != 0) return StepEnd::kOver;
    const unsigned char* const instruction = Instruction();
    // The processor stops at every byte that a repeated instruction copies; which of them memcpy
    // uses, if any, depends on the processor.
    do {
      ptrace(PTRACE_SINGLESTEP, pid_, nullptr, nullptr);
      if (!WaitForStep(IsSystemCall(instruction))) return StepEnd::kSleeps;
      at_ = nullptr;
    } while (IsRepeated(instruction) && Instruction() == instruction);
    return StepEnd::kHalted;
  }

  // By an instruction that traps, in the child's copy of the code.
  StepEnd RunUntil(const unsigned char* instruction) {
    auto* const place = const_cast<unsigned char*>(instruction);
    const long code = ptrace(PTRACE_PEEKTEXT, pid_, place, nullptr);
    ptrace(PTRACE_POKETEXT, pid_, place, (code & ~kTrapMask) | kTrap);
    const StepEnd end = RunOn();
    if (end == StepEnd::kSleeps) {
      // Only one that is stopped gives its code back.
      kill(pid_, SIGSTOP);
      WaitForStep(false);
    }
    ptrace(PTRACE_POKETEXT, pid_, place, code);
    if (end != StepEnd::kHalted) return end;
#if defined(__x86_64__)
    user_regs_struct registers = Registers();
    registers.rip = reinterpret_cast<unsigned long>(instruction);
    iovec target{&registers, sizeof registers};
    ptrace(PTRACE_SETREGSET, pid_, NT_PRSTATUS, &target);
#endif
    at_ = instruction;
    return end;
  }
  // Until it traps, sleeps or is over.
  StepEnd RunOn() {
    ptrace(PTRACE_CONT, pid_, nullptr, nullptr);
    at_ = nullptr;
    if (!WaitForStep(true)) return StepEnd::kSleeps;
    return StepOver()->load() != 0 ? StepEnd::kOver : StepEnd::kHalted;
  }

  // The next one. The child's code is this program's, at the same addresses.
  const unsigned char* Instruction() {
    if (at_ == nullptr) at_ = AskForInstruction();
    return at_;
  }
  user_regs_struct Registers() const {
    user_regs_struct registers{};
    iovec target{&registers, sizeof registers};
    ptrace(PTRACE_GETREGSET, pid_, NT_PRSTATUS, &target);
    return registers;
  }
  const unsigned char* AskForInstruction() const {
    const user_regs_struct registers = Registers();
#if defined(__x86_64__)
    return reinterpret_cast<const unsigned char*>(registers.rip);
#elif defined(__aarch64__)
    return reinterpret_cast<const unsigned char*>(registers.pc);
#endif
  }

  static bool IsRepeated([[maybe_unused]] const unsigned char* instruction) {
#if defined(__x86_64__)
    return *instruction == 0xf2 || *instruction == 0xf3;
#else
    return false;
#endif
  }

  static bool IsSystemCall(const unsigned char* instruction) {
#if defined(__x86_64__)
    static constexpr unsigned char kSyscall[] = {0x0f, 0x05};
#elif defined(__aarch64__)
    static constexpr unsigned char kSyscall[] = {0x01, 0x00, 0x00, 0xd4};
#endif
    return std::memcmp(instruction, kSyscall, sizeof kSyscall) == 0;
  }

  // Of struct robust_list_head: the first entry, and the one being put in or taken out.
  bool RobustListChanged() {
    if (robust_head_ == nullptr) {
      size_t length = 0;
      syscall(SYS_get_robust_list, pid_, &robust_head_, &length);
    }
    long now[3] = {};
    iovec here{now, sizeof now};
    iovec there{robust_head_, sizeof now};
    process_vm_readv(pid_, &here, 1, &there, 1, 0);
    const long first = now[0];
    const long pending = now[2];
    const bool changed = first != first_ || pending != pending_;
    first_ = first;
    pending_ = pending;
    return changed;
  }

  // False when the instruction is a system call that sleeps, and nobody wakes it.
  bool WaitForStep(bool may_sleep) {
    while (!HasStopped(may_sleep)) {
      if (!when_asleep_ || !when_asleep_()) return false;
    }
    return true;
  }
  bool HasStopped(bool may_sleep) {
    int status = 0;
    for (;;) {
      if (waitpid(pid_, &status, may_sleep ? WNOHANG : 0) == pid_) {
        if (WIFSTOPPED(status)) return true;
        std::fprintf(stderr, "the stepped child ended: %x\n", static_cast<unsigned>(status));
        std::abort();
      }
      const timespec moment{0, 2'000'000};
      if (sigtimedwait(&Stops(), nullptr, &moment) > 0 || errno == EINTR) continue;
      if (State() == 'S') return false;
    }
  }

  // Both on one CPU: a step is then a switch, and nothing spins (sync/spinner.h).
  static const sigset_t& Stops() {
    static const sigset_t stops = [] {
      sigset_t set;
      sigemptyset(&set);
      sigaddset(&set, SIGCHLD);
      sigprocmask(SIG_BLOCK, &set, nullptr);
      cpu_set_t one;
      CPU_ZERO(&one);
      CPU_SET(sched_getcpu(), &one);
      sched_setaffinity(0, sizeof one, &one);
      return set;
    }();
    return stops;
  }

  char State() const {
    char path[40];
    std::snprintf(path, sizeof path, "/proc/%d/stat", pid_);
    const int fd = open(path, O_RDONLY | O_CLOEXEC);
    char text[256] = {};
    const ssize_t length = read(fd, text, sizeof text - 1);
    close(fd);
    const char* const end = length > 0 ? std::strrchr(text, ')') : nullptr;
    return end != nullptr ? end[2] : '?';
  }

#if defined(__x86_64__)
  static constexpr long kTrap = 0xcc;
  static constexpr long kTrapMask = 0xff;
#elif defined(__aarch64__)
  static constexpr long kTrap = 0xd420'0000;
  static constexpr long kTrapMask = 0xffff'ffff;
#endif

  pid_t pid_ = -1;
  std::function<bool()> when_asleep_;
  const unsigned char* at_ = nullptr;  // the next instruction, once asked for
  std::unordered_map<const unsigned char*, int> reached_;
  std::vector<StepPlace> places_ = {{}};
  long* robust_head_ = nullptr;
  long first_ = 0;
  long pending_ = 0;
};

// What is done at each of them, with a world of its own; the one at which it fails is named, and is
// the last. A child may go another way than the one before where it allocates memory, but not
// mostly. `stroke`: kill or halt.
template <typename Once>
void AtEachPlace(const char* what, const char* stroke, const std::vector<StepPlace>& places,
                 Once once) {
  for (size_t i = 0; i < places.size(); i += 1) {
    const int before = failures_in_case;
    once(places[i]);
    if (failures_in_case == before) continue;
    std::fprintf(stderr, "%s, %sed at place %zu of %zu\n", what, stroke, i, places.size());
    return;
  }
  EXPECT(static_cast<size_t>(places_missed) * 4 <= places.size());
  places_missed = 0;
  std::printf("       %s: %zu %ss\n", what, places.size(), stroke);
  std::fflush(stdout);
}

}  // namespace mp::test
