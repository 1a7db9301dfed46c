#pragma once
// Where the kernels differ about stream sockets: the flags that keep SIGPIPE away and make received
// descriptors close-on-exec.

namespace mp {

// For sendmsg and recvmsg; each call is non-blocking by its flags, because O_NONBLOCK belongs to
// the open file description that other processes share.
int SendFlags();
int ReceiveFlags();
// What the flags cannot say on this system. Called once for each adopted socket and each received
// descriptor.
void PrepareSocket(int fd);
void PrepareReceived(int fd);

}  // namespace mp
