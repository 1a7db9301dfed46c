#pragma once
// The body of a message while it arrives. Grows in steps, so that a garbage header cannot claim
// memory that no sender has filled; large steps move pages, not bytes.

#include <algorithm>
#include <cstdint>
#include <cstdlib>
#include <utility>

namespace mp {

class MessageBytes {
 public:
  MessageBytes() = default;
  ~MessageBytes() { std::free(data_); }
  MessageBytes(MessageBytes&& other) noexcept { *this = std::move(other); }
  MessageBytes& operator=(MessageBytes&& other) noexcept {
    std::swap(data_, other.data_);
    std::swap(capacity_, other.capacity_);
    std::swap(filled_, other.filled_);
    return *this;
  }
  MessageBytes(const MessageBytes&) = delete;
  MessageBytes& operator=(const MessageBytes&) = delete;

  uint8_t* data() { return data_; }
  uint64_t filled() const { return filled_; }
  uint8_t* end() { return data_ + filled_; }
  uint64_t room() const { return capacity_ - filled_; }
  void Advance(uint64_t count) { filled_ += count; }

  // Makes room for more of a body of `total` bytes. False when memory is out.
  bool Grow(uint64_t total) {
    const uint64_t wanted = std::min(total, std::max(kFirstStep, capacity_ * 2));
    auto* grown = static_cast<uint8_t*>(std::realloc(data_, wanted));
    if (grown == nullptr) return false;
    data_ = grown;
    capacity_ = wanted;
    return true;
  }

  // The caller frees it with std::free.
  uint8_t* Release() {
    capacity_ = filled_ = 0;
    return std::exchange(data_, nullptr);
  }

 private:
  static constexpr uint64_t kFirstStep = uint64_t{1} << 20;
  uint8_t* data_ = nullptr;
  uint64_t capacity_ = 0;
  uint64_t filled_ = 0;
};

}  // namespace mp
