// Ends of pipes. Waiting is for a message, or for room, and takes and puts nothing: what was waited
// for is asked for once more by whoever waited.

#include <algorithm>
#include <cerrno>

#include "bind/queue_call.h"
#include "queues/pipe_end.h"

namespace mp {
namespace {

// What is waited for, as in pollDescriptors.
constexpr uint32_t kForInput = 1;
constexpr uint32_t kForRoom = 2;
constexpr uint32_t kQuiet = 4;

napi_value AnswerNumbers(napi_env env, const std::vector<double>& numbers) {
  napi_value array = nullptr;
  napi_create_array_with_length(env, numbers.size(), &array);
  for (uint32_t i = 0; i < numbers.size(); i += 1) {
    napi_value number = nullptr;
    napi_create_double(env, numbers[i], &number);
    napi_set_element(env, array, i, number);
  }
  return array;
}

// The queue of one direction, or null with an error thrown.
MessageQueue* InputOf(SyncCall* call) {
  auto* const end = call->Object<PipeEnd>();
  if (end == nullptr) return nullptr;
  if (end->in() == nullptr) call->Refuse("this end does not read");
  return end->in();
}
MessageQueue* OutputOf(SyncCall* call) {
  auto* const end = call->Object<PipeEnd>();
  if (end == nullptr) return nullptr;
  if (end->out() == nullptr) call->Refuse("this end does not write");
  return end->out();
}

// pipeMake(duplex): the numbers of two handles, left and right.
napi_value Make(napi_env env, napi_callback_info info) {
  SyncCall call(env, info, 1);
  const uint32_t duplex = call.Number(0);
  if (!call.ok()) return nullptr;
  const Result<MessageSpace*> space = call.sync().Space();
  if (!space.ok()) return call.Fail(space.status());
  auto made = PipeEnd::MakePair(space.value(), duplex != 0);
  if (!made.ok()) return call.Fail(made.status());
  const uint32_t left = call.sync().Add(std::move(made.value().left));
  const uint32_t right = call.sync().Add(std::move(made.value().right));
  return AnswerNumbers(env, {static_cast<double>(left), static_cast<double>(right)});
}

// pipeShare(handle): another handle on the same end.
napi_value Share(napi_env env, napi_callback_info info) {
  SyncCall call(env, info, 1);
  if (call.Object<PipeEnd>() == nullptr) return nullptr;
  return call.Answer(call.sync().Add(call.Slot()->object));
}

// pipeName(handle): [offset, generation].
napi_value Name(napi_env env, napi_callback_info info) {
  SyncCall call(env, info, 1);
  auto* const end = call.Object<PipeEnd>();
  if (end == nullptr) return nullptr;
  const ObjectRef& ref = end->ref();
  return AnswerNumbers(env, {static_cast<double>(ref.offset), static_cast<double>(ref.generation)});
}

// pipeSend(handle, bytes, carried): once. What there is no room for is not copied.
napi_value Send(napi_env env, napi_callback_info info) {
  SyncCall call(env, info, 3);
  MessageQueue* const queue = OutputOf(&call);
  GivenMessage message;
  if (queue == nullptr || !ReadMessage(&call, &message)) return nullptr;
  const SyncOutcome room = queue->LookForRoom(message.length);
  if (room != SyncOutcome::kDone) return call.Answer(room);
  const BlockRef staged = StageMessage(&call, queue, message);
  if (staged == 0) return nullptr;
  Status error;
  const SyncOutcome outcome = queue->TryPut(staged, &error);
  if (outcome == SyncOutcome::kDone) return nullptr;
  queue->Drop({staged});
  return outcome == SyncOutcome::kFailed ? call.Fail(error) : call.Answer(outcome);
}

// A message that was taken, on its way to JavaScript.
struct Received {
  std::byte* target = nullptr;  // in the given memory, or in a Buffer
  uint64_t room = 0;
  uint64_t length = 0;
  std::vector<std::byte> longer;  // than what was first there
  std::vector<std::shared_ptr<SyncObject>> ends;

