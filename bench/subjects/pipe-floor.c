/* Round trips of so many bytes over a socketpair, with blocking calls. */
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include "clock.h"

static int read_all(int fd, char* buffer, long bytes) {
  for (long at = 0; at < bytes;) {
    ssize_t count = read(fd, buffer + at, bytes - at);
    if (count <= 0) return 0;
    at += count;
  }
  return 1;
}

static int write_all(int fd, const char* buffer, long bytes) {
  for (long at = 0; at < bytes;) {
    ssize_t count = write(fd, buffer + at, bytes - at);
    if (count <= 0) return 0;
    at += count;
  }
  return 1;
}

int main(int argc, char** argv) {
  if (argc < 3) return 2;
  long rounds = size_of(argv[2], "rounds");
  long bytes = size_of(argv[2], "bytes");
  char* buffer = calloc(1, bytes);
  int ends[2];
  if (buffer == NULL || socketpair(AF_UNIX, SOCK_STREAM, 0, ends) != 0) return 1;
  if (fork() == 0) {
    close(ends[0]);
    while (read_all(ends[1], buffer, bytes) && write_all(ends[1], buffer, bytes)) continue;
    _exit(0);
  }
  close(ends[1]);
  for (long i = -(rounds / 10 + 1); i < rounds; i++) {
    double started_at = now_ms();
    if (!write_all(ends[0], buffer, bytes) || !read_all(ends[0], buffer, bytes)) return 1;
    if (i >= 0) print_sample(i, now_ms() - started_at);
  }
  puts("]");
  close(ends[0]);
  wait(NULL);
  return 0;
}
