#include "os/fd_channel.h"

#include <fcntl.h>
#include <sys/resource.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <random>
#include <string>
#include <vector>

#include "fd_channel_support.h"
#include "harness.h"
#include "os/descriptor.h"

using namespace mp::test;
using mp::DecodeHeader;
using mp::FdChannel;
using mp::HeaderView;
using mp::kMaxMessageBytes;
using mp::MessageBytes;
using mp::UniqueFd;

TEST(MessagesKeepTheirOrderAndTheirEdges) {
  Ends ends = MakeEnds();
  EXPECT(Take(ends.right) == "incomplete");
  EXPECT(Sends(ends.left, Bytes("one")));
  EXPECT(Sends(ends.left, Bytes("")));
  EXPECT(Sends(ends.left, Bytes("three")));
  EXPECT(Take(ends.right) == "message one");
  EXPECT(Take(ends.right) == "message ");
  EXPECT(Take(ends.right) == "message three");
  EXPECT(Take(ends.right) == "incomplete");
  EXPECT(Sends(ends.right, Bytes("back")));
  EXPECT(Take(ends.left) == "message back");
}

TEST(AMessageLargerThanTheSocketGoesThroughInParts) {
  Ends ends = MakeEnds();
  const std::vector<uint8_t> body = Pattern(5'000'001);
  auto sent = ends.left.BeginSend(body, {});
  REQUIRE(sent.ok());
  EXPECT(sent.value() == Sent::kStarted);
  EXPECT(ends.left.sending());
  EXPECT(ends.left.BeginSend(Bytes("next"), {}).value() == Sent::kNotStarted);
  for (;;) {
    auto received = ends.right.TryReceive();
    REQUIRE(received.ok());
    if (received.value() == Received::kMessage) break;
    auto rest = ends.left.ContinueSend(body);
    REQUIRE(rest.ok());
  }
  MessageBytes bytes = ends.right.TakeBytes();
  EXPECT(bytes.filled() == body.size());
  EXPECT(std::memcmp(bytes.data(), body.data(), body.size()) == 0);
  EXPECT(!ends.left.sending());
  EXPECT(Sends(ends.left, Bytes("next")));
  EXPECT(Take(ends.right) == "message next");
}

TEST(AReaderNeverTakesWhatFollowsItsMessage) {
  Ends ends = MakeEnds();
  FdChannel other(std::move(mp::DuplicateFd(ends.right.fd()).value()));
  for (const char* text : {"first", "second", "third"}) EXPECT(Sends(ends.left, Bytes(text)));
  EXPECT(Take(ends.right) == "message first");
  EXPECT(Take(other) == "message second");
  EXPECT(ends.right.Readable());
  EXPECT(!ends.right.holds_input());
  EXPECT(Take(other) == "message third");
}

TEST(TheEndIsSeenOnlyWhereNoMessageIsCut) {
  Ends ends = MakeEnds();
  EXPECT(Sends(ends.left, Bytes("last")));
  ends.left.Close();
  EXPECT(ends.right.Readable());
  EXPECT(Take(ends.right) == "message last");
  EXPECT(ends.right.Readable());
  EXPECT(Take(ends.right) == "end");
  EXPECT(Take(ends.right) == "end");

  for (const size_t length : {1u, 3u, 4u, 6u}) {
    RawSender sender = MakeRawSender();
    const std::vector<uint8_t> frame = {0, 0, 0, 9, 'a', 'b', 'c'};
    EXPECT(Feed(sender, {frame.begin(), frame.begin() + static_cast<long>(length)}));
    EXPECT(Take(sender.channel) == "incomplete");
    sender.raw.Reset();
    EXPECT(sender.channel.Readable());
    EXPECT(ReceiveError(sender.channel) == ECONNRESET);
    EXPECT(ReceiveError(sender.channel) == ECONNRESET);
  }
}

TEST(APeerThatLeavesWithUnreadMessagesIsAnEndToo) {
  Ends ends = MakeEnds();
  EXPECT(Sends(ends.right, Bytes("never read")));
  EXPECT(Sends(ends.left, Bytes("last")));
  ends.left.Close();
  EXPECT(Take(ends.right) == "message last");
  EXPECT(Take(ends.right) == "end");
  EXPECT(Take(ends.right) == "end");
}

