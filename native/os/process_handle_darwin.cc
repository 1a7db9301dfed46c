#include "os/process_handle.h"

#include <fcntl.h>
#include <signal.h>
#include <sys/event.h>
#include <sys/wait.h>

#include <cerrno>

namespace mp {

Result<UniqueFd> OpenProcess(pid_t pid) {
  UniqueFd queue(kqueue());
  if (!queue) return Status::Failed(errno, "kqueue");
  fcntl(queue.get(), F_SETFD, FD_CLOEXEC);
  struct kevent change;
  EV_SET(&change, pid, EVFILT_PROC, EV_ADD, NOTE_EXIT, 0, nullptr);
  if (kevent(queue.get(), &change, 1, nullptr, 0, nullptr) != 0) {
    return Status::Failed(errno, "kevent");
  }
  return queue;
}

Result<WaitOutcome> LookAtChild(int, pid_t pid, bool reap) {
  siginfo_t info{};
  const int options = WEXITED | WNOHANG | (reap ? 0 : WNOWAIT);
  int result;
  do {
    result = waitid(P_PID, static_cast<id_t>(pid), &info, options);
  } while (result < 0 && errno == EINTR);
  WaitOutcome outcome;
  if (result < 0) {
    if (errno != ECHILD) return Status::Failed(errno, "waitid");
    outcome.kind = WaitOutcome::Kind::kTakenElsewhere;
    return outcome;
  }
  if (info.si_pid == 0) return outcome;
  outcome.kind = WaitOutcome::Kind::kExited;
  (info.si_code == CLD_EXITED ? outcome.report.code : outcome.report.signal) = info.si_status;
  return outcome;
}

// There is no signal by handle; the number is the process's own while it has not been reaped, which
// the caller sees to.
Result<bool> SignalProcess(int, pid_t pid, int signal) {
  if (kill(pid, signal) == 0) return true;
  if (errno == ESRCH) return false;
  return Status::Failed(errno, "kill");
}

}  // namespace mp
