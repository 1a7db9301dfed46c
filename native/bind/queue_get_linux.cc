// Getting messages. What is there, or is blocked for, is copied into the buffers that JavaScript
// has given (see queue_buffers.h); what an event loop has waited for comes in arrays of its own.

#include <algorithm>
#include <cerrno>
#include <utility>

#include "bind/arriving.h"
#include "bind/queue_call.h"
#include "os/heap.h"
#include "queues/loan.h"

namespace mp {
namespace {

// From here on glibc would have the kernel give new pages for each array.
constexpr uint64_t kLongArray = 128 * 1024;

// To copy so much once more costs less than an array of its own.
constexpr uint64_t kBrief = 4096;

// An event loop may have other things to do.
constexpr uint64_t kBriefNs = 8'000;

// How long somebody looks for messages, and how many are wanted.
struct Patience {
  uint32_t most = 1;
  bool behind_others = false;
  bool looks_briefly = false;
  bool waits = false;
  uint64_t deadline_ns = 0;
};

// Into the buffers. kDone with nothing taken: the first message is too long for them.
SyncOutcome TakeInto(QueueBuffers* buffers, MessageQueue* queue, const Patience& patience,
                     uint32_t* taken) {
  QueueRequest request;
  request.kind = QueueRequest::Kind::kGet;
  request.most = patience.most;
  request.target = buffers;
  buffers->Begin();
  SyncOutcome outcome = queue->TakeOnce(&request);
  if (outcome == SyncOutcome::kPending && patience.waits) {
    outcome = queue->RunSync(&request, patience.deadline_ns);
  } else if (outcome == SyncOutcome::kPending && patience.looks_briefly &&
             queue->LookOn(kBriefNs)) {
    outcome = queue->TakeOnce(&request);
  }
  *taken = request.taken;
  buffers->FillUpTo(request.taken);
  buffers->overflow = std::move(request.messages);
  return outcome;
}

// A message that is longer than the buffer or comes in two, in an array that is made before it is
// taken: when there is no memory for it nothing was taken. With its front beside it, if it has one:
// what follows needs no further copy. Null without an error: it was somebody else's after all.
napi_value TakeLong(SyncCall* call, MessageQueue* queue) {
  uint64_t length = 0;
  uint32_t front = 0;
  if (!queue->FirstLength(&length, &front)) return nullptr;
  napi_env const env = call->env();
  Arriving arriving;
  napi_value const buffer = arriving.Expect(env, length, front);
  if (buffer == nullptr) return call->Fail(Status::Failed(ENOMEM, "Get"));
  const auto visit = [&](const std::byte* bytes, uint64_t given, const Block& block) {
    arriving.Visit(bytes, given, block);
  };
  if (queue->TryTake(1, visit) == 0) return nullptr;
  if (!arriving.IsAsExpected()) return arriving.Copied(env);
  return front == 0 ? buffer : InTwo(env, buffer, arriving.front);
}

napi_value TakeOne(SyncCall* call, MessageQueue* queue, const Patience& patience) {
  if (patience.behind_others && queue->HasWaitersHere(QueueRequest::Kind::kGet)) {
    return AnswerSigned(call->env(), kEmpty);
  }
  QueueBuffers& buffers = call->sync().buffers();
  for (;;) {
    uint32_t taken = 0;
    const SyncOutcome outcome = TakeInto(&buffers, queue, patience, &taken);
    if (outcome != SyncOutcome::kDone) return AnswerNothing(call, outcome);
    if (taken > 0) {
      const int32_t length = buffers.LengthOf(0);
      if (length >= 0) return AnswerSigned(call->env(), length);
      napi_value one = CopyToJs(call, std::exchange(buffers.overflow, {}));
      if (one != nullptr) napi_get_element(call->env(), one, 0, &one);
      return one;
    }
    napi_value answer = TakeLong(call, queue);
    if (answer != nullptr || !call->ok()) return answer;
  }
}

napi_value TakeSeveral(SyncCall* call, MessageQueue* queue, Patience patience, double max) {
  if (!(max >= 1)) return call->Refuse("the most must be at least 1");
  if (patience.behind_others && queue->HasWaitersHere(QueueRequest::Kind::kGet)) {
    return AnswerSigned(call->env(), kEmpty);
  }
  QueueBuffers& buffers = call->sync().buffers();
  if (buffers.most() == 0) return call->Refuse("there are no buffers");
  patience.most = max < buffers.most() ? static_cast<uint32_t>(max) : buffers.most();
  for (;;) {
    uint32_t taken = 0;
    const SyncOutcome outcome = TakeInto(&buffers, queue, patience, &taken);
    if (outcome != SyncOutcome::kDone) return AnswerNothing(call, outcome);
    if (taken > 0) return AnswerSigned(call->env(), static_cast<int32_t>(taken));
    napi_value answer = TakeLong(call, queue);
    if (answer != nullptr || !call->ok()) return answer;
  }
}

// A request says whether to stand behind those who wait here: who does would wait too.
Patience ForRequest(bool behind_others) {
  return {.behind_others = behind_others, .looks_briefly = behind_others};
}

// queueTake(request): the length of a message that is in the buffer, -1 for none, -2 for none ever,
// or an array with it.
napi_value Take(napi_env env, napi_callback_info info) {
  SyncCall call(env, info, 1);
  const auto [queue, behind_others] = QueueOf(&call);
  return queue == nullptr ? nullptr : TakeOne(&call, queue, ForRequest(behind_others));
}

// queueTakeMany(request, max): how many messages are in the buffer, or -1 or -2. About as many as
// fit, judging by the first; when that does not, it alone, as by queueTake.
napi_value TakeMany(napi_env env, napi_callback_info info) {
  SyncCall call(env, info, 2);
  const auto [queue, behind_others] = QueueOf(&call);
  const double max = call.Double(1);
  if (queue == nullptr || !call.ok()) return nullptr;
  return TakeSeveral(&call, queue, ForRequest(behind_others), max);
}

// queueTakeSync(handle, timeoutMs): as queueTake, but it waits. -1: in vain.
napi_value TakeSync(napi_env env, napi_callback_info info) {
  SyncCall call(env, info, 2);
  auto* const queue = call.Object<MessageQueue>();
  const Patience patience{.waits = true, .deadline_ns = call.Deadline(1)};
  return call.ok() ? TakeOne(&call, queue, patience) : nullptr;
}

// queueTakeManySync(handle, max, timeoutMs): as queueTakeMany, but it waits for the first.
napi_value TakeManySync(napi_env env, napi_callback_info info) {
  SyncCall call(env, info, 3);
  auto* const queue = call.Object<MessageQueue>();
  const double max = call.Double(1);
  const Patience patience{.waits = true, .deadline_ns = call.Deadline(2)};
  return call.ok() ? TakeSeveral(&call, queue, patience, max) : nullptr;
}

// queueOverflow(): the messages of the last queueTakeMany in whose place there is a -1: they did
// not fit, or come in two.
napi_value Overflow(napi_env env, napi_callback_info info) {
  SyncCall call(env, info, 1);
  return CopyToJs(&call, std::exchange(call.sync().buffers().overflow, {}));
}

bool ReadMost(SyncCall* call, QueueRequest* request) {
  const double most = call->Double(1);
  if (call->ok() && !(most >= 1)) call->Refuse("the most must be at least 1");
  request->kind = QueueRequest::Kind::kGet;
  request->most = most < kMostAtOnce ? static_cast<uint32_t>(most) : kMostAtOnce;
  return call->ok();
}

napi_value AnswerGet(SyncCall* call, const QueueRequest& request, SyncOutcome outcome) {
  return outcome == SyncOutcome::kDone ? CopyToJs(call, request.messages) : call->Answer(outcome);
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

// False with nothing of use in the buffers: they are not for long messages, nor for so many.
bool CopyInto(QueueBuffers* buffers, const std::vector<Message>& messages) {
  buffers->Begin();
  return messages.size() <= buffers->most() &&
         std::all_of(messages.begin(), messages.end(), [&](const Message& message) {
           return message.lent.bytes == nullptr && message.bytes.size() <= kBrief &&
                  buffers->Add(message.bytes.data(), message.bytes.size());
         });
}

// queueFetch(wait, into): what a wait was served with; how many messages, if `into` the buffers is
// not 0 and all of them are brief. Throws why a put has failed.
napi_value Fetch(napi_env env, napi_callback_info info) {
  SyncCall call(env, info, 2);
  const uint32_t id = call.Number(0);
  const bool into = call.Number(1) != 0;
  if (!call.ok()) return nullptr;
  const QueueRequest kept = call.sync().Fetch(id);
  if (!kept.error.ok()) return call.Fail(kept.error);
  if (into && CopyInto(&call.sync().buffers(), kept.messages)) {
    return call.Answer(static_cast<uint32_t>(kept.messages.size()));
  }
  return CopyToJs(&call, kept.messages);
}

}  // namespace

napi_value InTwo(napi_env env, napi_value rest, std::span<const std::byte> front) {
  napi_value array = nullptr;
  napi_value before = nullptr;
  if (front.size() == 1) {
    napi_create_uint32(env, static_cast<uint32_t>(front[0]), &before);
  } else {
    before = CopyToJs(env, front.data(), front.size());
  }
  if (before == nullptr) return nullptr;
  napi_create_array_with_length(env, 2, &array);
  napi_set_element(env, array, 0, rest);
  napi_set_element(env, array, 1, before);
  return array;
}

napi_value NewBytes(napi_env env, uint64_t length, std::byte** bytes) {
  if (length >= kLongArray) KeepFreedMemory();
  void* data = nullptr;
  napi_value buffer = nullptr;
  if (napi_create_buffer(env, length, &data, &buffer) != napi_ok) return nullptr;
  *bytes = static_cast<std::byte*>(data);
  return buffer;
}

napi_value CopyToJs(napi_env env, const std::byte* bytes, uint64_t length) {
  std::byte* data = nullptr;
  napi_value const buffer = NewBytes(env, length, &data);
  if (buffer != nullptr) std::copy(bytes, bytes + length, data);
  return buffer;
}

namespace {

napi_value ToJs(napi_env env, const Message& message) {
  std::span<const std::byte> bytes = message.bytes;
  if (message.lent.bytes != nullptr) bytes = {message.lent.bytes, message.lent.length};
  const auto front = bytes.first(message.front);
  bytes = bytes.subspan(front.size());
  napi_value const rest = CopyToJs(env, bytes.data(), bytes.size());
  return rest == nullptr || front.empty() ? rest : InTwo(env, rest, front);
}

}  // namespace

napi_value CopyToJs(SyncCall* call, const std::vector<Message>& messages) {
  napi_env const env = call->env();
  const Result<MessageSpace*> joined = call->sync().Space();
  MessageSpace* const space = joined.ok() ? joined.value() : nullptr;
  napi_value array = nullptr;
  napi_create_array_with_length(env, messages.size(), &array);
  bool made = true;
  for (uint32_t i = 0; i < messages.size(); i += 1) {
    napi_value const message = made ? ToJs(env, messages[i]) : nullptr;
    made = message != nullptr;
    if (made) napi_set_element(env, array, i, message);
    if (messages[i].lent.bytes != nullptr) GiveBack(space, messages[i].lent);
  }
  if (made) return array;
  bool thrown = false;
  napi_is_exception_pending(env, &thrown);
  return thrown ? nullptr : call->Fail(Status::Failed(ENOMEM, "Get"));
}

void AddGets(napi_env env, napi_value target, SyncEnv* sync) {
  AddFunctions(env, target, sync,
               {{"queueTake", Take},
                {"queueTakeMany", TakeMany},
                {"queueTakeSync", TakeSync},
                {"queueTakeManySync", TakeManySync},
                {"queueOverflow", Overflow},
                {"queueGetSync", GetSync},
                {"queueGetAsync", GetAsync},
                {"queueFetch", Fetch}});
}

}  // namespace mp
