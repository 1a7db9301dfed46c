// Ends of pipes, and what is put into them; pipe_take_linux.cc has what is taken. Waiting is for a
// message, or for room, and takes and puts nothing: what was waited for is asked for once more by
// whoever waited.

#include "bind/pipe_call.h"

namespace mp {
namespace {

// What is waited for, as in pollDescriptors.
constexpr uint32_t kForInput = 1;
constexpr uint32_t kForRoom = 2;
constexpr uint32_t kQuiet = 4;

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

// pipeSend(handle, bytes, carried, front, more): once. What there is no room for is not copied.
// pipeSendUntold: nobody is woken for it, which is then owed (pipeTell). Dead before that: whoever
// sees to the dead wakes the reader (MessageQueue::Recover).
template <bool kUntold>
napi_value Send(napi_env env, napi_callback_info info) {
  SyncCall call(env, info, 5);
  MessageQueue* const queue = OutputOf(&call);
  GivenMessage message;
  if (queue == nullptr || !ReadMessage(&call, &message)) return nullptr;
  // Its receiver is told of the one or of the others.
  if (!message.front.empty() && !message.carried.empty()) {
    return call.Refuse("a message in parts carries nothing in a pipe");
  }
  const SyncOutcome room = queue->LookForRoom(message.whole_length());
  if (room != SyncOutcome::kDone) return call.Answer(room);
  const BlockRef staged = StageMessage(&call, queue, message);
  if (staged == 0) return nullptr;
  Status error;
  const SyncOutcome outcome =
      kUntold ? queue->Publish(staged, &error) : queue->TryPut(staged, &error);
  if (outcome == SyncOutcome::kDone) return nullptr;
  queue->Drop({staged});
  return outcome == SyncOutcome::kFailed ? call.Fail(error) : call.Answer(outcome);
}

// pipeTell(handle): whoever waits at the other end is woken for what was sent untold.
napi_value Tell(napi_env env, napi_callback_info info) {
  SyncCall call(env, info, 1);
  MessageQueue* const queue = OutputOf(&call);
  if (queue != nullptr) queue->TellGetters(1);
  return nullptr;
}

// pipeMark(handle, number): a whole number that the other end can look at, also when this process
// is dead. One store.
napi_value Mark(napi_env env, napi_callback_info info) {
  SyncCall call(env, info, 2);
  MessageQueue* const queue = OutputOf(&call);
  const double number = call.Double(1);
  if (queue == nullptr || !call.ok()) return nullptr;
  if (!(number >= 0 && number < 0x1p53)) return call.Refuse("the mark must be a whole number");
  queue->SetMark(static_cast<uint64_t>(number));
  return nullptr;
}

// pipeMarked(handle): what the other end has marked last; 0 before.
napi_value Marked(napi_env env, napi_callback_info info) {
  SyncCall call(env, info, 1);
  MessageQueue* const queue = InputOf(&call);
  return queue == nullptr ? nullptr : call.Answer(static_cast<double>(queue->mark()));
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

// pipeLookOn(handle): whether a message has come within the time that it would take to be woken for
// it. Blocks for as long as that pays.
napi_value LookOn(napi_env env, napi_callback_info info) {
  SyncCall call(env, info, 1);
  MessageQueue* const queue = InputOf(&call);
  return queue == nullptr ? nullptr : call.Answer(queue->LookOn(UINT64_MAX));
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
                {"pipeSend", Send<false>},
                {"pipeSendUntold", Send<true>},
                {"pipeTell", Tell},
                {"pipeMark", Mark},
                {"pipeMarked", Marked},
                {"pipeLook", Look},
                {"pipeLookOn", LookOn},
                {"pipeWaitSync", WaitSync},
                {"pipeWaitAsync", WaitAsync}});
  AddPipeTakes(env, target, sync);
}

}  // namespace mp
