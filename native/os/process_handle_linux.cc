#include "os/process_handle.h"

#include <signal.h>
#include <sys/ioctl.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#include <cstdint>

namespace mp {
namespace {

// Headers older than the running kernel do not name these.
#ifndef SYS_pidfd_send_signal
#define SYS_pidfd_send_signal 424
#endif
#ifndef SYS_pidfd_open
#define SYS_pidfd_open 434
#endif
constexpr idtype_t kIdIsPidfd = static_cast<idtype_t>(3);

// PIDFD_GET_INFO (Linux 6.13, with the exit status since 6.15): struct pidfd_info of
// <linux/pidfd.h>.
struct PidfdInfo {
  uint64_t mask;
  uint64_t cgroup_id;
  uint32_t pid, tgid, ppid;
  uint32_t ruid, rgid, euid, egid, suid, sgid, fsuid, fsgid;
  int32_t exit_code;
};
static_assert(sizeof(PidfdInfo) == 64);
constexpr uint64_t kInfoExit = 8;
constexpr unsigned long kGetInfo = _IOWR(0xFF, 11, PidfdInfo);

// The status that is left of a process after somebody else has reaped it.
WaitOutcome AfterReaping(int handle) {
  WaitOutcome outcome;
  outcome.kind = WaitOutcome::Kind::kTakenElsewhere;
  PidfdInfo info{};
  info.mask = kInfoExit;
  if (ioctl(handle, kGetInfo, &info) != 0 || !(info.mask & kInfoExit)) return outcome;
  outcome.kind = WaitOutcome::Kind::kExited;
  if (WIFEXITED(info.exit_code)) outcome.report.code = WEXITSTATUS(info.exit_code);
  if (WIFSIGNALED(info.exit_code)) outcome.report.signal = WTERMSIG(info.exit_code);
  return outcome;
}

}  // namespace

Result<UniqueFd> OpenProcess(pid_t pid) {
  const long handle = syscall(SYS_pidfd_open, pid, 0);
  if (handle < 0) return Status::Failed(errno, "pidfd_open");
  return UniqueFd(static_cast<int>(handle));
}

Result<WaitOutcome> LookAtChild(int handle, pid_t, bool reap) {
  siginfo_t info{};
  const int options = WEXITED | WNOHANG | (reap ? 0 : WNOWAIT);
  int result;
  do {
    result = waitid(kIdIsPidfd, static_cast<id_t>(handle), &info, options);
  } while (result < 0 && errno == EINTR);
  WaitOutcome outcome;
  if (result < 0) {
    if (errno == ECHILD) return AfterReaping(handle);
    return Status::Failed(errno, "waitid");
  }
  if (info.si_pid == 0) return outcome;
  outcome.kind = WaitOutcome::Kind::kExited;
  (info.si_code == CLD_EXITED ? outcome.report.code : outcome.report.signal) = info.si_status;
  return outcome;
}

Result<bool> SignalProcess(int handle, pid_t, int signal) {
  if (syscall(SYS_pidfd_send_signal, handle, signal, nullptr, 0) == 0) return true;
  if (errno == ESRCH) return false;
  return Status::Failed(errno, "pidfd_send_signal");
}

}  // namespace mp
