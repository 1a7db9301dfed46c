#pragma once
// A descriptor that becomes readable when somebody rings, whoever that is and however it got to
// know the owner: a pipe of which every end is opened through /proc. An eventfd costs less to ring,
// but can be reached only by inheritance, by being sent, or with the right to trace its owner.

#include <cstdint>

#include "base/status.h"
#include "base/unique_fd.h"

namespace mp {

// One descriptor for both ends: readable when rung, and never at its end for want of writers.
Result<UniqueFd> MakeDoorbell();
// The ringing end of another process's doorbell. Fails with ENOENT or ESRCH when that has ended.
Result<UniqueFd> OpenDoorbell(uint32_t pid, int fd);
// False when no other process but root's may open any of ours: after setuid of a root process.
bool OthersMayOpenOurs();
// Success also when it has been rung so often that nothing more fits.
Status RingDoorbell(int fd);
// Takes back every ring so far. True when there was one.
bool SilenceDoorbell(int fd);

}  // namespace mp