TEST(ByteForByteIsEnough) {
  RawSender sender = MakeRawSender();
  const std::vector<uint8_t> frames = {0, 0, 0, 2, 'h', 'i', 0xff, 0xff, 0xff, 0xff, 0,
                                       0, 0, 0, 0, 0,   0,   3,    'l',  'o',  'w'};
  std::vector<std::string> taken;
  for (const uint8_t byte : frames) {
    EXPECT(!sender.channel.Readable());
    EXPECT(Feed(sender, {byte}));
    const std::string state = Take(sender.channel);
    if (state != "incomplete") taken.push_back(state);
  }
  EXPECT((taken == std::vector<std::string>{"message hi", "message low"}));
}

TEST(GarbageIsRefusedForGood) {
  const std::vector<std::vector<uint8_t>> garbage = {
      {0x80, 0, 0, 0},
      {0xff, 0xff, 0xff, 0xfe},
      {0xff, 0xff, 0xff, 0xff, 0xff, 0, 0, 0, 0, 0, 0, 0},
      {0xff, 0xff, 0xff, 0xff, 0, 0, 0, 1, 0, 0, 0, 1},
  };
  for (const auto& bytes : garbage) {
    RawSender sender = MakeRawSender();
    EXPECT(Feed(sender, bytes));
    EXPECT(sender.channel.Readable());
    EXPECT(ReceiveError(sender.channel) == EPROTO);
    EXPECT(Feed(sender, {0, 0, 0, 0}));
    EXPECT(ReceiveError(sender.channel) == EPROTO);
  }
}

namespace {

// A frame as it should be, or one that is damaged: with a length that is none, or another than its
// body's. What the reader makes of it is said by its header alone.
std::vector<uint8_t> AnyFrame(std::mt19937_64& random) {
  const bool is_long = random() % 4 == 0;
  const std::vector<uint8_t> body(random() % 600, static_cast<uint8_t>(random()));
  std::vector<uint8_t> frame;
  const uint64_t words[] = {
      body.size(), body.size(), random() % 600,   0x7fff'ffff, 0x8000'0000,
      random(),    0,           kMaxMessageBytes, UINT64_MAX,  kMaxMessageBytes + 1};
  const uint64_t length = words[random() % std::size(words)];
  if (is_long) frame.assign(4, 0xff);
  for (int shift = is_long ? 56 : 24; shift >= 0; shift -= 8) {
    frame.push_back(static_cast<uint8_t>(length >> shift));
  }
  frame.insert(frame.end(), body.begin(), body.end());
  // Within its header.
  if (random() % 6 == 0) frame.resize(std::min<size_t>(frame.size(), random() % 14));
  return frame;
}

// What ought to come of those bytes and the end behind them, as Take and ReceiveError say it.
std::vector<std::string> WhatComesOf(const std::vector<uint8_t>& bytes) {
  std::vector<std::string> all;
  size_t at = 0;
  while (at < bytes.size()) {
    const HeaderView header = DecodeHeader(bytes.data() + at, bytes.size() - at);
    if (header.kind == HeaderView::Kind::kInvalid) {
      all.push_back("error " + std::to_string(EPROTO));
      return all;
    }
    const size_t left = bytes.size() - at;
    const bool whole = header.kind == HeaderView::Kind::kComplete && left >= header.header_bytes &&
                       left - header.header_bytes >= header.body_bytes;
    if (!whole) {
      all.push_back("error " + std::to_string(ECONNRESET));
      return all;
    }
    const char* const body = reinterpret_cast<const char*>(bytes.data()) + at + header.header_bytes;
    all.push_back("message " + std::string(body, header.body_bytes));
    at += header.header_bytes + header.body_bytes;
  }
  all.push_back("end");
  return all;
}

}  // namespace

