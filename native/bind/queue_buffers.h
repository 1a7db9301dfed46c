#pragma once
// Where JavaScript finds messages that were taken without waiting, and where it writes those that
// are put at once. One array serves for all of them: to make an array, or even to look it up, costs
// more than a short message does.

#include <napi.h>

#include <algorithm>
#include <span>
#include <vector>

#include "queues/message_queue.h"

namespace mp {

// Where each message begins, in either of them: at a multiple of it.
constexpr uint64_t kMessageAlignment = 8;
constexpr uint64_t AfterMessage(uint64_t end) {
  return (end + kMessageAlignment - 1) / kMessageAlignment * kMessageAlignment;
}

// Messages that JavaScript has written.
class Scratch {
 public:
  void Set(Napi::Uint8Array bytes, Napi::Int32Array lengths) {
    bytes_ = Napi::Persistent(bytes);
    lengths_ = Napi::Persistent(lengths);
    data_ = {reinterpret_cast<const std::byte*>(bytes.Data()), bytes.ByteLength()};
    length_data_ = {lengths.Data(), lengths.ElementLength()};
  }
  // Of the first message.
  std::span<const std::byte> data() const { return data_; }
  // Calls back with each of the first `count` messages until one is refused or none can be.
  template <typename Visit>
  void ForEach(uint32_t count, Visit visit) const {
    uint64_t at = 0;
    for (uint32_t i = 0; i < count && i < length_data_.size(); i += 1) {
      const int32_t length = length_data_[i];
      if (length < 0 || at > data_.size() || data_.size() - at < static_cast<uint64_t>(length)) {
        return;
      }
      if (!visit(data_.subspan(at, length))) return;
      at = AfterMessage(at + length);
    }
  }

 private:
  std::span<const std::byte> data_;
  std::span<const int32_t> length_data_;
  Napi::Reference<Napi::Uint8Array> bytes_;
  Napi::Reference<Napi::Int32Array> lengths_;
};

class QueueBuffers final : public MessageTarget {
 public:
  // `bytes` for the messages, one behind the other, and `lengths` for how long they are.
  void Set(Napi::Uint8Array bytes, Napi::Int32Array lengths) {
    bytes_ = Napi::Persistent(bytes);
    lengths_ = Napi::Persistent(lengths);
    data_ = reinterpret_cast<std::byte*>(bytes.Data());
    size_ = bytes.ByteLength();
    length_data_ = lengths.Data();
    most_ = static_cast<uint32_t>(lengths.ElementLength());
  }
  void Reset() { *this = {}; }

  uint64_t size() const { return size_; }
  uint32_t most() const { return most_; }

  void Begin() {
    used_ = 0;
    count_ = 0;
  }
  uint32_t RoomFor(uint64_t length) const override {
    if (length > size_ || most_ == 0) return 0;
    const uint64_t fitting = size_ / std::max<uint64_t>(length, kMessageAlignment);
    return static_cast<uint32_t>(std::clamp<uint64_t>(fitting, 1, most_));
  }
  bool Add(const std::byte* bytes, uint64_t length) override {
    if (length > size_ || used_ > size_ - length) return false;
    std::copy(bytes, bytes + length, data_ + used_);
    used_ = AfterMessage(used_ + length);
    length_data_[count_++] = static_cast<int32_t>(length);
    return true;
  }
  void AddElsewhere() override { length_data_[count_++] = -1; }
  // Damage: what was taken and is no message is an empty one.
  void FillUpTo(uint32_t taken) {
    while (count_ < taken) length_data_[count_++] = 0;
  }

  int32_t LengthOf(uint32_t index) const { return length_data_[index]; }

  // In whose place there is a -1.
  std::vector<Message> overflow;
  Scratch scratch;

 private:
  std::byte* data_ = nullptr;
  uint64_t size_ = 0;
  int32_t* length_data_ = nullptr;
  uint32_t most_ = 0;
  uint64_t used_ = 0;
  uint32_t count_ = 0;
  Napi::Reference<Napi::Uint8Array> bytes_;
  Napi::Reference<Napi::Int32Array> lengths_;
};

}  // namespace mp
