#pragma once
// A stream of whole messages over a connected stream socket, non-blocking, with descriptors
// travelling beside them (SCM_RIGHTS, attached to the first byte of their message's frame).
//
// It never reads past the message it is reading: another process may hold the same end, and what is
// read ahead here would be missing there. A started message is always finished by whoever started
// it; a fork in its midst leaves the child's copy broken in that direction (ECONNABORTED), because
// both processes going on would tear the stream.

#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

#include "base/status.h"
#include "base/unique_fd.h"
#include "os/frame.h"
#include "os/message_bytes.h"

struct msghdr;

namespace mp {

class FdChannel {
 public:
  enum class Received { kIncomplete, kMessage, kEnd };
  enum class Sent { kNotStarted, kStarted, kDone };
  // The kernel's bound (SCM_MAX_FD).
  static constexpr size_t kMaxFds = 253;

  FdChannel() = default;
  explicit FdChannel(UniqueFd fd);

  // Reads as much of the next message as there is. Fails, and but for EMFILE does so for good, with
  // - ECONNRESET when the stream ended inside a message;
  // - EPROTO when what arrived is not a message;
  // - EMFILE when only this message is lost: its descriptors did not fit into this process;
  // - ECONNABORTED in a forked child, see above.
  Result<Received> TryReceive();
  // After kMessage: the message, which makes way for the next.
  MessageBytes TakeBytes();
  std::vector<UniqueFd> TakeFds();
  // Would TryReceive answer with a message, an error or the end? Takes nothing off the stream when
  // the whole message fits into the kernel's buffer; otherwise begins to read it.
  bool Readable();
  // A part of a message, or a whole one, has been taken off the stream and is kept here.
  bool holds_input() const { return header_filled_ > 0; }

  // Starts a message. kNotStarted: nothing was taken, because there is no room or another message
  // is not finished. The descriptors are copied by the kernel with the first byte. Fails with
  // EMSGSIZE or EINVAL for what is too large, with EMFILE when too many descriptors are on their
  // way.
  Result<Sent> BeginSend(std::span<const uint8_t> body, std::span<const int> fds);
  // Goes on with a started message, whose body is given again. True when all of it is written.
  Result<bool> ContinueSend(std::span<const uint8_t> body);
  bool sending() const { return sending_; }

  int fd() const { return fd_.get(); }
  void AfterForkInChild();
  void Close();

 private:
  Result<Received> Fail(int error, const char* operation);
  Result<Received> ReceiveHeader();
  Result<Received> ReceiveBody();
  Result<Received> AtEnd();
  void ForgetMessage();
  void AdoptFds(msghdr& message);
  Result<bool> SendRest(std::span<const uint8_t> body);
  bool PeekIsWhole() const;

  UniqueFd fd_;

  // Receiving. A frame is under way when header_filled_ > 0.
  uint8_t header_[kLongHeaderBytes];
  size_t header_filled_ = 0;
  HeaderView incoming_;
  MessageBytes body_;
  std::vector<UniqueFd> fds_;
  bool fds_lost_ = false;
  bool ended_ = false;
  Status receive_failure_;

  // Sending.
  bool sending_ = false;
  uint8_t out_header_[kLongHeaderBytes];
  size_t out_header_bytes_ = 0;
  uint64_t out_body_bytes_ = 0;
  uint64_t out_sent_ = 0;  // of header and body together
  Status send_failure_;
};

}  // namespace mp