// In pieces of any size, by a reader that looks now and then: whole messages until the first that
// is none, and an end in each case. No descriptor stays open.
TEST(GarbageOfEveryKindComesToAnEnd) {
  std::mt19937_64 random(7);
  const int open_before = OpenDescriptors();
  for (int round = 0; round < 3'000; round += 1) {
    std::vector<uint8_t> bytes;
    for (uint64_t frames = random() % 6; frames > 0; frames -= 1) {
      const std::vector<uint8_t> frame = AnyFrame(random);
      bytes.insert(bytes.end(), frame.begin(), frame.end());
    }
    for (uint64_t changes = random() % 3; changes > 0 && !bytes.empty(); changes -= 1) {
      bytes[random() % bytes.size()] = static_cast<uint8_t>(random());
    }
    if (random() % 3 == 0 && !bytes.empty()) bytes.resize(random() % bytes.size());
    RawSender sender = MakeRawSender();
    std::vector<std::string> taken;
    const auto take_all = [&] {
      while (taken.empty() || !(taken.back() == "end" || taken.back().starts_with("error"))) {
        if (random() % 2 == 0) sender.channel.Readable();
        const std::string one = Take(sender.channel);
        if (one == "incomplete") return;
        taken.push_back(one);
      }
    };
    for (size_t at = 0; at < bytes.size();) {
      const size_t piece = std::min<size_t>(bytes.size() - at, 1 + random() % 700);
      const auto from = bytes.begin() + static_cast<long>(at);
      EXPECT(Feed(sender, {from, from + static_cast<long>(piece)}));
      at += piece;
      if (random() % 2 == 0) take_all();
    }
    sender.raw.Reset();
    take_all();
    if (!EXPECT(taken == WhatComesOf(bytes))) {
      std::fprintf(stderr, "round %d\n", round);
      return;
    }
  }
  EXPECT(OpenDescriptors() == open_before);
}

TEST(AHeaderClaimsNoMemoryBeforeItsBytesCome) {
  RawSender sender = MakeRawSender();
  EXPECT(Feed(sender, {'G', 'E', 'T', ' ', '/', ' '}));  // a body of more than 1 GiB
  struct rusage usage{};
  getrusage(RUSAGE_SELF, &usage);
  const long kilobytes = usage.ru_maxrss;
  EXPECT(Take(sender.channel) == "incomplete");
  getrusage(RUSAGE_SELF, &usage);
  EXPECT(usage.ru_maxrss - kilobytes < 64 * 1024);
}

TEST(DescriptorsTravelWithTheirMessage) {
  const int before = OpenDescriptors();
  {
    Ends ends = MakeEnds();
    int pipe_ends[2];
    REQUIRE(pipe(pipe_ends) == 0);
    EXPECT(Sends(ends.left, Bytes("none")));
    EXPECT(Sends(ends.left, Bytes("two"), {pipe_ends[0], pipe_ends[1]}));
    EXPECT(Sends(ends.left, Bytes(""), {pipe_ends[1]}));
    EXPECT(Sends(ends.left, Bytes("none again")));
    close(pipe_ends[0]);
    close(pipe_ends[1]);

    EXPECT(Take(ends.right) == "message none");
    EXPECT(ends.right.TakeFds().empty());
    EXPECT(Take(ends.right) == "message two");
    std::vector<UniqueFd> fds = ends.right.TakeFds();
    REQUIRE(fds.size() == 2);
    EXPECT(fcntl(fds[0].get(), F_GETFD) == FD_CLOEXEC);
    EXPECT(write(fds[1].get(), "x", 1) == 1);
    char byte = 0;
    EXPECT(read(fds[0].get(), &byte, 1) == 1 && byte == 'x');
    EXPECT(Take(ends.right) == "message ");
    EXPECT(ends.right.TakeFds().size() == 1);
    EXPECT(Take(ends.right) == "message none again");
    EXPECT(ends.right.TakeFds().empty());
  }
  EXPECT(OpenDescriptors() == before);
}

TEST(AMessageTakesAtMost253Descriptors) {
  Ends ends = MakeEnds();
  std::vector<int> fds(FdChannel::kMaxFds, STDERR_FILENO);
  EXPECT(Sends(ends.left, Bytes("many"), fds));
  EXPECT(Take(ends.right) == "message many");
  EXPECT(ends.right.TakeFds().size() == FdChannel::kMaxFds);
  fds.push_back(STDERR_FILENO);
  auto refused = ends.left.BeginSend(Bytes("too many"), fds);
  EXPECT(refused.status().error == EINVAL);
  EXPECT(Sends(ends.left, Bytes("goes on")));
  EXPECT(Take(ends.right) == "message goes on");
}

TEST(DescriptorsOfAMessageThatNeverCompletesAreClosed) {
  const int before = OpenDescriptors();
  {
    Ends ends = MakeEnds();
    const std::vector<uint8_t> body = Pattern(2'000'000);
    auto sent = ends.left.BeginSend(body, std::vector<int>{STDERR_FILENO, STDERR_FILENO});
    EXPECT(sent.ok() && sent.value() == Sent::kStarted);
    EXPECT(Take(ends.right) == "incomplete");
    EXPECT(OpenDescriptors() == before + 4);
    ends.left.Close();
    while (ReceiveError(ends.right) == 0) {
    }
    EXPECT(ReceiveError(ends.right) == ECONNRESET);
    EXPECT(OpenDescriptors() == before + 1);
  }
  EXPECT(OpenDescriptors() == before);
}

