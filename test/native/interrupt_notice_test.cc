#include "os/interrupt_notice.h"

#include <fcntl.h>
#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cstring>
#include <string>

#include "harness.h"
#include "os/descriptor.h"

using mp::InterruptNotice;

namespace {

struct End {
  int signal = 0;
  int code = -1;
  std::string said;
};

// Runs the body in a child whose stderr is a pipe, and takes both ends of it.
template <typename Body>
End RunWith(mp::FdPair& pipe, Body body) {
  const pid_t pid = fork();
  if (pid == 0) {
    dup2(pipe.second.get(), STDERR_FILENO);
    alarm(20);
    signal(SIGINT, SIG_DFL);
    body();
    _exit(0);
  }
  pipe.second.Reset();
  int status = 0;
  waitpid(pid, &status, 0);
  End end;
  if (WIFSIGNALED(status)) end.signal = WTERMSIG(status);
  if (WIFEXITED(status)) end.code = WEXITSTATUS(status);
  char text[1024];
  for (ssize_t length; (length = read(pipe.first.get(), text, sizeof text)) > 0;)
    end.said.append(text, static_cast<size_t>(length));
  return end;
}

template <typename Body>
End Run(Body body) {
  auto pipe = mp::MakePipe();
  return RunWith(pipe.value(), body);
}

bool IsOneLine(const std::string& text) {
  return text.rfind("node-multiprocessing: interrupted", 0) == 0 &&
         text.find('\n') + 1 == text.size();
}

void Install(void (*handler)(int), int flags) {
  struct sigaction action{};
  action.sa_handler = handler;
  action.sa_flags = flags;
  sigfillset(&action.sa_mask);
  sigaction(SIGINT, &action, nullptr);
}

struct sigaction Present() {
  struct sigaction action{};
  sigaction(SIGINT, nullptr, &action);
  return action;
}

void Say(const char* text) {
  if (write(STDERR_FILENO, text, std::strlen(text)) < 0) _exit(99);
}

// As Node's own.
void EndLikeNode(int number) {
  Say("reset\n");
  raise(number);
}

void Listener(int) {
  Say("heard\n");
}

}  // namespace

TEST(TheDefaultEndsTheProcessAfterOneLine) {
  const End end = Run([] {
    InterruptNotice notice;
    notice.On();
    raise(SIGINT);
  });
  EXPECT(end.signal == SIGINT);
  EXPECT(IsOneLine(end.said));
}

TEST(NodesActionEndsTheProcessAfterOneLine) {
  const End end = Run([] {
    Install(&EndLikeNode, static_cast<int>(SA_RESETHAND));
    InterruptNotice notice;
    notice.On();
    raise(SIGINT);
  });
  EXPECT(end.signal == SIGINT);
  const size_t at = end.said.find("reset\n");
  EXPECT(at != std::string::npos && IsOneLine(end.said.substr(0, at)));
}

TEST(AListenerAndAnIgnoredSignalAreLeftAlone) {
  const End heard = Run([] {
    Install(&Listener, SA_RESTART);
    InterruptNotice notice;
    notice.On();
    raise(SIGINT);
  });
  EXPECT(heard.code == 0 && heard.said == "heard\n");
  const End once = Run([] {
    Install(&Listener, static_cast<int>(SA_RESTART | SA_RESETHAND));
    InterruptNotice notice;
    notice.On();
    raise(SIGINT);
  });
  EXPECT(once.code == 0 && once.said == "heard\n");
  const End ignored = Run([] {
    Install(SIG_IGN, 0);
    InterruptNotice notice;
    notice.On();
    raise(SIGINT);
  });
  EXPECT(ignored.code == 0 && ignored.said.empty());
}

TEST(TheLastWishPutsBackWhatWasThere) {
  const End end = Run([] {
    Install(&EndLikeNode, static_cast<int>(SA_RESETHAND));
    InterruptNotice one;
    InterruptNotice other;
    one.On();
    one.On();
    other.On();
    one.Off();
    one.Off();
    if (Present().sa_handler == &EndLikeNode) _exit(1);
    other.Off();
    if (Present().sa_handler != &EndLikeNode) _exit(2);
    if ((static_cast<unsigned>(Present().sa_flags) & SA_RESETHAND) == 0) _exit(3);
    raise(SIGINT);
  });
  EXPECT(end.signal == SIGINT && end.said == "reset\n");
}

TEST(AListenerThatCameLaterStaysWhenTheWishGoes) {
  const End end = Run([] {
    InterruptNotice notice;
    notice.On();
    Install(&Listener, SA_RESTART);
    notice.On();
    notice.Off();
    raise(SIGINT);
  });
  EXPECT(end.code == 0 && end.said == "heard\n");
}

TEST(AfterAListenerHasGoneItIsSaidAgain) {
  const End end = Run([] {
    Install(&EndLikeNode, static_cast<int>(SA_RESETHAND));
    InterruptNotice notice;
    notice.On();
    Install(&Listener, SA_RESTART);
    Install(SIG_DFL, 0);
    notice.On();
    raise(SIGINT);
  });
  EXPECT(end.signal == SIGINT && IsOneLine(end.said));
}

TEST(AForkedChildSaysNothing) {
  const auto child_ends = [](bool told) {
    InterruptNotice notice;
    notice.On();
    const pid_t pid = fork();
    if (pid == 0) {
      if (told) notice.AfterForkInChild();
      if (told && Present().sa_handler != SIG_DFL) _exit(1);
      raise(SIGINT);
      _exit(2);
    }
    int status = 0;
    waitpid(pid, &status, 0);
    _exit(WIFSIGNALED(status) && WTERMSIG(status) == SIGINT ? 0 : 1);
  };
  for (const bool told : {false, true}) {
    const End end = Run([&] { child_ends(told); });
    EXPECT(end.code == 0 && end.said.empty());
  }
}

TEST(AFullPipeCostsTheLineAndNotTheEnd) {
  auto made = mp::MakePipe();
  mp::FdPair& pipe = made.value();
  const int flags = fcntl(pipe.second.get(), F_GETFL);
  fcntl(pipe.second.get(), F_SETFL, flags | O_NONBLOCK);
  while (write(pipe.second.get(), "x", 1) == 1) {
  }
  fcntl(pipe.second.get(), F_SETFL, flags & ~O_NONBLOCK);
  const End end = RunWith(pipe, [] {
    InterruptNotice notice;
    notice.On();
    raise(SIGINT);
  });
  EXPECT(end.signal == SIGINT);
  EXPECT(end.said.find_first_not_of('x') == std::string::npos);
}

TEST(AClosedStderrCostsTheLineAndNotTheEnd) {
  const End closed = Run([] {
    close(STDERR_FILENO);
    InterruptNotice notice;
    notice.On();
    raise(SIGINT);
  });
  EXPECT(closed.signal == SIGINT);
  const End broken = Run([] {
    auto pipe = mp::MakePipe();
    dup2(pipe.value().second.get(), STDERR_FILENO);
    pipe.value().first.Reset();
    InterruptNotice notice;
    notice.On();
    raise(SIGINT);
  });
  EXPECT(broken.signal == SIGINT);
}

TEST_MAIN()
