#include "os/socket.h"

#include <fcntl.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cerrno>

#include "os/descriptor.h"

namespace mp {

int SendFlags() {
  return MSG_DONTWAIT | MSG_NOSIGNAL;
}
int ReceiveFlags() {
  return MSG_DONTWAIT | MSG_CMSG_CLOEXEC;
}
void PrepareSocket(int fd) {
  fcntl(fd, F_SETFD, FD_CLOEXEC);
}
void PrepareReceived(int) {}

Result<FdPair> MakeSocketPair() {
  int fds[2];
  if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, fds) != 0) {
    return Status::Failed(errno, "socketpair");
  }
  return FdPair{UniqueFd(fds[0]), UniqueFd(fds[1])};
}

Result<FdPair> MakePipe() {
  int fds[2];
  if (pipe2(fds, O_CLOEXEC) != 0) return Status::Failed(errno, "pipe2");
  return FdPair{UniqueFd(fds[0]), UniqueFd(fds[1])};
}

}  // namespace mp
