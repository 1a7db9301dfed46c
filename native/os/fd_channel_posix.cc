#include "os/fd_channel.h"

#include <sys/ioctl.h>
#include <sys/socket.h>
#include <sys/uio.h>

#include <algorithm>
#include <cerrno>
#include <cstring>

#include "os/socket.h"

namespace mp {
namespace {

constexpr size_t kControlBytes = CMSG_SPACE(sizeof(int) * FdChannel::kMaxFds);
// How much one call reads or writes before the event loop gets a turn.
constexpr uint64_t kBytesPerTurn = uint64_t{8} << 20;
// One system call moves at most this much; the kernel's own bound is just below 2 GiB.
constexpr uint64_t kBytesPerCall = uint64_t{1} << 30;

bool WouldBlock(int error) {
  return error == EAGAIN || error == EWOULDBLOCK;
}

template <typename Call>
ssize_t RetryInterrupted(Call call) {
  ssize_t result;
  do {
    result = call();
  } while (result < 0 && errno == EINTR);
  return result;
}

}  // namespace

FdChannel::FdChannel(UniqueFd fd) : fd_(std::move(fd)) {
  PrepareSocket(fd_.get());
}

// ---- receiving

Result<FdChannel::Received> FdChannel::TryReceive() {
  if (!fd_) return Status::Failed(EBADF, "recvmsg");
  if (!receive_failure_.ok()) return receive_failure_;
  if (ended_) return Received::kEnd;
  if (incoming_.kind != HeaderView::Kind::kComplete) {
    Result<Received> header = ReceiveHeader();
    if (!header.ok() || header.value() != Received::kMessage) return header;
  }
  return ReceiveBody();
}

// kMessage: the header is complete.
Result<FdChannel::Received> FdChannel::ReceiveHeader() {
  while (incoming_.kind == HeaderView::Kind::kNeedsMore) {
    alignas(cmsghdr) uint8_t control[kControlBytes];
    iovec part{header_ + header_filled_, incoming_.header_bytes - header_filled_};
    msghdr message{};
    message.msg_iov = &part;
    message.msg_iovlen = 1;
    message.msg_control = control;
    message.msg_controllen = sizeof control;
    const ssize_t count =
        RetryInterrupted([&] { return recvmsg(fd_.get(), &message, ReceiveFlags()); });
    if (count == 0) return AtEnd();
    if (count < 0) {
      if (WouldBlock(errno)) return Received::kIncomplete;
      // The peer closed without reading everything that we had sent: an end like any other.
      if (errno == ECONNRESET) return AtEnd();
      return Fail(errno, "recvmsg");
    }
    if (message.msg_controllen > 0 || (message.msg_flags & MSG_CTRUNC)) AdoptFds(message);
    header_filled_ += static_cast<size_t>(count);
    incoming_ = DecodeHeader(header_, header_filled_);
  }
  if (incoming_.kind == HeaderView::Kind::kInvalid) return Fail(EPROTO, "recvmsg");
  return Received::kMessage;
}

Result<FdChannel::Received> FdChannel::ReceiveBody() {
  const uint64_t total = incoming_.body_bytes;
  uint64_t budget = kBytesPerTurn;
  while (body_.filled() < total) {
    if (budget == 0) return Received::kIncomplete;
    if (body_.room() == 0 && !body_.Grow(total)) return Fail(ENOMEM, "recv");
    const size_t wanted = static_cast<size_t>(std::min(body_.room(), budget));
    const ssize_t count =
        RetryInterrupted([&] { return recv(fd_.get(), body_.end(), wanted, MSG_DONTWAIT); });
    if (count == 0) return AtEnd();
    if (count < 0) {
      if (WouldBlock(errno)) return Received::kIncomplete;
      if (errno == ECONNRESET) return AtEnd();
      return Fail(errno, "recv");
    }
    body_.Advance(static_cast<uint64_t>(count));
    budget -= static_cast<uint64_t>(count);
  }
  if (!fds_lost_) return Received::kMessage;
  ForgetMessage();
  return Status::Failed(EMFILE, "recvmsg");
}

Result<FdChannel::Received> FdChannel::AtEnd() {
  if (holds_input()) return Fail(ECONNRESET, "recv");
  ended_ = true;
  return Received::kEnd;
}

Result<FdChannel::Received> FdChannel::Fail(int error, const char* operation) {
  ForgetMessage();
  receive_failure_ = Status::Failed(error, operation);
  return receive_failure_;
}

void FdChannel::ForgetMessage() {
  header_filled_ = 0;
  incoming_ = {};
  body_ = {};
  fds_.clear();
  fds_lost_ = false;
}

void FdChannel::AdoptFds(msghdr& message) {
  for (cmsghdr* item = CMSG_FIRSTHDR(&message); item; item = CMSG_NXTHDR(&message, item)) {
    if (item->cmsg_level != SOL_SOCKET || item->cmsg_type != SCM_RIGHTS) continue;
    const size_t count = (item->cmsg_len - CMSG_LEN(0)) / sizeof(int);
    for (size_t i = 0; i < count; i++) {
      int fd;
      std::memcpy(&fd, CMSG_DATA(item) + i * sizeof(int), sizeof fd);
      PrepareReceived(fd);
      fds_.emplace_back(fd);
    }
  }
  // The kernel had more than it could install; those are closed by now.
  if (message.msg_flags & MSG_CTRUNC) fds_lost_ = true;
}

MessageBytes FdChannel::TakeBytes() {
  MessageBytes bytes = std::move(body_);
  header_filled_ = 0;
  incoming_ = {};
  body_ = {};
  return bytes;
}

std::vector<UniqueFd> FdChannel::TakeFds() {
  return std::exchange(fds_, {});
}

bool FdChannel::Readable() {
  if (!holds_input() && fd_ && receive_failure_.ok() && !ended_) {
    if (PeekIsWhole()) return true;
  }
  Result<Received> state = TryReceive();
  return !state.ok() || state.value() != Received::kIncomplete;
}

bool FdChannel::PeekIsWhole() const {
  uint8_t header[kLongHeaderBytes];
  const ssize_t count = recv(fd_.get(), header, sizeof header, MSG_PEEK | MSG_DONTWAIT);
  if (count <= 0) return false;
  const HeaderView view = DecodeHeader(header, static_cast<size_t>(count));
  int waiting = 0;
  if (view.kind != HeaderView::Kind::kComplete || ioctl(fd_.get(), FIONREAD, &waiting) != 0) {
    return false;
  }
  return static_cast<uint64_t>(waiting) >= view.header_bytes + view.body_bytes;
}

// ---- sending

Result<FdChannel::Sent> FdChannel::BeginSend(std::span<const uint8_t> body,
                                             std::span<const int> fds) {
  if (!fd_) return Status::Failed(EBADF, "sendmsg");
  if (!send_failure_.ok()) return send_failure_;
  if (body.size() > kMaxMessageBytes) return Status::Failed(EMSGSIZE, "sendmsg");
  if (fds.size() > kMaxFds) return Status::Failed(EINVAL, "sendmsg");
  if (sending_) return Sent::kNotStarted;

  out_header_bytes_ = EncodeHeader(body.size(), out_header_);
  out_body_bytes_ = body.size();
  iovec parts[2] = {{out_header_, out_header_bytes_},
                    {const_cast<uint8_t*>(body.data()),
                     static_cast<size_t>(std::min<uint64_t>(body.size(), kBytesPerCall))}};
  msghdr message{};
  message.msg_iov = parts;
  message.msg_iovlen = body.empty() ? 1 : 2;
  alignas(cmsghdr) uint8_t control[kControlBytes];
  if (!fds.empty()) {
    message.msg_control = control;
    message.msg_controllen = CMSG_SPACE(fds.size_bytes());
    std::memset(control, 0, message.msg_controllen);
    cmsghdr* item = CMSG_FIRSTHDR(&message);
    item->cmsg_level = SOL_SOCKET;
    item->cmsg_type = SCM_RIGHTS;
    item->cmsg_len = CMSG_LEN(fds.size_bytes());
    std::memcpy(CMSG_DATA(item), fds.data(), fds.size_bytes());
  }
  const ssize_t count = RetryInterrupted([&] { return sendmsg(fd_.get(), &message, SendFlags()); });
  if (count < 0) {
    if (WouldBlock(errno)) return Sent::kNotStarted;
    // Not known to libuv by name: the descriptors that are on their way reach this user's limit.
    if (errno == ETOOMANYREFS) return Status::Failed(EMFILE, "sendmsg");
    const Status failure = Status::Failed(errno, "sendmsg");
    // Nothing was taken, so the stream is whole; only a peer that is gone stays gone.
    if (failure.error == EPIPE || failure.error == ECONNRESET) send_failure_ = failure;
    return failure;
  }
  out_sent_ = static_cast<uint64_t>(count);
  sending_ = true;
  Result<bool> rest = SendRest(body);
  if (!rest.ok()) return rest.status();
  return rest.value() ? Sent::kDone : Sent::kStarted;
}

Result<bool> FdChannel::ContinueSend(std::span<const uint8_t> body) {
  if (!fd_) return Status::Failed(EBADF, "sendmsg");
  if (!send_failure_.ok()) return send_failure_;
  if (!sending_) return true;
  return SendRest(body);
}

Result<bool> FdChannel::SendRest(std::span<const uint8_t> body) {
  const uint64_t total = out_header_bytes_ + out_body_bytes_;
  const uint64_t stop = out_sent_ + kBytesPerTurn;
  if (body.size() != out_body_bytes_) {
    // Its buffer was detached or shrunk: there is nothing left to finish the frame with.
    send_failure_ = Status::Failed(EFAULT, "sendmsg");
    sending_ = false;
    return send_failure_;
  }
  while (out_sent_ < total) {
    if (out_sent_ >= stop) return false;
    iovec parts[2];
    size_t used = 0;
    if (out_sent_ < out_header_bytes_) {
      parts[used++] = {out_header_ + out_sent_, static_cast<size_t>(out_header_bytes_ - out_sent_)};
    }
    const uint64_t from = out_sent_ > out_header_bytes_ ? out_sent_ - out_header_bytes_ : 0;
    if (from < out_body_bytes_) {
      parts[used++] = {const_cast<uint8_t*>(body.data() + from),
                       static_cast<size_t>(std::min(out_body_bytes_ - from, kBytesPerCall))};
    }
    msghdr message{};
    message.msg_iov = parts;
    message.msg_iovlen = used;
    const ssize_t count =
        RetryInterrupted([&] { return sendmsg(fd_.get(), &message, SendFlags()); });
    if (count < 0) {
      if (WouldBlock(errno)) return false;
      send_failure_ = Status::Failed(errno, "sendmsg");
      sending_ = false;
      return send_failure_;
    }
    out_sent_ += static_cast<uint64_t>(count);
  }
  sending_ = false;
  return true;
}

// ---- the rest

void FdChannel::AfterForkInChild() {
  const bool whole =
      incoming_.kind == HeaderView::Kind::kComplete && body_.filled() == incoming_.body_bytes;
  // A message that was complete belongs to the parent, and the stream stands at the next one's
  // first byte.
  const bool torn = holds_input() && !whole;
  ForgetMessage();
  if (torn) receive_failure_ = Status::Failed(ECONNABORTED, "recv");
  if (sending_) send_failure_ = Status::Failed(ECONNABORTED, "sendmsg");
  sending_ = false;
}

void FdChannel::Close() {
  ForgetMessage();
  sending_ = false;
  fd_.Reset();
}

}  // namespace mp
