#pragma once
// Where JavaScript finds messages that were taken without waiting. One array serves for all of
// them: to make an array costs more than a short message does.

#include <napi.h>

#include <vector>

#include "queues/message_queue.h"

namespace mp {

class QueueBuffers {
 public:
  static constexpr uint64_t kAlignment = 8;

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

  std::byte* data() const { return data_; }
  uint64_t size() const { return size_; }
  uint32_t most() const { return most_; }

  void Begin() {
    used_ = 0;
    count_ = 0;
  }
  // One that does not fit stands in `overflow`, and -1 in its place.
  void Add(const std::byte* bytes, uint64_t length) {
    const uint32_t index = count_++;
    if (length > size_ || used_ > size_ - length) {
      overflow.push_back({std::vector<std::byte>(bytes, bytes + length)});
      length_data_[index] = -1;
      return;
    }
    std::copy(bytes, bytes + length, data_ + used_);
    used_ = (used_ + length + kAlignment - 1) / kAlignment * kAlignment;
    length_data_[index] = static_cast<int32_t>(length);
  }

  std::vector<Message> overflow;

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
