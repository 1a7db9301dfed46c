// Getting messages. What is there is copied into the buffers that JavaScript has given (see
// queue_buffers.h); what was waited for comes in arrays of its own.

#include <algorithm>
#include <cerrno>
#include <utility>

#include "bind/queue_call.h"

namespace mp {
namespace {

constexpr int32_t kEmpty = -1;
constexpr int32_t kClosed = -2;

napi_value AnswerSigned(napi_env env, int32_t number) {
  napi_value value = nullptr;
  napi_create_int32(env, number, &value);
  return value;
}

// When nothing was taken. False: something has come meanwhile.
bool AnswerNothing(SyncCall* call, MessageQueue* queue, napi_value* answer) {
  switch (queue->Look()) {
    case SyncOutcome::kDone:
      return false;
    case SyncOutcome::kClosed:
      *answer = AnswerSigned(call->env(), kClosed);
      return true;
    case SyncOutcome::kForeign:
      *answer = call->Fail(Status::Failed(ECHILD, "Get"));
      return true;
    default:
      *answer = AnswerSigned(call->env(), kEmpty);
      return true;
  }
}

// A message that is longer than the buffer, in an array that is made before it is taken: when there
// is no memory for it nothing was taken. Null without an error: it was somebody else's after all.
napi_value TakeLong(SyncCall* call, MessageQueue* queue, uint64_t room) {
  void* data = nullptr;
  napi_value buffer = nullptr;
  if (napi_create_arraybuffer(call->env(), room, &data, &buffer) != napi_ok) {
    return call->Fail(Status::Failed(ENOMEM, "Get"));
  }
  Message other;
  bool fits = true;
  uint64_t length = 0;
  const uint32_t taken = queue->TryTake(1, [&](const std::byte* bytes, uint64_t given) {
    length = given;
    fits = given <= room;
    if (fits) {
      std::copy(bytes, bytes + given, static_cast<std::byte*>(data));
    } else {
      other.bytes.assign(bytes, bytes + given);
    }
  });
  if (taken == 0) return nullptr;
  if (!fits) return CopyToJs(call->env(), other.bytes.data(), other.bytes.size());
  napi_value array = nullptr;
  napi_create_typedarray(call->env(), napi_uint8_array, length, buffer, 0, &array);
  return array;
}

// queueTake(request): the length of a message that is in the buffer, -1 for none, -2 for none ever,
// or an array with it.
napi_value Take(napi_env env, napi_callback_info info) {
  SyncCall call(env, info, 1);
  const auto [queue, behind_others] = QueueOf(&call);
  if (queue == nullptr) return nullptr;
  if (behind_others && queue->HasWaitersHere(QueueRequest::Kind::kGet)) {
    return AnswerSigned(env, kEmpty);
  }
  QueueBuffers& buffers = call.sync().buffers();
  for (;;) {
    uint64_t length = 0;
    napi_value answer = nullptr;
    if (!queue->FirstLength(&length)) {
      if (AnswerNothing(&call, queue, &answer)) return answer;
      continue;
    }
    if (length > buffers.size()) {
      answer = TakeLong(&call, queue, length);
      if (answer != nullptr || !call.ok()) return answer;
      continue;
    }
    Message other;
    bool fits = true;
    const uint32_t taken = queue->TryTake(1, [&](const std::byte* bytes, uint64_t given) {
      // Another one by now, perhaps.
      fits = given <= buffers.size();
      length = given;
      if (fits) {
        std::copy(bytes, bytes + given, buffers.data());
      } else {
        other.bytes.assign(bytes, bytes + given);
      }
    });
    if (taken == 0) continue;
    return fits ? call.Answer(static_cast<double>(length))
                : CopyToJs(env, other.bytes.data(), other.bytes.size());
  }
}

// queueTakeMany(request, max): how many messages are in the buffer, or -1 or -2. About as many as
// fit, judging by the first.
napi_value TakeMany(napi_env env, napi_callback_info info) {
  SyncCall call(env, info, 2);
  const auto [queue, behind_others] = QueueOf(&call);
  const double max = call.Double(1);
  if (queue == nullptr || !call.ok()) return nullptr;
  if (!(max >= 1)) return call.Refuse("the most must be at least 1");
  if (behind_others && queue->HasWaitersHere(QueueRequest::Kind::kGet)) {
    return AnswerSigned(env, kEmpty);
  }
  QueueBuffers& buffers = call.sync().buffers();
  if (buffers.most() == 0) return call.Refuse("there are no buffers");
  for (;;) {
    uint64_t length = 0;
    napi_value answer = nullptr;
    if (!queue->FirstLength(&length)) {
      if (AnswerNothing(&call, queue, &answer)) return answer;
      continue;
    }
    const uint64_t fitting = buffers.size() / std::max<uint64_t>(length, QueueBuffers::kAlignment);
    const uint64_t most = std::clamp<uint64_t>(fitting, 1, buffers.most());
    const auto wanted =
        max < static_cast<double>(most) ? static_cast<uint32_t>(max) : static_cast<uint32_t>(most);
    buffers.Begin();
    const uint32_t taken = queue->TryTake(
        wanted, [&](const std::byte* bytes, uint64_t given) { buffers.Add(bytes, given); });
    if (taken > 0) return AnswerSigned(env, static_cast<int32_t>(taken));
  }
}

// queueOverflow(): the messages of the last queueTakeMany that did not fit.
napi_value Overflow(napi_env env, napi_callback_info info) {
  const SyncCall call(env, info, 1);
  return CopyToJs(env, std::exchange(call.sync().buffers().overflow, {}));
}

bool ReadMost(SyncCall* call, QueueRequest* request) {
  const double most = call->Double(1);
  if (call->ok() && !(most >= 1)) call->Refuse("the most must be at least 1");
  request->kind = QueueRequest::Kind::kGet;
  request->most = most < kMostAtOnce ? static_cast<uint32_t>(most) : kMostAtOnce;
  return call->ok();
}

napi_value AnswerGet(SyncCall* call, const QueueRequest& request, SyncOutcome outcome) {
  return outcome == SyncOutcome::kDone ? CopyToJs(call->env(), request.messages)
                                       : call->Answer(outcome);
}

// queueGetSync(handle, max, timeoutMs): an array of messages, or an outcome.
napi_value GetSync(napi_env env, napi_callback_info info) {
  SyncCall call(env, info, 3);
  auto* const queue = call.Object<MessageQueue>();
  QueueRequest request;
  if (queue == nullptr || !ReadMost(&call, &request)) return nullptr;
  const uint64_t deadline = call.Deadline(2);
  if (!call.ok()) return nullptr;
  const SyncOutcome outcome = queue->RunSync(&request, deadline);
  return AnswerGet(&call, request, outcome);
}

// queueGetAsync(handle, max): the same at once, or minus the number of a wait.
napi_value GetAsync(napi_env env, napi_callback_info info) {
  SyncCall call(env, info, 2);
  auto* const queue = call.Object<MessageQueue>();
  QueueWaiter* const waiter = call.sync().NextWaiter();
  if (queue == nullptr || !ReadMost(&call, &waiter->wanted)) return nullptr;
  const SyncOutcome outcome = queue->RunAsync(waiter);
  return outcome == SyncOutcome::kPending ? call.Enlist(*call.Slot())
                                          : AnswerGet(&call, waiter->wanted, outcome);
}

// queueFetch(wait): what a wait was served with. Throws why a put has failed.
napi_value Fetch(napi_env env, napi_callback_info info) {
  SyncCall call(env, info, 1);
  const uint32_t id = call.Number(0);
  if (!call.ok()) return nullptr;
  const QueueRequest kept = call.sync().Fetch(id);
  return kept.error.ok() ? CopyToJs(env, kept.messages) : call.Fail(kept.error);
}

}  // namespace

napi_value CopyToJs(napi_env env, const std::byte* bytes, uint64_t length) {
  void* data = nullptr;
  napi_value buffer = nullptr;
  napi_value array = nullptr;
  if (napi_create_arraybuffer(env, length, &data, &buffer) != napi_ok) return nullptr;
  std::copy(bytes, bytes + length, static_cast<std::byte*>(data));
  napi_create_typedarray(env, napi_uint8_array, length, buffer, 0, &array);
  return array;
}

napi_value CopyToJs(napi_env env, const std::vector<Message>& messages) {
  napi_value array = nullptr;
  napi_create_array_with_length(env, messages.size(), &array);
  for (uint32_t i = 0; i < messages.size(); i += 1) {
    napi_value const bytes = CopyToJs(env, messages[i].bytes.data(), messages[i].bytes.size());
    if (bytes == nullptr) return nullptr;
    napi_set_element(env, array, i, bytes);
  }
  return array;
}

void AddGets(napi_env env, napi_value target, SyncEnv* sync) {
  AddFunctions(env, target, sync,
               {{"queueTake", Take},
                {"queueTakeMany", TakeMany},
                {"queueOverflow", Overflow},
                {"queueGetSync", GetSync},
                {"queueGetAsync", GetAsync},
                {"queueFetch", Fetch}});
}

}  // namespace mp
