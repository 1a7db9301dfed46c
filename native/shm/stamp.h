#pragma once
// Names of participants as they stand in shared words. A stamp (id and generation) never comes to
// mean another participant before 65,536 others have used the row.

#include <cstdint>

namespace mp {

struct Stamp {
  uint16_t id = 0;
  uint16_t generation = 0;

  // 0 is nobody.
  uint32_t packed() const {
    return static_cast<uint32_t>(id) << 16 | static_cast<uint32_t>(generation);
  }
  static Stamp Unpack(uint32_t packed) {
    return {static_cast<uint16_t>(packed >> 16), static_cast<uint16_t>(packed)};
  }
  explicit operator bool() const { return id != 0; }
  bool operator==(const Stamp&) const = default;
};

enum class RowState : uint8_t {
  kFree = 0,
  kPassing,  // joining or leaving; the thread named in the word is at it
  kLive,
  kSuspect,    // its token says that it has died; locks move, memory does not
  kRecovered,  // everything others wait for has been given back; memory waits for the confirmation
};

// ParticipantRow::identity: thread number 32, unused 8, generation 16, state 8.
struct Identity {
  RowState state = RowState::kFree;
  uint16_t generation = 0;
  uint32_t tid = 0;

  uint64_t packed() const {
    return static_cast<uint64_t>(tid) << 32 | static_cast<uint64_t>(generation) << 8 |
           static_cast<uint64_t>(state);
  }
  static Identity Unpack(uint64_t word) {
    return {static_cast<RowState>(word & 0xff), static_cast<uint16_t>(word >> 8),
            static_cast<uint32_t>(word >> 32)};
  }
};

}  // namespace mp
