#include "os/fd_channel.h"

#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <vector>

#include "fd_channel_support.h"
#include "harness.h"
#include "os/descriptor.h"

using namespace mp::test;
using mp::FdChannel;
using mp::MessageBytes;
using mp::UniqueFd;

TEST(AForkBetweenMessagesLeavesBothCopiesWhole) {
  Ends ends = MakeEnds();
  EXPECT(Sends(ends.left, Bytes("one")));
  ends.right.AfterForkInChild();
  ends.left.AfterForkInChild();
  EXPECT(Take(ends.right) == "message one");
  EXPECT(Sends(ends.left, Bytes("two")));
  EXPECT(Take(ends.right) == "message two");
}

TEST(AForkInsideAMessageBreaksTheChildsCopyInThatDirection) {
  RawSender sender = MakeRawSender();
  EXPECT(Feed(sender, {0, 0, 0, 9, 'a'}));
  EXPECT(Take(sender.channel) == "incomplete");
  sender.channel.AfterForkInChild();
  EXPECT(ReceiveError(sender.channel) == ECONNABORTED);
  EXPECT(sender.channel.Readable());
  EXPECT(Sends(sender.channel, Bytes("still sends")));

  Ends ends = MakeEnds();
  const std::vector<uint8_t> body = Pattern(2'000'000);
  EXPECT(ends.left.BeginSend(body, {}).value() == Sent::kStarted);
  ends.left.AfterForkInChild();
  EXPECT(ends.left.BeginSend(Bytes("x"), {}).status().error == ECONNABORTED);
  EXPECT(Take(ends.left) == "incomplete");
}

TEST(AMessageReadInButNotTakenIsTheParents) {
  Ends ends = MakeEnds();
  const std::vector<uint8_t> body = Pattern(1'000'000);
  EXPECT(ends.left.BeginSend(body, {}).value() == Sent::kStarted);
  while (!ends.right.Readable()) EXPECT(ends.left.ContinueSend(body).ok());
  ends.right.AfterForkInChild();
  EXPECT(Take(ends.right) == "incomplete");
  EXPECT(Sends(ends.left, Bytes("the child's")));
  EXPECT(Take(ends.right) == "message the child's");
}

TEST(AClosedChannelAnswersWithAnError) {
  Ends ends = MakeEnds();
  ends.left.Close();
  ends.left.Close();
  EXPECT(ReceiveError(ends.left) == EBADF);
  EXPECT(ends.left.BeginSend(Bytes("x"), {}).status().error == EBADF);
  EXPECT(ends.left.ContinueSend({}).status().error == EBADF);
}

// A sender killed at any point of a stream of messages never makes the reader see anything but
// whole ones.
TEST(AKilledSenderLeavesWholeMessagesAndOneError) {
  for (int round = 0; round < 20; round++) {
    Ends ends = MakeEnds();
    const pid_t child = fork();
    if (child == 0) {
      ends.right.Close();
      const std::vector<uint8_t> body = Pattern(70'000);
      for (;;) {
        auto sent = ends.left.BeginSend(body, {});
        while (sent.ok() && ends.left.sending()) {
          if (!ends.left.ContinueSend(body).ok()) _exit(1);
        }
        if (!sent.ok()) _exit(1);
      }
    }
    ends.left.Close();
    const std::vector<uint8_t> body = Pattern(70'000);
    int messages = 0;
    for (;;) {
      auto received = ends.right.TryReceive();
      if (!received.ok()) {
        EXPECT(received.status().error == ECONNRESET);
        break;
      }
      if (received.value() == Received::kEnd) break;
      if (received.value() != Received::kMessage) continue;
      MessageBytes bytes = ends.right.TakeBytes();
      EXPECT(bytes.filled() == body.size());
      EXPECT(std::memcmp(bytes.data(), body.data(), body.size()) == 0);
      if (++messages == 3 + round) kill(child, SIGKILL);
    }
    EXPECT(messages >= 3 + round);
    EXPECT(waitpid(child, nullptr, 0) == child);
  }
}

TEST(AVeryLongMessageHasALongHeader) {
  if (std::getenv("MP_TEST_LARGE") == nullptr) return;  // takes 5 GiB and some seconds
  Ends ends = MakeEnds();
  const std::vector<uint8_t> body(mp::kLongestShortBody + 2, 7);
  auto sent = ends.left.BeginSend(body, {});
  REQUIRE(sent.ok());
  for (;;) {
    auto received = ends.right.TryReceive();
    REQUIRE(received.ok());
    if (received.value() == Received::kMessage) break;
    REQUIRE(ends.left.ContinueSend(body).ok());
  }
  MessageBytes bytes = ends.right.TakeBytes();
  EXPECT(bytes.filled() == body.size());
  EXPECT(bytes.data()[bytes.filled() - 1] == 7);
}

TEST_MAIN()
