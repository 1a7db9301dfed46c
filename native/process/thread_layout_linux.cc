#include "process/thread_layout_linux.h"

#include <dlfcn.h>
#include <pthread.h>

#include <cerrno>

#include "os/raw_syscall_linux.h"

namespace mp {
namespace {

// glibc's struct pthread has been between 2,240 and 2,496 bytes since 2.28; only the part that ours
// surely has is read.
constexpr ptrdiff_t kSearchLength = 2176;

struct Calibration {
  uintptr_t descriptor = 0;
  int tid = 0;
  ptrdiff_t start_routine = -1;
};

int OwnTid() {
  return static_cast<int>(raw::Call(SYS_gettid));
}

void* Calibrate(void* argument) {
  auto* result = static_cast<Calibration*>(argument);
  result->descriptor = static_cast<uintptr_t>(pthread_self());
  result->tid = OwnTid();
  const uintptr_t routine = reinterpret_cast<uintptr_t>(&Calibrate);
  const uintptr_t wanted = reinterpret_cast<uintptr_t>(argument);
  for (ptrdiff_t at = 0; at + 16 <= kSearchLength; at += 8) {
    const auto* word = reinterpret_cast<const uintptr_t*>(result->descriptor + at);
    // start_routine and its argument are neighbours.
    if (word[0] == routine && word[1] == wanted) result->start_routine = at;
  }
  return nullptr;
}

int ReadInt(uintptr_t address) {
  return *reinterpret_cast<const int*>(address);
}

// Looked for in two threads at once, so that a number that happens to equal one tid cannot be taken
// for the field.
ptrdiff_t FindTid(uintptr_t mine, int my_tid, pthread_t other, int* other_tid) {
  const auto theirs = static_cast<uintptr_t>(other);
  for (ptrdiff_t at = 0; at + 4 <= kSearchLength; at += 4) {
    if (ReadInt(mine + at) == my_tid && ReadInt(theirs + at) == *other_tid) return at;
  }
  return -1;
}

struct Meeting {
  Calibration calibration;
  pthread_barrier_t measured;
  pthread_barrier_t finished;
};

void* CalibrateAndStay(void* argument) {
  auto* meeting = static_cast<Meeting*>(argument);
  pthread_t inner{};
  if (pthread_create(&inner, nullptr, &Calibrate, &meeting->calibration) == 0)
    pthread_join(inner, nullptr);
  meeting->calibration.tid = OwnTid();
  pthread_barrier_wait(&meeting->measured);
  pthread_barrier_wait(&meeting->finished);
  return nullptr;
}

}  // namespace

Result<ThreadLayout> MeasureThreadLayout() {
#if !defined(__GLIBC__)
  return Status::Failed(ENOTSUP, "thread layout");
#else
  Meeting meeting;
  pthread_barrier_init(&meeting.measured, nullptr, 2);
  pthread_barrier_init(&meeting.finished, nullptr, 2);
  pthread_t thread{};
  const int error = pthread_create(&thread, nullptr, &CalibrateAndStay, &meeting);
  if (error != 0) return Status::Failed(error, "pthread_create");

  pthread_barrier_wait(&meeting.measured);
  const auto mine = static_cast<uintptr_t>(pthread_self());
  ThreadLayout layout;
  layout.descriptor = static_cast<ptrdiff_t>(mine - OwnThreadPointer());
  layout.start_routine = meeting.calibration.start_routine;
  layout.tid = FindTid(mine, OwnTid(), thread, &meeting.calibration.tid);
  pthread_barrier_wait(&meeting.finished);
  pthread_join(thread, nullptr);
  pthread_barrier_destroy(&meeting.measured);
  pthread_barrier_destroy(&meeting.finished);

  if (layout.tid < 0 || layout.start_routine < 0) return Status::Failed(ENOTSUP, "thread layout");
  // glibc 2.35 and later say where their rseq area is, and that there is none (size 0) when it is
  // switched off.
  const auto* offset = static_cast<const ptrdiff_t*>(dlsym(RTLD_DEFAULT, "__rseq_offset"));
  const auto* size = static_cast<const unsigned*>(dlsym(RTLD_DEFAULT, "__rseq_size"));
  if (offset != nullptr && size != nullptr) {
    layout.rseq = *offset;
    layout.rseq_size = *size;
  }
  return layout;
#endif
}

}  // namespace mp
