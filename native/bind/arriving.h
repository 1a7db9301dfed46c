#pragma once
// A message on its way to JavaScript, into an array that is made before it is taken.

#include <algorithm>
#include <vector>

#include "bind/queue_call.h"

namespace mp {

struct Arriving {
  std::byte* target = nullptr;
  uint64_t room = 0;
  uint64_t length = 0;
  // Looked for: a message that has a front of that length, which goes here instead.
  std::vector<std::byte> front;
  bool is_other = false;          // than was looked at
  std::vector<std::byte> longer;  // than what was first there, or another

  // Where a message of that length and front will be without its front. Null: there is no memory.
  napi_value Expect(napi_env env, uint64_t whole, uint32_t its_front) {
    front.resize(its_front);
    room = whole - its_front;
    return NewBytes(env, room, &target);
  }
  // What a take does with it.
  void Visit(const std::byte* bytes, uint64_t given, const Block& block) {
    const uint64_t skipped = front.size();
    is_other = skipped > 0 && (FrontLength(block) != skipped || given != room + skipped);
    if (is_other || given > room + skipped) {
      length = given;
      longer.assign(bytes, bytes + given);
    } else {
      length = given - skipped;
      std::copy(bytes, bytes + skipped, front.begin());
      std::copy(bytes + skipped, bytes + given, target);
    }
  }
  // Else somebody else has taken the one that was looked at.
  bool IsAsExpected() const { return !is_other && length == room; }
  napi_value Copied(napi_env env) const {
    return CopyToJs(env, longer.empty() ? target : longer.data(), length);
  }
};

}  // namespace mp
