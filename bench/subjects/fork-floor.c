/* fork(2) and waitpid(2) of a child that leaves at once, with so much written memory. */
#include <sys/wait.h>
#include <unistd.h>

#include "clock.h"

int main(int argc, char** argv) {
  if (argc < 3) return 2;
  long rounds = size_of(argv[2], "rounds");
  size_t bytes = (size_t)size_of(argv[2], "heapMiB") << 20;
  volatile char* kept = malloc(bytes + 1);
  for (size_t at = 0; at < bytes; at += 4096) kept[at] = 1;
  for (long i = -(rounds / 10 + 1); i < rounds; i++) {
    double started_at = now_ms();
    pid_t child = fork();
    if (child == 0) _exit(0);
    if (child < 0 || waitpid(child, NULL, 0) != child) return 1;
    if (i >= 0) print_sample(i, now_ms() - started_at);
    fflush(stdout);
  }
  puts("]");
  return 0;
}
