// Queues: making them, and all that neither puts nor gets.

#include "bind/queue_call.h"

namespace mp {
namespace {

// queueMake(maxSize, maxBytes, onConsumerDied): the number of a handle.
napi_value Make(napi_env env, napi_callback_info info) {
  SyncCall call(env, info, 3);
  const double max_size = call.Double(0);
  const double max_bytes = call.Double(1);
  const uint32_t on_consumer_died = call.Number(2);
  if (!call.ok()) return nullptr;
  const auto fits = [](double bound) { return bound >= 0 && bound < 0x1p53; };
  if (!fits(max_size) || !fits(max_bytes)) return call.Refuse("a bound must be zero or more");
  const Result<MessageSpace*> space = call.sync().Space();
  if (!space.ok()) return call.Fail(space.status());
  auto made = space.value()->Make<MessageQueue>(
      QueueShape{static_cast<uint64_t>(max_size), static_cast<uint64_t>(max_bytes),
                 static_cast<OnConsumerDied>(on_consumer_died)});
  if (!made.ok()) return call.Fail(made.status());
  return call.Answer(call.sync().Add(std::move(made.value())));
}

// queueShape(handle): what it was made with.
napi_value Shape(napi_env env, napi_callback_info info) {
  SyncCall call(env, info, 1);
  auto* const queue = call.Object<MessageQueue>();
  if (!call.ok()) return nullptr;
  const QueueShape shape = queue->shape();
  const double numbers[] = {static_cast<double>(shape.max_size),
                            static_cast<double>(shape.max_bytes),
                            static_cast<double>(shape.on_consumer_died)};
  napi_value array = nullptr;
  napi_create_array_with_length(env, 3, &array);
  for (uint32_t i = 0; i < 3; i += 1) napi_set_element(env, array, i, call.Answer(numbers[i]));
  return array;
}

// queueBuffers(bytes, lengths, scratch, scratchLengths): see queue_buffers.h.
void SetBuffers(const Napi::CallbackInfo& info) {
  const auto is_array = [&](size_t index, napi_typedarray_type type) {
    return info[index].IsTypedArray() &&
           info[index].As<Napi::TypedArray>().TypedArrayType() == type &&
           info[index].As<Napi::TypedArray>().ElementLength() > 0;
  };
  const auto are_buffers = [&](size_t index) {
    return is_array(index, napi_uint8_array) && is_array(index + 1, napi_int32_array);
  };
  if (!are_buffers(0) || !are_buffers(2)) {
    napi_throw_type_error(info.Env(), "ERR_MP_INVALID_ARGUMENT",
                          "buffers must be a Uint8Array and an Int32Array each");
    return;
  }
  QueueBuffers& buffers = static_cast<SyncEnv*>(info.Data())->buffers();
  buffers.Set(info[0].As<Napi::Uint8Array>(), info[1].As<Napi::Int32Array>());
  buffers.scratch.Set(info[2].As<Napi::Uint8Array>(), info[3].As<Napi::Int32Array>());
}

// Whether a get would not wait.
napi_value Look(napi_env env, napi_callback_info info) {
  SyncCall call(env, info, 1);
  auto* const queue = call.Object<MessageQueue>();
  return call.ok() ? call.Answer(queue->Look()) : nullptr;
}

napi_value WaitSyncFor(SyncCall call, QueueRequest::Kind kind) {
  auto* const queue = call.Object<MessageQueue>();
  const uint64_t deadline = call.Deadline(1);
  if (!call.ok()) return nullptr;
  QueueRequest request;
  request.kind = kind;
  return call.Answer(queue->RunSync(&request, deadline));
}

napi_value WaitAsyncFor(SyncCall call, QueueRequest::Kind kind) {
  auto* const queue = call.Object<MessageQueue>();
  if (!call.ok()) return nullptr;
  QueueWaiter* const waiter = call.sync().NextWaiter();
  waiter->wanted.kind = kind;
  const SyncOutcome outcome = queue->RunAsync(waiter);
  return outcome == SyncOutcome::kPending ? call.Enlist(*call.Slot()) : call.Answer(outcome);
}

napi_value PollSync(napi_env env, napi_callback_info info) {
  return WaitSyncFor(SyncCall(env, info, 2), QueueRequest::Kind::kPoll);
}
napi_value PollAsync(napi_env env, napi_callback_info info) {
  return WaitAsyncFor(SyncCall(env, info, 1), QueueRequest::Kind::kPoll);
}
napi_value JoinSync(napi_env env, napi_callback_info info) {
  return WaitSyncFor(SyncCall(env, info, 2), QueueRequest::Kind::kJoin);
}
napi_value JoinAsync(napi_env env, napi_callback_info info) {
  return WaitAsyncFor(SyncCall(env, info, 1), QueueRequest::Kind::kJoin);
}

napi_value Size(napi_env env, napi_callback_info info) {
  SyncCall call(env, info, 1);
  auto* const queue = call.Object<MessageQueue>();
  return call.ok() ? call.Answer(static_cast<double>(queue->Size())) : nullptr;
}

napi_value Unfinished(napi_env env, napi_callback_info info) {
  SyncCall call(env, info, 1);
  auto* const queue = call.Object<MessageQueue>();
  return call.ok() ? call.Answer(static_cast<double>(queue->Unfinished())) : nullptr;
}

napi_value Abandoned(napi_env env, napi_callback_info info) {
  SyncCall call(env, info, 1);
  auto* const queue = call.Object<MessageQueue>();
  return call.ok() ? call.Answer(static_cast<double>(queue->Abandoned())) : nullptr;
}

napi_value TaskDone(napi_env env, napi_callback_info info) {
  SyncCall call(env, info, 1);
  auto* const queue = call.Object<MessageQueue>();
  return call.ok() ? call.AnswerUnless(!queue->TaskDone()) : nullptr;
}

napi_value CloseSide(napi_env env, napi_callback_info info) {
  SyncCall call(env, info, 1);
  auto* const queue = call.Object<MessageQueue>();
  if (call.ok()) queue->CloseSide();
  return nullptr;
}

// queueLeave(handle): this process is no party to it, until the handle is used.
napi_value Leave(napi_env env, napi_callback_info info) {
  SyncCall call(env, info, 1);
  const uint32_t index = call.Number(0);
  if (call.ok()) call.sync().LeaveQueue(index);
  return nullptr;
}

napi_value Closed(napi_env env, napi_callback_info info) {
  SyncCall call(env, info, 1);
  auto* const queue = call.Object<MessageQueue>();
  return call.ok() ? call.Answer(queue->closed()) : nullptr;
}

// queueTrim(): how many units of the arena are still this thread's.
napi_value Trim(napi_env env, napi_callback_info info) {
  SyncCall call(env, info, 1);
  const Result<MessageSpace*> space = call.sync().Space();
  if (!space.ok()) return call.Answer(0.0);
  space.value()->Trim();
  return call.Answer(static_cast<double>(space.value()->pool().UnitsHeld()));
}

}  // namespace

void AddQueues(napi_env env, napi_value target, SyncEnv* sync) {
  AddFunctions(env, target, sync,
               {{"queueMake", Make},
                {"queueShape", Shape},
                {"queueLook", Look},
                {"queuePollSync", PollSync},
                {"queuePollAsync", PollAsync},
                {"queueJoinSync", JoinSync},
                {"queueJoinAsync", JoinAsync},
                {"queueSize", Size},
                {"queueUnfinished", Unfinished},
                {"queueAbandoned", Abandoned},
                {"queueTaskDone", TaskDone},
                {"queueCloseSide", CloseSide},
                {"queueLeave", Leave},
                {"queueClosed", Closed},
                {"queueTrim", Trim}});
  Napi::Object(env, target)
      .Set("queueBuffers", Napi::Function::New(env, SetBuffers, "queueBuffers", sync));
  AddPuts(env, target, sync);
  AddGets(env, target, sync);
  AddLoans(env, target, sync);
}

}  // namespace mp
