#pragma once
// Dying with another process, by the kernel's hand and without this process's help: also when its
// main thread is busy or stopped in a debugger. The other process keeps the only write end of a
// pipe; this one asks to be signalled when that closes.
//
// PR_SET_PDEATHSIG would not do: it follows the thread that forked, not the process.

#include "base/status.h"
#include "base/unique_fd.h"

namespace mp {

// Before a child is given the read end of such a pipe: lets it open that anew as any user, for the
// process may have another one by then (setuid). Nobody else can come to it, as without its
// descriptor it is reached through /proc/<pid>/fd alone, by those who may trace its holder.
Status OpenToChildren(int read_end);
// SIGKILL for this process when the last writer of the pipe behind `read_end` closes, at once if
// that has happened. Lasts as long as the returned descriptor, which is another than `read_end`:
// the setting belongs to an open file description, and that of `read_end` may be shared with
// siblings.
Result<UniqueFd> DieWhenWritersClose(int read_end);

}  // namespace mp
