/*
 * What the kernel alone takes, for the very memory of a Node program: fork(2), a child that leaves at once, waitpid(2).
 * Declares by hand the little of Node-API that it needs, so that no headers have to be found.
 */
#include <errno.h>
#include <signal.h>
#include <stdbool.h>
#include <stdint.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "clock.h"

typedef void* napi_env;
typedef void* napi_value;
typedef void* napi_callback_info;
typedef napi_value (*napi_callback)(napi_env, napi_callback_info);
int napi_create_function(napi_env, const char*, size_t, napi_callback, void*, napi_value*);
int napi_create_double(napi_env, double, napi_value*);

/* V8 keeps its heap out of children; with all of it is what a fork of the program is. */
static void copy_everything(void) {
  FILE* maps = fopen("/proc/self/maps", "r");
  if (maps == NULL) return;
  static uintptr_t ranges[100000][2];
  size_t found = 0;
  char line[4352];
  while (found < 100000 && fgets(line, sizeof line, maps)) {
    char permissions[5];
    unsigned long begin, end, inode;
    if (sscanf(line, "%lx-%lx %4s %*s %*s %lu", &begin, &end, permissions, &inode) != 4) continue;
    if (inode != 0 || permissions[3] != 'p') continue;
    ranges[found][0] = begin;
    ranges[found++][1] = end;
  }
  fclose(maps);
  for (size_t i = 0; i < found; i++)
    madvise((void*)ranges[i][0], ranges[i][1] - ranges[i][0], MADV_DOFORK);
}

/* Milliseconds, or minus errno. */
static napi_value fork_and_wait(napi_env env, napi_callback_info info) {
  (void)info;
  copy_everything();
  double started_at = now_ms();
  /* Without what the C library does around a fork. */
  long child = syscall(SYS_clone, SIGCHLD, 0, 0, 0, 0);
  if (child == 0) syscall(SYS_exit_group, 0);
  bool done = child > 0 && waitpid((pid_t)child, NULL, 0) == child;
  napi_value result = NULL;
  napi_create_double(env, done ? now_ms() - started_at : -errno, &result);
  return result;
}

napi_value napi_register_module_v1(napi_env env, napi_value exports) {
  napi_value function = NULL;
  if (napi_create_function(env, "forkAndWait", (size_t)-1, fork_and_wait, NULL, &function) != 0)
    return exports;
  return function;
}
