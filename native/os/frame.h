#pragma once
// How a message is cut out of a byte stream: CPython's framing, so that its Connection can sit at
// the other end.
//
//   length below 2 GiB:   int32 big-endian length                      | body
//   longer:               int32 big-endian -1, uint64 big-endian length | body

#include <cstddef>
#include <cstdint>

namespace mp {

constexpr size_t kShortHeaderBytes = 4;
constexpr size_t kLongHeaderBytes = 12;
constexpr uint64_t kLongestShortBody = 0x7fffffff;

// The bound of one message. Longer ones are refused by the sender and taken for garbage by the
// receiver.
constexpr uint64_t kMaxMessageBytes = uint64_t{1} << 32;

// Writes the header of a body of `size` bytes; returns the header's own size.
inline size_t EncodeHeader(uint64_t size, uint8_t (&header)[kLongHeaderBytes]) {
  const bool is_long = size > kLongestShortBody;
  const uint32_t word = is_long ? 0xffffffffu : static_cast<uint32_t>(size);
  for (int i = 0; i < 4; i++) header[i] = static_cast<uint8_t>(word >> (24 - 8 * i));
  if (!is_long) return kShortHeaderBytes;
  for (int i = 0; i < 8; i++) header[4 + i] = static_cast<uint8_t>(size >> (56 - 8 * i));
  return kLongHeaderBytes;
}

struct HeaderView {
  enum class Kind { kNeedsMore, kComplete, kInvalid };
  Kind kind = Kind::kNeedsMore;
  size_t header_bytes = kShortHeaderBytes;  // as far as known
  uint64_t body_bytes = 0;                  // when complete
};

// Looks at the first `available` bytes of a frame.
inline HeaderView DecodeHeader(const uint8_t* bytes, size_t available) {
  HeaderView view;
  if (available < kShortHeaderBytes) return view;
  uint32_t word = 0;
  for (int i = 0; i < 4; i++) word = word << 8 | bytes[i];
  if (word <= kLongestShortBody) {
    view.kind = HeaderView::Kind::kComplete;
    view.body_bytes = word;
    return view;
  }
  view.header_bytes = kLongHeaderBytes;
  if (word != 0xffffffffu) {
    view.kind = HeaderView::Kind::kInvalid;
    return view;
  }
  if (available < kLongHeaderBytes) return view;
  for (int i = 4; i < 12; i++) view.body_bytes = view.body_bytes << 8 | bytes[i];
  const bool too_long = view.body_bytes > kMaxMessageBytes;
  view.kind = too_long ? HeaderView::Kind::kInvalid : HeaderView::Kind::kComplete;
  return view;
}

}  // namespace mp
