#include "os/socket.h"

#include <fcntl.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cerrno>

#include "os/descriptor.h"

namespace mp {
namespace {

void SetCloseOnExec(int fd) {
  fcntl(fd, F_SETFD, FD_CLOEXEC);
}

}  // namespace

int SendFlags() {
  return MSG_DONTWAIT;
}
int ReceiveFlags() {
  return MSG_DONTWAIT;
}

void PrepareSocket(int fd) {
  const int on = 1;
  SetCloseOnExec(fd);
  setsockopt(fd, SOL_SOCKET, SO_NOSIGPIPE, &on, sizeof on);
}

void PrepareReceived(int fd) {
  SetCloseOnExec(fd);
}

Result<FdPair> MakeSocketPair() {
  int fds[2];
  if (socketpair(AF_UNIX, SOCK_STREAM, 0, fds) != 0) return Status::Failed(errno, "socketpair");
  SetCloseOnExec(fds[0]);
  SetCloseOnExec(fds[1]);
  return FdPair{UniqueFd(fds[0]), UniqueFd(fds[1])};
}

Result<FdPair> MakePipe() {
  int fds[2];
  if (pipe(fds) != 0) return Status::Failed(errno, "pipe");
  SetCloseOnExec(fds[0]);
  SetCloseOnExec(fds[1]);
  return FdPair{UniqueFd(fds[0]), UniqueFd(fds[1])};
}

}  // namespace mp
