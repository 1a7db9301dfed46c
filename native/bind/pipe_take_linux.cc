// Taking messages out of pipes.

#include <cerrno>

#include "bind/arriving.h"
#include "bind/pipe_call.h"

namespace mp {
namespace {

// With what it carries. A short one goes to memory that is given.
struct Received : Arriving {
  std::vector<ObjectRef> carried;
};

// Of a message that will not be decoded: its ends are handed out.
void DropWhatIsNotAskedFor(MessageSpace* space, const std::vector<ObjectRef>& carried) {
  for (const ObjectRef& ref : carried) {
    std::shared_ptr<SyncObject> object;
    if (ref.kind != ObjectKind::kPipeEnd) space->TakeReceived(ref, &object);
  }
}

// Blocks until there is something to be seen, or the call's fourth argument is over, in
// milliseconds.
class InputWait {
 public:
  SyncOutcome operator()(SyncCall* call, MessageQueue* queue) {
    if (!has_begun_) deadline_ns_ = call->Deadline(3);
    has_begun_ = true;
    QueueRequest request;
    request.kind = QueueRequest::Kind::kPoll;
    return call->ok() ? queue->RunSync(&request, deadline_ns_) : SyncOutcome::kFailed;
  }

 private:
  uint64_t deadline_ns_ = 0;
  bool has_begun_ = false;
};

struct HowToTake {
  bool wants_value = false;
  bool waits = false;
};

// From a direction, into the Uint8Array that is the second argument: as pipeTake answers.
napi_value TakeFrom(MessageQueue* queue, const HowToTake& how, SyncCall* calling) {
  SyncCall& call = *calling;
  if (queue == nullptr || !call.ok()) return nullptr;
  napi_env const env = call.env();
  napi_typedarray_type type = napi_int8_array;
  void* target = nullptr;
  size_t room = 0;
  const bool is_bytes = napi_get_typedarray_info(env, call.argument(1), &type, &room, &target,
                                                 nullptr, nullptr) == napi_ok &&
                        type == napi_uint8_array;
  if (!is_bytes) return call.Refuse("the target must be a Uint8Array");
  MessageSpace* const space = call.sync().Space().value();
  InputWait wait;
  for (;;) {
    uint64_t length = 0;
    uint32_t front = 0;
    if (!queue->FirstLength(&length, &front)) {
      SyncOutcome seen = queue->Look();
      if (seen == SyncOutcome::kPending && how.waits) seen = wait(&call, queue);
      if (seen == SyncOutcome::kDone) continue;
      if (seen == SyncOutcome::kFailed) return nullptr;
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
    if (length > room) {
      buffer = received.Expect(env, length, how.wants_value ? front : 0);
      if (buffer == nullptr) return call.Fail(Status::Failed(ENOMEM, "recv"));
    }
    const uint32_t taken =
        queue->TryTake(1, [&](const std::byte* bytes, uint64_t given, const Block& block) {
          received.Visit(bytes, given, block);
          received.carried = CarriedBy(block);
        });
    if (taken == 0) continue;
    if (!how.wants_value) DropWhatIsNotAskedFor(space, received.carried);
    napi_value message = nullptr;
    if (received.is_other || received.length > received.room ||
        (buffer != nullptr && !received.IsAsExpected())) {
      message = received.Copied(env);
    } else if (!received.front.empty()) {
      return InTwo(env, buffer, received.front);
    } else if (buffer != nullptr) {
      message = buffer;
    } else {
      message = call.Answer(static_cast<double>(received.length));
    }
    return WithEnds(&call, message, received.carried);
  }
}

// pipeTake(handle, target, wantsValue): the length of a message that is in the target; or a Buffer,
// of one that is longer; or an array of one of the two and the ends that it carried. For whoever
// wants a value, also an array of a Buffer and of what stands in front of it: a byte, or a Buffer.
// Undefined: there is none; null: there will be none.
napi_value Take(napi_env env, napi_callback_info info) {
  SyncCall call(env, info, 3);
  const bool wants_value = call.Number(2) != 0;
  return TakeFrom(InputOf(&call), {.wants_value = wants_value}, &call);
}

// pipeTakeSync(handle, target, wantsValue, timeoutMs): the same, but it blocks. Undefined: the time
// is over.
napi_value TakeSync(napi_env env, napi_callback_info info) {
  SyncCall call(env, info, 4);
  const bool wants_value = call.Number(2) != 0;
  return TakeFrom(InputOf(&call), {.wants_value = wants_value, .waits = true}, &call);
}

// pipeTakeBack(handle, target): the same of what was sent here and not taken yet. Whoever swaps the
// head has it, so a message is taken back or arrives, never both.
napi_value TakeBack(napi_env env, napi_callback_info info) {
  SyncCall call(env, info, 2);
  return TakeFrom(OutputOf(&call), {}, &call);
}

// pipeTakeCarried(handle): of the next message only what it carries, all of it open here: handle,
// kind, offset and generation of each. Undefined: there is none.
napi_value TakeCarried(napi_env env, napi_callback_info info) {
  SyncCall call(env, info, 1);
  MessageQueue* const queue = InputOf(&call);
  if (queue == nullptr) return nullptr;
  MessageSpace* const space = call.sync().Space().value();
  std::vector<ObjectRef> refs;
  const uint32_t taken = queue->TryTake(
      1, [&refs](const std::byte*, uint64_t, const Block& block) { refs = CarriedBy(block); });
  if (taken == 0) return nullptr;
  std::vector<double> numbers;
  for (const ObjectRef& ref : refs) {
    std::shared_ptr<SyncObject> object;
    if (!space->TakeReceived(ref, &object) || object == nullptr) continue;
    numbers.push_back(call.sync().Add(std::move(object)));
    numbers.push_back(static_cast<double>(ref.kind));
    numbers.push_back(static_cast<double>(ref.offset));
    numbers.push_back(static_cast<double>(ref.generation));
  }
  return AnswerNumbers(env, numbers);
}

}  // namespace

napi_value WithEnds(SyncCall* call, napi_value message, const std::vector<ObjectRef>& carried) {
  if (carried.empty()) return message;
  MessageSpace* const space = call->sync().Space().value();
  std::vector<double> numbers = {0};
  for (const ObjectRef& ref : carried) {
    if (ref.kind != ObjectKind::kPipeEnd) continue;
    std::shared_ptr<SyncObject> end;
    if (!space->TakeReceived(ref, &end) || end == nullptr) continue;
    numbers.push_back(call->sync().Add(std::move(end)));
    numbers.push_back(static_cast<double>(ref.offset));
    numbers.push_back(static_cast<double>(ref.generation));
  }
  if (numbers.size() == 1) return message;
  napi_value array = AnswerNumbers(call->env(), numbers);
  napi_set_element(call->env(), array, 0, message);
  return array;
}

void AddPipeTakes(napi_env env, napi_value target, SyncEnv* sync) {
  AddFunctions(env, target, sync,
               {{"pipeTake", Take},
                {"pipeTakeSync", TakeSync},
                {"pipeTakeBack", TakeBack},
                {"pipeTakeCarried", TakeCarried}});
}

}  // namespace mp