TEST(AMessageWhoseDescriptorsDoNotFitIsReportedAndTheNextOneComes) {
  Ends ends = MakeEnds();
  EXPECT(Sends(ends.left, Bytes("lost"), {STDERR_FILENO, STDERR_FILENO, STDERR_FILENO}));
  EXPECT(Sends(ends.left, Bytes("next"), {STDERR_FILENO}));
  const int lowest_free = dup(STDERR_FILENO);
  close(lowest_free);
  rlimit limit{};
  getrlimit(RLIMIT_NOFILE, &limit);
  const rlimit small{static_cast<rlim_t>(lowest_free) + 1, limit.rlim_max};
  setrlimit(RLIMIT_NOFILE, &small);
  const int error = ReceiveError(ends.right);
  const std::string next = Take(ends.right);
  const size_t fds = ends.right.TakeFds().size();
  setrlimit(RLIMIT_NOFILE, &limit);
  EXPECT(error == EMFILE);
  EXPECT(next == "message next");
  EXPECT(fds == 1);
}

TEST(AFullSocketTakesNothing) {
  Ends ends = MakeEnds();
  // Small enough that the kernel takes each at once or not at all.
  int accepted = 0;
  while (Sends(ends.left, Bytes("x"), {STDERR_FILENO})) accepted++;
  REQUIRE(!ends.left.sending());
  EXPECT(ends.left.BeginSend(Bytes("x"), {}).value() == Sent::kNotStarted);
  for (int i = 0; i < accepted; i++) {
    EXPECT(Take(ends.right) == "message x");
    EXPECT(ends.right.TakeFds().size() == 1);
  }
  EXPECT(Take(ends.right) == "incomplete");
  EXPECT(Sends(ends.left, Bytes("room again")));
}

TEST(NobodyLeftToReadIsAnErrorAndNoSignal) {
  Ends ends = MakeEnds();
  ends.right.Close();
  for (int i = 0; i < 2; i++) {
    auto sent = ends.left.BeginSend(Bytes("x"), {});
    EXPECT(!sent.ok() && sent.status().error == EPIPE);
  }

  Ends cut = MakeEnds();
  const std::vector<uint8_t> body = Pattern(2'000'000);
  EXPECT(cut.left.BeginSend(body, {}).value() == Sent::kStarted);
  cut.right.Close();
  auto rest = cut.left.ContinueSend(body);
  EXPECT(!rest.ok());
  EXPECT(!cut.left.sending());
  EXPECT(!cut.left.BeginSend(Bytes("x"), {}).ok());
}

TEST(AMessageThatLostItsBytesBreaksTheSender) {
  Ends ends = MakeEnds();
  const std::vector<uint8_t> body = Pattern(2'000'000);
  EXPECT(ends.left.BeginSend(body, {}).value() == Sent::kStarted);
  auto rest = ends.left.ContinueSend({});
  EXPECT(!rest.ok() && rest.status().error == EFAULT);
  EXPECT(ends.left.BeginSend(Bytes("x"), {}).status().error == EFAULT);
}

TEST(ReadableMeansAWholeMessage) {
  RawSender sender = MakeRawSender();
  EXPECT(!sender.channel.Readable());
  EXPECT(Feed(sender, {0, 0, 0, 3, 'a', 'b'}));
  EXPECT(!sender.channel.Readable());
  EXPECT(Feed(sender, {'c'}));
  EXPECT(sender.channel.Readable());
  EXPECT(Take(sender.channel) == "message abc");
  EXPECT(!sender.channel.Readable());

  // One that cannot fit into the socket is read in.
  Ends ends = MakeEnds();
  const std::vector<uint8_t> body = Pattern(1'000'000);
  EXPECT(ends.left.BeginSend(body, {}).value() == Sent::kStarted);
  while (!ends.right.Readable()) EXPECT(ends.left.ContinueSend(body).ok());
  EXPECT(ends.right.holds_input());
  EXPECT(ends.right.Readable());
  EXPECT(Take(ends.right).size() == body.size() + std::strlen("message "));
}

TEST_MAIN()
