// Putting messages: their bytes are copied into shared memory before anything else.

#include <algorithm>
#include <limits>

#include "bind/queue_call.h"

namespace mp {
namespace {

constexpr uint32_t kMostCarried = 1 << 20;

// [kind, offset, generation, kind, …], or undefined.
bool ReadCarried(SyncCall* call, napi_value given, std::vector<CarriedRef>* carried) {
  napi_valuetype type = napi_undefined;
  napi_typeof(call->env(), given, &type);
  if (type == napi_undefined) return true;
  uint32_t count = 0;
  if (napi_get_array_length(call->env(), given, &count) != napi_ok) return false;
  if (count % 3 != 0 || count / 3 > kMostCarried) return false;
  for (uint32_t first = 0; first < count; first += 3) {
    double numbers[3] = {};
    for (uint32_t i = 0; i < 3; i += 1) {
      napi_value element = nullptr;
      if (napi_get_element(call->env(), given, first + i, &element) != napi_ok) return false;
      if (napi_get_value_double(call->env(), element, &numbers[i]) != napi_ok) return false;
      if (!(numbers[i] >= 0 && numbers[i] < 0x1p52)) return false;
    }
    if (numbers[0] > kLastObjectKind || numbers[2] > kObjectGenerationMask) return false;
    carried->push_back({static_cast<uint64_t>(numbers[1]), static_cast<uint32_t>(numbers[2]),
                        static_cast<uint32_t>(numbers[0])});
  }
  return true;
}

}  // namespace

bool ReadMessage(SyncCall* call, GivenMessage* message) {
  napi_typedarray_type type = napi_int8_array;
  void* data = nullptr;
  const bool is_bytes =
      napi_get_typedarray_info(call->env(), call->argument(1), &type, &message->length, &data,
                               nullptr, nullptr) == napi_ok &&
      type == napi_uint8_array;
  if (!is_bytes) {
    call->Refuse("the message must be a Uint8Array");
    return false;
  }
  message->bytes = static_cast<const std::byte*>(data);
  if (!ReadCarried(call, call->argument(2), &message->carried)) {
    call->Refuse("the references must be numbers, three of each");
  }
  return call->ok();
}

BlockRef StageMessage(SyncCall* call, MessageQueue* queue, const GivenMessage& message) {
  auto staged = queue->Stage(message.length, static_cast<uint32_t>(message.carried.size()));
  if (!staged.ok()) {
    call->Fail(staged.status());
    return 0;
  }
  std::copy(message.bytes, message.bytes + message.length, staged.value().bytes);
  std::copy(message.carried.begin(), message.carried.end(), staged.value().carried);
  return staged.value().block;
}

namespace {

// What was not put is dropped.
napi_value AnswerPut(SyncCall* call, MessageQueue* queue, const QueueRequest& wanted,
                     SyncOutcome outcome) {
  if (outcome == SyncOutcome::kDone) return nullptr;
  queue->Drop({wanted.staged});
  return outcome == SyncOutcome::kFailed ? call->Fail(wanted.error) : call->Answer(outcome);
}

// queuePut(request, bytes, carried): once.
napi_value Put(napi_env env, napi_callback_info info) {
  SyncCall call(env, info, 3);
  const QueueInLine in_line = QueueOf(&call);
  MessageQueue* const queue = in_line.queue;
  GivenMessage message;
  if (queue == nullptr || !ReadMessage(&call, &message)) return nullptr;
  if (queue->closed()) return call.Answer(SyncOutcome::kClosed);
  if (in_line.behind_others && queue->HasWaitersHere(QueueRequest::Kind::kPut)) {
    return call.Answer(SyncOutcome::kPending);
  }
  QueueRequest wanted;
  wanted.staged = StageMessage(&call, queue, message);
  if (wanted.staged == 0) return nullptr;
  const SyncOutcome outcome = queue->TryPut(wanted.staged, &wanted.error);
  return AnswerPut(&call, queue, wanted, outcome);
}

// queuePutSync(handle, bytes, carried, timeoutMs)
napi_value PutSync(napi_env env, napi_callback_info info) {
  SyncCall call(env, info, 4);
  auto* const queue = call.Object<MessageQueue>();
  GivenMessage message;
  if (queue == nullptr || !ReadMessage(&call, &message)) return nullptr;
  const uint64_t deadline = call.Deadline(3);
  if (!call.ok()) return nullptr;
  QueueRequest request;
  request.kind = QueueRequest::Kind::kPut;
  request.staged = StageMessage(&call, queue, message);
  if (request.staged == 0) return nullptr;
  const SyncOutcome outcome = queue->RunSync(&request, deadline);
  return AnswerPut(&call, queue, request, outcome);
}

// queuePutAsync(handle, bytes, carried)
napi_value PutAsync(napi_env env, napi_callback_info info) {
  SyncCall call(env, info, 3);
  auto* const queue = call.Object<MessageQueue>();
  GivenMessage message;
  if (queue == nullptr || !ReadMessage(&call, &message)) return nullptr;
  const BlockRef staged = StageMessage(&call, queue, message);
  if (staged == 0) return nullptr;
  QueueWaiter* const waiter = call.sync().NextWaiter();
  waiter->wanted.kind = QueueRequest::Kind::kPut;
  waiter->wanted.staged = staged;
  const SyncOutcome outcome = queue->RunAsync(waiter);
  if (outcome != SyncOutcome::kPending) {
    return AnswerPut(&call, queue, waiter->wanted, outcome);
  }
  napi_value const answer = call.Enlist(*call.Slot());
  if (!call.ok()) queue->Drop({staged});
  return answer;
}

}  // namespace

void AddPuts(napi_env env, napi_value target, SyncEnv* sync) {
  AddFunctions(env, target, sync,
               {{"queuePut", Put}, {"queuePutSync", PutSync}, {"queuePutAsync", PutAsync}});
}

}  // namespace mp
