#pragma once
// What the functions of queues have in common.

#include "bind/sync_call.h"
#include "queues/message_queue.h"

namespace mp {

// A new Uint8Array with these bytes; null with an error thrown when there is no memory for it.
napi_value CopyToJs(napi_env env, const std::byte* bytes, uint64_t length);
// An array of such.
napi_value CopyToJs(napi_env env, const std::vector<Message>& messages);

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

// What is to be put: bytes, and references in groups of three (kind, offset, generation) or
// undefined.
struct GivenMessage {
  const std::byte* bytes = nullptr;
  size_t length = 0;
  std::vector<CarriedRef> carried;
};
// The second argument and the third. False with an error thrown.
bool ReadMessage(SyncCall* call, GivenMessage* message);
// A block with the message, or 0 with an error thrown.
BlockRef StageMessage(SyncCall* call, MessageQueue* queue, const GivenMessage& message);

void AddPuts(napi_env env, napi_value target, SyncEnv* sync);
void AddGets(napi_env env, napi_value target, SyncEnv* sync);

}  // namespace mp
