#pragma once
// What the functions of queues have in common.

#include <cerrno>
#include <optional>
#include <span>
#include <vector>

#include "bind/sync_call.h"
#include "queues/message_queue.h"

namespace mp {

// What a function that takes messages answers instead of one: there is none now, there will be
// none.
constexpr int32_t kEmpty = -1;
constexpr int32_t kClosed = -2;

inline napi_value AnswerSigned(napi_env env, int32_t number) {
  napi_value value = nullptr;
  napi_create_int32(env, number, &value);
  return value;
}
inline napi_value AnswerNothing(SyncCall* call, SyncOutcome outcome) {
  if (outcome == SyncOutcome::kForeign) return call->Fail(Status::Failed(ECHILD, "Get"));
  return AnswerSigned(call->env(), outcome == SyncOutcome::kClosed ? kClosed : kEmpty);
}

// A new Buffer of its own, whose bytes are to be written; null when there is no memory for it.
napi_value NewBytes(napi_env env, uint64_t length, std::byte** bytes);
// One with these bytes; null with an error thrown when there is no memory for it.
napi_value CopyToJs(napi_env env, const std::byte* bytes, uint64_t length);
// An array of such, or of what InTwo makes. What was lent is given back, also when it fails.
napi_value CopyToJs(SyncCall* call, const std::vector<Message>& messages);

// The first argument is twice the number of a handle, and one more to stand in line behind those
// who wait here already.
struct QueueInLine {
  MessageQueue* queue = nullptr;
  bool behind_others = false;
};
inline QueueInLine QueueOf(SyncCall* call) {
  const uint32_t request = call->Number(0);
  if (!call->ok()) return {};
  return {call->As<MessageQueue>(call->SlotAt(request >> 1)), (request & 1) != 0};
}

// What is to be put: bytes, and references in groups of three (kind, offset, generation), or one
// byte that is to stand in front of the others, or undefined. Then, where they are not undefined,
// more bytes that stand in front of the others, and a list of some behind them.
struct GivenMessage {
  const std::byte* bytes = nullptr;
  size_t length = 0;
  std::vector<CarriedRef> carried;
  std::optional<std::byte> head;
  std::span<const std::byte> front;
  std::vector<std::span<const std::byte>> more;

  size_t front_length() const { return front.size() + (head ? 1 : 0); }
  size_t whole_length() const {
    size_t sum = front_length() + length;
    for (const auto& part : more) sum += part.size();
    return sum;
  }
};
// The second argument to the fifth. False with an error thrown.
bool ReadMessage(SyncCall* call, GivenMessage* message);
// An array of the two: a message without its front, and that; a number where it is one byte.
napi_value InTwo(napi_env env, napi_value rest, std::span<const std::byte> front);
// A block with the message, or 0 with an error thrown.
BlockRef StageMessage(SyncCall* call, MessageQueue* queue, const GivenMessage& message);

void AddPuts(napi_env env, napi_value target, SyncEnv* sync);
void AddGets(napi_env env, napi_value target, SyncEnv* sync);
void AddLoans(napi_env env, napi_value target, SyncEnv* sync);

}  // namespace mp
