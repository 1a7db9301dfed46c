/* What locks and wake-ups cost without any runtime: bare atomics, futexes, eventfds, a signal. */
#include <linux/futex.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "clock.h"

/* The other one. It never goes on alone. */
static pid_t fork_other(void) {
  pid_t pid = fork();
  if (pid == 0) prctl(PR_SET_PDEATHSIG, SIGKILL);
  return pid;
}

static _Atomic uint32_t* shared_words(void) {
  void* memory = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
  return memory == MAP_FAILED ? NULL : memory;
}

static int swaps(long rounds, long batch) {
  _Atomic uint64_t* word = (_Atomic uint64_t*)shared_words();
  if (word == NULL) return 1;
  for (long round = -(rounds / 10 + 1); round < rounds; round++) {
    double started_at = now_ms();
    for (long i = 0; i < batch; i++) {
      uint64_t expected = 0;
      atomic_compare_exchange_strong(word, &expected, 1);
      expected = 1;
      atomic_compare_exchange_strong(word, &expected, 0);
    }
    if (round >= 0) print_sample(round, (now_ms() - started_at) / batch);
  }
  return 0;
}

static void post(_Atomic uint32_t* word) {
  atomic_store(word, 1);
  syscall(SYS_futex, word, FUTEX_WAKE, 1, NULL, NULL, 0);
}

static void await(_Atomic uint32_t* word) {
  while (atomic_load(word) == 0) syscall(SYS_futex, word, FUTEX_WAIT, 0, NULL, NULL, 0);
  atomic_store(word, 0);
}

static int futex(long rounds) {
  _Atomic uint32_t* there = shared_words();
  if (there == NULL) return 1;
  _Atomic uint32_t* back = there + 64;
  pid_t other = fork_other();
  if (other == 0) {
    for (;;) {
      await(there);
      post(back);
    }
  }
  for (long round = -(rounds / 10 + 1); round < rounds; round++) {
    double started_at = now_ms();
    post(there);
    await(back);
    if (round >= 0) print_sample(round, now_ms() - started_at);
  }
  kill(other, SIGKILL);
  return 0;
}

/* Nobody sleeps: what the two processors need to see each other's stores. */
static void spin_for(_Atomic uint32_t* word, uint32_t value) {
  while (atomic_load_explicit(word, memory_order_acquire) != value) {
#if defined(__x86_64__)
    __builtin_ia32_pause();
#endif
  }
}

static int spin(long rounds) {
  _Atomic uint32_t* there = shared_words();
  if (there == NULL) return 1;
  _Atomic uint32_t* back = there + 64;
  pid_t other = fork_other();
  if (other == 0) {
    for (uint32_t turn = 1;; turn++) {
      spin_for(there, turn);
      atomic_store(back, turn);
    }
  }
  uint32_t turn = 0;
  for (long round = -(rounds / 10 + 1); round < rounds; round++) {
    double started_at = now_ms();
    atomic_store(there, ++turn);
    spin_for(back, turn);
    if (round >= 0) print_sample(round, now_ms() - started_at);
  }
  kill(other, SIGKILL);
  return 0;
}

static int watch(int fd) {
  int poll = epoll_create1(0);
  struct epoll_event event = {.events = EPOLLIN};
  return epoll_ctl(poll, EPOLL_CTL_ADD, fd, &event) == 0 ? poll : -1;
}

static bool ring(int fd) {
  uint64_t one = 1;
  return write(fd, &one, sizeof one) == sizeof one;
}

static bool await_ring(int poll, int fd) {
  struct epoll_event event;
  uint64_t count;
  return epoll_wait(poll, &event, 1, -1) == 1 && read(fd, &count, sizeof count) == sizeof count;
}

static int eventfds(long rounds) {
  int there = eventfd(0, 0);
  int back = eventfd(0, 0);
  pid_t other = fork_other();
  int poll = watch(other == 0 ? there : back);
  if (poll < 0) return 1;
  if (other == 0) {
    while (await_ring(poll, there)) ring(back);
    _exit(1);
  }
  for (long round = -(rounds / 10 + 1); round < rounds; round++) {
    double started_at = now_ms();
    if (!ring(there) || !await_ring(poll, back)) return 1;
    if (round >= 0) print_sample(round, now_ms() - started_at);
  }
  kill(other, SIGKILL);
  return 0;
}

/* What a process that wakes another one does in between: lets it fall asleep. */
static double pass(double ms) {
  double until = now_ms() + ms;
  double now = now_ms();
  while (now < until) now = now_ms();
  return now;
}

/* The time is written before the wake-up, which orders it for the one that is woken. */
static int futex_wakes(long rounds, double pause_ms) {
  _Atomic uint32_t* word = shared_words();
  if (word == NULL) return 1;
  _Atomic double* woken_at = (_Atomic double*)(word + 64);
  pid_t other = fork_other();
  if (other == 0) {
    for (;;) {
      atomic_store(woken_at, pass(pause_ms));
      post(word);
    }
  }
  for (long round = -(rounds / 10 + 1); round < rounds; round++) {
    await(word);
    double returned_at = now_ms();
    if (round >= 0) print_sample(round, returned_at - atomic_load(woken_at));
  }
  kill(other, SIGKILL);
  return 0;
}

static int eventfd_wakes(long rounds, double pause_ms) {
  _Atomic double* woken_at = (_Atomic double*)shared_words();
  int fd = eventfd(0, 0);
  int poll = watch(fd);
  if (woken_at == NULL || poll < 0) return 1;
  pid_t other = fork_other();
  if (other == 0) {
    for (;;) {
      atomic_store(woken_at, pass(pause_ms));
      ring(fd);
    }
  }
  for (long round = -(rounds / 10 + 1); round < rounds; round++) {
    if (!await_ring(poll, fd)) return 1;
    double returned_at = now_ms();
    if (round >= 0) print_sample(round, returned_at - atomic_load(woken_at));
  }
  kill(other, SIGKILL);
  return 0;
}

static int kills(long rounds) {
  for (long round = 0; round < rounds; round++) {
    pid_t child = fork();
    if (child == 0) {
      for (;;) pause();
    }
    usleep(10000);
    double started_at = now_ms();
    kill(child, SIGKILL);
    waitpid(child, NULL, 0);
    print_sample(round, now_ms() - started_at);
  }
  return 0;
}

int main(int argc, char** argv) {
  if (argc < 3) return 2;
  long rounds = size_of(argv[2], "rounds");
  double pause_ms = size_of(argv[2], "pauseUs") / 1e3;
  int status = 2;
  if (strcmp(argv[1], "swaps") == 0) status = swaps(rounds, size_of(argv[2], "batch"));
  if (strcmp(argv[1], "futex") == 0) status = futex(rounds);
  if (strcmp(argv[1], "spin") == 0) status = spin(rounds);
  if (strcmp(argv[1], "eventfd") == 0) status = eventfds(rounds);
  if (strcmp(argv[1], "futexWake") == 0) status = futex_wakes(rounds, pause_ms);
  if (strcmp(argv[1], "eventfdWake") == 0) status = eventfd_wakes(rounds, pause_ms);
  if (strcmp(argv[1], "kill") == 0) status = kills(rounds);
  puts("]");
  return status;
}
