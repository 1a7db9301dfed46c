#include "process/thread_revive_linux.h"

#include <sched.h>
#include <signal.h>
#include <sys/mman.h>
#include <sys/prctl.h>

#include <cerrno>
#include <cstring>

#include "os/raw_syscall_linux.h"

namespace mp {
namespace {

// Only two frames of ours and the C library's clone stub run on it.
constexpr size_t kStackSize = 8192;

#if defined(__aarch64__)
constexpr int kRseqSignature = static_cast<int>(0xd428bc00);
#else
constexpr int kRseqSignature = 0x53053053;
#endif
// The size of the original struct rseq, which every kernel accepts.
constexpr long kRseqLength = 32;

struct Bootstrap {
  uintptr_t frame;  // the stack pointer with which rt_sigreturn finds the signal frame
  void* robust_list;
  size_t robust_length;
  uintptr_t rseq;  // 0: none registered
  char name[16];
};

struct Stack {
  // The record lies at the low end; the stack grows down from the high end.
  Bootstrap bootstrap;
  alignas(16) unsigned char bytes[kStackSize - 128];
};
static_assert(sizeof(Bootstrap) <= 128);

Stack* stacks = nullptr;
size_t capacity = 0;
size_t taken = 0;

uintptr_t SignalFrame(const ucontext_t* context) {
#if defined(__aarch64__)
  // struct rt_sigframe { siginfo_t info; ucontext_t uc; }, stack pointer at its start.
  return reinterpret_cast<uintptr_t>(context) - sizeof(siginfo_t);
#else
  // struct rt_sigframe { char* return_address; ucontext_t uc; … }, stack pointer past the popped
  // return address.
  return reinterpret_cast<uintptr_t>(context);
#endif
}

// First and last code of a revived thread before its own. Runs with the revived thread's thread
// pointer and with all signals blocked; rt_sigreturn restores registers, vector state, signal mask
// and alternate stack from the frame. What the kernel keeps per thread and a signal frame does not
// hold is registered again here: the robust list, rseq, the name.
int Enter(void* argument) {
  const auto* bootstrap = static_cast<const Bootstrap*>(argument);
  raw::Call(SYS_set_robust_list, raw::Address(bootstrap->robust_list),
            static_cast<long>(bootstrap->robust_length));
  if (bootstrap->rseq != 0)
    raw::Call(SYS_rseq, static_cast<long>(bootstrap->rseq), kRseqLength, 0, kRseqSignature);
  raw::Call(SYS_prctl, PR_SET_NAME, raw::Address(bootstrap->name));
#if defined(__x86_64__)
  asm volatile("mov %0, %%rsp\n\tmov %1, %%eax\n\tsyscall\n\thlt" ::"r"(bootstrap->frame),
               "i"(SYS_rt_sigreturn)
               : "memory");
#elif defined(__aarch64__)
  asm volatile("mov sp, %0\n\tmov x8, %1\n\tsvc #0\n\tbrk #1" ::"r"(bootstrap->frame),
               "i"(SYS_rt_sigreturn)
               : "memory");
#endif
  __builtin_unreachable();
}

}  // namespace

Status ThreadRevival::Reserve(size_t threads) {
  taken = 0;
  if (threads <= capacity) return Status::Ok();
  // The old mapping is not in use: its threads left it for their own stacks when they returned from
  // their frames.
  if (stacks != nullptr) munmap(stacks, capacity * sizeof(Stack));
  capacity = 0;
  void* memory = mmap(nullptr, threads * sizeof(Stack), PROT_READ | PROT_WRITE,
                      MAP_PRIVATE | MAP_ANONYMOUS | MAP_STACK, -1, 0);
  if (memory == MAP_FAILED) {
    stacks = nullptr;
    return Status::Failed(errno, "mmap");
  }
  stacks = static_cast<Stack*>(memory);
  capacity = threads;
  return Status::Ok();
}

Status ThreadRevival::Revive(const ThreadLayout& layout, const StoppedThread& thread) {
  if (taken == capacity) return Status::Failed(ENOMEM, "thread revival");
  Stack& stack = stacks[taken++];
  Bootstrap& bootstrap = stack.bootstrap;
  bootstrap.frame = SignalFrame(thread.context);
  bootstrap.robust_list = thread.robust_list;
  bootstrap.robust_length = thread.robust_length;
  bootstrap.rseq =
      layout.rseq_size == 0 ? 0 : thread.thread_pointer + static_cast<uintptr_t>(layout.rseq);
  std::memcpy(bootstrap.name, thread.name, sizeof bootstrap.name);

  // As pthread_create does it. CHILD_SETTID writes the new number into the descriptor,
  // CHILD_CLEARTID lets pthread_join see the end.
  constexpr int kFlags = CLONE_VM | CLONE_FS | CLONE_FILES | CLONE_SIGHAND | CLONE_THREAD |
                         CLONE_SYSVSEM | CLONE_SETTLS | CLONE_CHILD_SETTID | CLONE_CHILD_CLEARTID;
  const int tid =
      clone(&Enter, stack.bytes + sizeof stack.bytes, kFlags, &bootstrap, nullptr,
            reinterpret_cast<void*>(thread.thread_pointer), layout.TidOf(thread.thread_pointer));
  return tid < 0 ? Status::Failed(errno, "clone") : Status::Ok();
}

}  // namespace mp
