#include "process/child.h"

#include <fcntl.h>
#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#include <utility>
#include <vector>

#include "base/deadline.h"
#include "harness.h"
#include "os/descriptor.h"
#include "os/liveness.h"
#include "process/child_collector.h"

using mp::Child;
using mp::ChildCollector;
using mp::Peer;
using Kind = mp::WaitOutcome::Kind;

namespace {

template <typename Body>
pid_t Start(Body body) {
  const pid_t pid = fork();
  if (pid == 0) {
    body();
    _exit(0);
  }
  return pid;
}

[[noreturn]] void BusyForEver() {
  volatile bool busy = true;
  while (busy) {
  }
  _exit(1);
}

}  // namespace

TEST(AnExitCodeIsCollectedOnceAndRemembered) {
  auto child = Child::Open(Start([] { _exit(7); }), true);
  REQUIRE(child.ok());
  auto outcome = child.value().WaitUntil(mp::DeadlineAfterMs(5000));
  REQUIRE(outcome.ok());
  EXPECT(outcome.value().kind == Kind::kExited);
  EXPECT(outcome.value().report.code == 7);
  EXPECT(outcome.value().report.signal == 0);
  EXPECT(waitpid(child.value().pid(), nullptr, 0) == -1 && errno == ECHILD);
  EXPECT(child.value().Check().value().report.code == 7);
  EXPECT(child.value().Kill(SIGKILL).value() == false);
}

TEST(ARunningChildIsRunningUntilItIsSignalled) {
  auto child = Child::Open(Start([] { BusyForEver(); }), true);
  REQUIRE(child.ok());
  EXPECT(child.value().Check().value().kind == Kind::kRunning);
  const uint64_t before = mp::MonotonicNs();
  EXPECT(child.value().WaitUntil(mp::DeadlineAfterMs(30)).value().kind == Kind::kRunning);
  EXPECT(mp::MonotonicNs() - before >= 30'000'000);
  EXPECT(child.value().Kill(SIGTERM).value());
  EXPECT(child.value().WaitUntil(mp::kNever).value().report.signal == SIGTERM);
}

TEST(AStatusCanBeLookedAtAndLeft) {
  const pid_t pid = Start([] { _exit(3); });
  auto child = Child::Open(pid, false);
  REQUIRE(child.ok());
  EXPECT(child.value().WaitUntil(mp::kNever).value().report.code == 3);
  int status = 0;
  EXPECT(waitpid(pid, &status, 0) == pid);
  EXPECT(WEXITSTATUS(status) == 3);
}

TEST(AStatusThatSomebodyElseCollectedIsTakenOrStillTold) {
  const pid_t pid = Start([] { _exit(4); });
  auto child = Child::Open(pid, true);
  REQUIRE(child.ok());
  EXPECT(waitpid(pid, nullptr, 0) == pid);
  auto outcome = child.value().WaitUntil(mp::kNever);
  REQUIRE(outcome.ok());
  // Kernels since 6.15 keep it for whoever holds the handle.
  const bool told = outcome.value().kind == Kind::kExited && outcome.value().report.code == 4;
  EXPECT(told || outcome.value().kind == Kind::kTakenElsewhere);
}

TEST(AClosedChildIsNobodys) {
  const pid_t pid = Start([] {});
  auto child = Child::Open(pid, true);
  REQUIRE(child.ok());
  child.value().Close();
  EXPECT(child.value().Check().status().error == ECHILD);
  EXPECT(child.value().Kill(SIGKILL).status().error == ECHILD);
  EXPECT(waitpid(pid, nullptr, 0) == pid);
}

TEST(APeerNeedNotBeAChild) {
  auto alive = Peer::Open(getppid());
  REQUIRE(alive.ok());
  EXPECT(alive.value().IsAlive().value());
  EXPECT(!alive.value().WaitUntil(mp::DeadlineAfterMs(10)).value());

  const pid_t pid = Start([] {});
  auto peer = Peer::Open(pid);
  EXPECT(peer.value().WaitUntil(mp::kNever).value());
  EXPECT(!peer.value().IsAlive().value());
  EXPECT(waitpid(pid, nullptr, 0) == pid);
  auto gone = Peer::Open(pid);
  REQUIRE(gone.ok());
  EXPECT(!gone.value().IsAlive().value());
  EXPECT(gone.value().WaitUntil(0).value());
}

TEST(TheLastWriterTakesItsReadersWithIt) {
  auto pipe = mp::MakePipe();
  REQUIRE(pipe.ok());
  pid_t pids[3];
  for (pid_t& pid : pids) {
    pid = Start([&pipe] {
      pipe.value().second.Reset();
      auto leash = mp::DieWhenWritersClose(pipe.value().first.get());
      if (!leash.ok()) _exit(1);
      BusyForEver();
    });
  }
  usleep(50'000);
  for (const pid_t pid : pids) EXPECT(waitpid(pid, nullptr, WNOHANG) == 0);
  pipe.value().second.Reset();
  for (const pid_t pid : pids) {
    int status = 0;
    EXPECT(waitpid(pid, &status, 0) == pid);
    EXPECT(WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL);
  }
}

TEST(AWriterThatIsGoneAlreadyTakesItsReaderAtOnce) {
  auto pipe = mp::MakePipe();
  REQUIRE(pipe.ok());
  const pid_t pid = Start([&pipe] {
    pipe.value().second.Reset();
    usleep(20'000);
    auto leash = mp::DieWhenWritersClose(pipe.value().first.get());
    BusyForEver();
  });
  pipe.value().second.Reset();
  int status = 0;
  EXPECT(waitpid(pid, &status, 0) == pid);
  EXPECT(WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL);
}

TEST(AChildThatWasTakenOverIsCollectedAlthoughItWasLookedAt) {
  const pid_t pid = Start([] { _exit(3); });
  auto child = Child::Open(pid, false);
  REQUIRE(child.ok());
  EXPECT(child.value().WaitUntil(mp::kNever).value().report.code == 3);
  child.value().TakeOver();
  EXPECT(child.value().Check().value().report.code == 3);
  EXPECT(waitpid(pid, nullptr, WNOHANG) == -1 && errno == ECHILD);
}

TEST(AdoptedChildrenAreCollectedEachWhenItEnds) {
  std::vector<Child> children;
  pid_t pids[3];
  for (pid_t& pid : pids) {
    pid = Start([] { BusyForEver(); });
    children.push_back(std::move(Child::Open(pid, false).value()));
  }
  ChildCollector::Adopt(std::move(children));
  for (const pid_t pid : pids) {
    EXPECT(waitpid(pid, nullptr, WNOHANG) == 0);
    kill(pid, SIGKILL);
    // Nobody tells; the handle of a process that was collected can no longer be opened.
    while (mp::OpenProcess(pid).ok()) usleep(1000);
    EXPECT(waitpid(pid, nullptr, WNOHANG) == -1 && errno == ECHILD);
  }
}

TEST(AdoptedChildrenStayWithTheParent) {
  std::vector<Child> children;
  const pid_t child = Start([] { BusyForEver(); });
  children.push_back(std::move(Child::Open(child, false).value()));
  const int handle = children.front().handle();
  ChildCollector::Adopt(std::move(children));
  const pid_t forked = Start([handle] {
    ChildCollector::AfterForkInChild();
    _exit(fcntl(handle, F_GETFD) == -1 ? 0 : 1);
  });
  int status = 0;
  EXPECT(waitpid(forked, &status, 0) == forked && status == 0);
  kill(child, SIGKILL);
  while (mp::OpenProcess(child).ok()) usleep(1000);
}

TEST_MAIN()
