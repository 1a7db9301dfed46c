// Putting messages: their bytes are copied into shared memory before anything else.

#include <algorithm>
#include <limits>

#include "bind/queue_call.h"

namespace mp {
namespace {

constexpr uint32_t kMostCarried = 1 << 20;
constexpr size_t kLongestFront = size_t{1} << 31;

bool IsUndefined(napi_env env, napi_value value) {
  napi_valuetype type = napi_undefined;
  napi_typeof(env, value, &type);
  return type == napi_undefined;
}

// [kind, offset, generation, kind, …], or undefined.
bool ReadCarried(SyncCall* call, napi_value given, std::vector<CarriedRef>* carried) {
  if (IsUndefined(call->env(), given)) return true;
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

// The bytes of a Uint8Array, which stand still until JavaScript runs again.
bool BytesOf(napi_env env, napi_value array, std::span<const std::byte>* bytes) {
  napi_typedarray_type type = napi_int8_array;
  void* data = nullptr;
  size_t length = 0;
  if (napi_get_typedarray_info(env, array, &type, &length, &data, nullptr, nullptr) != napi_ok) {
    return false;
  }
  *bytes = {static_cast<const std::byte*>(data), length};
  return type == napi_uint8_array;
}

// The fourth argument and the fifth, which mostly are undefined. False with an error thrown.
bool ReadParts(SyncCall* call, GivenMessage* message) {
  napi_env const env = call->env();
  if (IsUndefined(env, call->argument(3))) return true;
  uint32_t count = 0;
  bool is_good = BytesOf(env, call->argument(3), &message->front) && !message->head &&
                 napi_get_array_length(env, call->argument(4), &count) == napi_ok;
  // What JavaScript is told of a front is that of one byte it is a number.
  is_good = is_good && message->front.size() > 1 && message->front.size() <= kLongestFront;
  for (uint32_t i = 0; is_good && i < count; i += 1) {
    napi_value part = nullptr;
    is_good = napi_get_element(env, call->argument(4), i, &part) == napi_ok &&
              BytesOf(env, part, &message->more.emplace_back());
  }
  if (!is_good) call->Refuse("the parts of a message must be a Uint8Array and a list of such");
  return is_good;
}

}  // namespace

// Bytes with references or parts, or the length of what stands at the beginning of the scratch
// memory.
bool ReadMessage(SyncCall* call, GivenMessage* message) {
  uint32_t length = 0;
  if (napi_get_value_uint32(call->env(), call->argument(1), &length) == napi_ok) {
    const std::span<const std::byte> scratch = call->sync().buffers().scratch.data();
    if (length > scratch.size()) call->Refuse("the message is longer than the scratch memory");
    message->bytes = scratch.data();
    message->length = length;
    return call->ok();
  }
  std::span<const std::byte> bytes;
  if (!BytesOf(call->env(), call->argument(1), &bytes)) {
    call->Refuse("the message must be a Uint8Array");
    return false;
  }
  message->bytes = bytes.data();
  message->length = bytes.size();
  uint32_t head = 0;
  if (napi_get_value_uint32(call->env(), call->argument(2), &head) == napi_ok) {
    if (head > 0xff) call->Refuse("the first byte must be one");
    message->head = static_cast<std::byte>(head);
  } else if (!ReadCarried(call, call->argument(2), &message->carried)) {
    call->Refuse("the references must be numbers, three of each");
  }
  return call->ok() && ReadParts(call, message);
}

BlockRef StageMessage(SyncCall* call, MessageQueue* queue, const GivenMessage& message) {
  auto staged = queue->Stage(message.whole_length(), static_cast<uint32_t>(message.carried.size()),
                             static_cast<uint32_t>(message.front_length()));
  if (!staged.ok()) {
    call->Fail(staged.status());
    return 0;
  }
  std::byte* to = staged.value().bytes;
  if (message.head) *to++ = *message.head;
  to = std::copy(message.front.begin(), message.front.end(), to);
  to = std::copy(message.bytes, message.bytes + message.length, to);
  for (const auto& part : message.more) to = std::copy(part.begin(), part.end(), to);
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

// queuePut(request, bytes, carried, front, more): once.
napi_value Put(napi_env env, napi_callback_info info) {
  SyncCall call(env, info, 5);
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

// queuePutMany(request, count): of so many messages in the scratch memory, how many were put.
napi_value PutMany(napi_env env, napi_callback_info info) {
  SyncCall call(env, info, 2);
  const auto [queue, behind_others] = QueueOf(&call);
  const uint32_t most = call.Number(1);
  if (queue == nullptr || !call.ok()) return nullptr;
  uint32_t put = 0;
  if (!behind_others || !queue->HasWaitersHere(QueueRequest::Kind::kPut)) {
    call.sync().buffers().scratch.ForEach(most, [&](std::span<const std::byte> bytes) {
      auto staged = queue->Stage(bytes.size(), 0);
      if (!staged.ok()) return false;
      std::copy(bytes.begin(), bytes.end(), staged.value().bytes);
      Status error;
      if (queue->Publish(staged.value().block, &error) == SyncOutcome::kDone) {
        put += 1;
        return true;
      }
      queue->Drop(staged.value());
      return false;
    });
  }
  if (put > 0) queue->TellGetters(put);
  return call.Answer(put);
}

// queuePutSync(handle, bytes, carried, front, more, timeoutMs)
napi_value PutSync(napi_env env, napi_callback_info info) {
  SyncCall call(env, info, 6);
  auto* const queue = call.Object<MessageQueue>();
  GivenMessage message;
  if (queue == nullptr || !ReadMessage(&call, &message)) return nullptr;
  const uint64_t deadline = call.Deadline(5);
  if (!call.ok()) return nullptr;
  QueueRequest request;
  request.kind = QueueRequest::Kind::kPut;
  request.length = message.whole_length();
  request.staged = StageMessage(&call, queue, message);
  if (request.staged == 0) return nullptr;
  const SyncOutcome outcome = queue->RunSync(&request, deadline);
  return AnswerPut(&call, queue, request, outcome);
}

// queuePutAsync(handle, bytes, carried, front, more)
napi_value PutAsync(napi_env env, napi_callback_info info) {
  SyncCall call(env, info, 5);
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
               {{"queuePut", Put},
                {"queuePutMany", PutMany},
                {"queuePutSync", PutSync},
                {"queuePutAsync", PutAsync}});
}

}  // namespace mp
