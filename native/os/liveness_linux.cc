#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstdio>

#include "os/liveness.h"

namespace mp {

Status OpenToChildren(int read_end) {
  return fchmod(read_end, 0444) == 0 ? Status::Ok() : Status::Failed(errno, "fchmod");
}

Result<UniqueFd> DieWhenWritersClose(int read_end) {
  char path[32];
  std::snprintf(path, sizeof path, "/proc/self/fd/%d", read_end);
  UniqueFd own(open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK));
  if (!own) return Status::Failed(errno, "open");
  if (fcntl(own.get(), F_SETOWN, getpid()) != 0 || fcntl(own.get(), F_SETSIG, SIGKILL) != 0 ||
      fcntl(own.get(), F_SETFL, O_NONBLOCK | O_ASYNC) != 0) {
    return Status::Failed(errno, "fcntl");
  }
  // The last writer may have closed before O_ASYNC was on.
  pollfd query{own.get(), POLLIN, 0};
  if (poll(&query, 1, 0) > 0 && (query.revents & POLLHUP)) kill(getpid(), SIGKILL);
  return own;
}

}  // namespace mp
