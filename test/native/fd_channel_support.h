#pragma once
// What the tests of descriptor channels have in common.

#include <unistd.h>

#include <cstdint>
#include <string>
#include <utility>
#include <vector>

#include "open_descriptors.h"
#include "os/descriptor.h"
#include "os/fd_channel.h"

namespace mp::test {

using Received = FdChannel::Received;
using Sent = FdChannel::Sent;

struct Ends {
  FdChannel left;
  FdChannel right;
};

inline Ends MakeEnds() {
  auto pair = MakeSocketPair();
  return {FdChannel(std::move(pair.value().first)), FdChannel(std::move(pair.value().second))};
}

inline std::vector<uint8_t> Pattern(size_t size) {
  std::vector<uint8_t> bytes(size);
  for (size_t i = 0; i < size; i++) bytes[i] = static_cast<uint8_t>(i * 31 + i / 4096);
  return bytes;
}

inline std::vector<uint8_t> Bytes(const std::string& text) {
  return {text.begin(), text.end()};
}

inline bool Sends(FdChannel& channel, const std::vector<uint8_t>& body,
                  const std::vector<int>& fds = {}) {
  auto sent = channel.BeginSend(body, fds);
  return sent.ok() && sent.value() == Sent::kDone;
}

inline std::string Take(FdChannel& channel) {
  auto received = channel.TryReceive();
  if (!received.ok()) return "error " + std::to_string(received.status().error);
  if (received.value() == Received::kEnd) return "end";
  if (received.value() == Received::kIncomplete) return "incomplete";
  MessageBytes bytes = channel.TakeBytes();
  return "message " + std::string(reinterpret_cast<char*>(bytes.data()), bytes.filled());
}

inline int ReceiveError(FdChannel& channel) {
  auto received = channel.TryReceive();
  return received.ok() ? 0 : received.status().error;
}

// A channel whose other end is written byte by byte.
struct RawSender {
  FdChannel channel;
  UniqueFd raw;
};

inline RawSender MakeRawSender() {
  auto pair = MakeSocketPair();
  return {FdChannel(std::move(pair.value().first)), std::move(pair.value().second)};
}

inline bool Feed(const RawSender& sender, const std::vector<uint8_t>& bytes) {
  return write(sender.raw.get(), bytes.data(), bytes.size()) == static_cast<ssize_t>(bytes.size());
}

}  // namespace mp::test