  // Ends are open here before the message is out of the queue: dead in here, they close, or the
  // message goes back.
  void Visit(MessageSpace* space, const std::byte* bytes, uint64_t given, const Block& block) {
    length = given;
    if (given <= room) {
      std::copy(bytes, bytes + given, target);
    } else {
      longer.assign(bytes, bytes + given);
    }
    for (const ObjectRef& ref : CarriedBy(block)) {
      if (ref.kind != ObjectKind::kPipeEnd) continue;
      auto opened = OpenAny(space, ref);
      if (opened.ok()) ends.push_back(std::move(opened.value()));
    }
  }
};

// With the ends that came along: handle, offset and generation of each behind it.
napi_value WithEnds(SyncCall* call, MessageSpace* space, napi_value message, Received* received) {
  if (received->ends.empty()) return message;
  std::vector<double> numbers = {0};
  for (auto& end : received->ends) {
    const ObjectRef ref = end->ref();
    space->store().Land(ref);
    numbers.push_back(call->sync().Add(std::move(end)));
    numbers.push_back(static_cast<double>(ref.offset));
    numbers.push_back(static_cast<double>(ref.generation));
  }
  napi_value array = AnswerNumbers(call->env(), numbers);
  napi_set_element(call->env(), array, 0, message);
  return array;
}

// pipeTake(handle, target): the length of a message that is in the target; or a Buffer, of one that
// is longer; or an array of one of the two and the ends that it carried. Undefined: there is none;
// null: there will be none.
napi_value Take(napi_env env, napi_callback_info info) {
  SyncCall call(env, info, 2);
  MessageQueue* const queue = InputOf(&call);
  if (queue == nullptr) return nullptr;
  napi_typedarray_type type = napi_int8_array;
  void* target = nullptr;
  size_t room = 0;
  const bool is_bytes = napi_get_typedarray_info(env, call.argument(1), &type, &room, &target,
                                                 nullptr, nullptr) == napi_ok &&
                        type == napi_uint8_array;
  if (!is_bytes) return call.Refuse("the target must be a Uint8Array");
  MessageSpace* const space = call.sync().Space().value();
  for (;;) {
    uint64_t length = 0;
    if (!queue->FirstLength(&length)) {
      const SyncOutcome seen = queue->Look();
      if (seen == SyncOutcome::kDone) continue;
      if (seen == SyncOutcome::kForeign) return call.Answer(seen);
      napi_value none = nullptr;
      if (seen == SyncOutcome::kClosed) napi_get_null(env, &none);
      return none;
    }
    Received received;
    received.target = static_cast<std::byte*>(target);
    received.room = room;
    // Made before the message is taken: when there is no memory for it, it stays where it is.
    napi_value buffer = nullptr;
    void* data = nullptr;
    if (length > room) {
      if (napi_create_buffer(env, length, &data, &buffer) != napi_ok) {
        return call.Fail(Status::Failed(ENOMEM, "recv"));
      }
      received.target = static_cast<std::byte*>(data);
      received.room = length;
    }
    const uint32_t taken =
        queue->TryTake(1, [&](const std::byte* bytes, uint64_t given, const Block& block) {
          received.Visit(space, bytes, given, block);
        });
    if (taken == 0) continue;
    napi_value message = nullptr;
    if (received.length > received.room || (buffer != nullptr && received.length < length)) {
      // Somebody else has taken the one that was looked at.
      const std::byte* const from =
          received.longer.empty() ? received.target : received.longer.data();
      napi_create_buffer_copy(env, received.length, from, nullptr, &message);
    } else if (buffer != nullptr) {
      message = buffer;
    } else {
      message = call.Answer(static_cast<double>(received.length));
    }
    return WithEnds(&call, space, message, &received);
  }
}

// pipeLook(handle): whether a take would have an answer, the end included.
napi_value Look(napi_env env, napi_callback_info info) {
  SyncCall call(env, info, 1);
  MessageQueue* const queue = InputOf(&call);
  if (queue == nullptr) return nullptr;
  const SyncOutcome seen = queue->Look();
  if (seen == SyncOutcome::kForeign) return call.Answer(seen);
  return call.Answer(seen != SyncOutcome::kPending);
}

// The second argument says for what, the third how long the message is that there should be room
// for.
MessageQueue* ReadWait(SyncCall* call, QueueRequest* request) {
  const uint32_t what = call->Number(1) & ~kQuiet;
  const double length = call->Double(2);
  if (!call->ok()) return nullptr;
  request->kind = what == kForRoom ? QueueRequest::Kind::kRoom : QueueRequest::Kind::kPoll;
  request->length = length >= 0 && length < 0x1p53 ? static_cast<uint64_t>(length) : 0;
  if (what == kForRoom) return OutputOf(call);
  if (what == kForInput) return InputOf(call);
  call->Refuse("there is nothing else to wait for");
  return nullptr;
}

// pipeWaitSync(handle, events, length, timeoutMs): an outcome.
napi_value WaitSync(napi_env env, napi_callback_info info) {
  SyncCall call(env, info, 4);
  QueueRequest request;
  MessageQueue* const queue = ReadWait(&call, &request);
  const uint64_t deadline = queue == nullptr ? 0 : call.Deadline(3);
  return call.ok() ? call.Answer(queue->RunSync(&request, deadline)) : nullptr;
}

// pipeWaitAsync(handle, events, length): an outcome, or minus the number of a wait. A quiet one
// keeps no event loop alive.
napi_value WaitAsync(napi_env env, napi_callback_info info) {
  SyncCall call(env, info, 3);
  QueueWaiter* const waiter = call.sync().NextWaiter();
  MessageQueue* const queue = ReadWait(&call, &waiter->wanted);
  if (queue == nullptr) return nullptr;
  const bool quiet = (call.Number(1) & kQuiet) != 0;
  const SyncOutcome outcome = queue->RunAsync(waiter);
  return outcome == SyncOutcome::kPending ? call.Enlist(*call.Slot(), quiet) : call.Answer(outcome);
}

}  // namespace

void AddPipes(napi_env env, napi_value target, SyncEnv* sync) {
  AddFunctions(env, target, sync,
               {{"pipeMake", Make},
                {"pipeShare", Share},
                {"pipeName", Name},
                {"pipeSend", Send},
                {"pipeTake", Take},
                {"pipeLook", Look},
                {"pipeWaitSync", WaitSync},
                {"pipeWaitAsync", WaitAsync}});
}

}  // namespace mp
