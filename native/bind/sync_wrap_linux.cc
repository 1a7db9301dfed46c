// Making and opening shared objects, references to them, and the segment that they are in.

#include "bind/sync_wrap.h"

#include <cstdio>

#include "bind/args.h"
#include "bind/stay_loaded.h"
#include "bind/sync_call.h"

namespace mp {
namespace {

template <typename T, typename... Arguments>
napi_value Make(SyncCall* call, Arguments... arguments) {
  const Result<MessageSpace*> space = call->sync().Space();
  if (!space.ok()) return call->Fail(space.status());
  auto made = space.value()->Make<T>(arguments...);
  if (!made.ok()) return call->Fail(made.status());
  return call->Answer(call->sync().Add(std::move(made.value())));
}

// make(kind, first, second): the number of a handle.
napi_value MakeObject(napi_env env, napi_callback_info info) {
  SyncCall call(env, info, 3);
  const uint32_t kind = call.Number(0);
  const uint32_t first = call.Number(1);
  const uint32_t second = call.Number(2);
  if (!call.ok()) return nullptr;
  switch (static_cast<ObjectKind>(kind & 0xff)) {
    case ObjectKind::kLock:
      return Make<RLock>(&call);
    case ObjectKind::kSemaphore:
      return Make<Semaphore>(&call, first, second);
    case ObjectKind::kBoundedSemaphore:
      return Make<BoundedSemaphore>(&call, first);
    case ObjectKind::kCondition:
      return Make<Condition>(&call);
    case ObjectKind::kEvent:
      return Make<Event>(&call);
    case ObjectKind::kBarrier:
      return Make<Barrier>(&call, first, second != 0);
    default:
      return call.Refuse("there is no such kind");
  }
}

// False for what cannot be a reference.
bool ReadRef(SyncCall* call, size_t first, ObjectRef* ref) {
  const uint32_t kind = call->Number(first);
  const double offset = call->Double(first + 1);
  const uint32_t generation = call->Number(first + 2);
  if (!call->ok()) return false;
  if (kind > kLastObjectKind || !(offset >= 0 && offset < 0x1p52)) return false;
  *ref = {static_cast<uint64_t>(offset), generation & kObjectGenerationMask,
          static_cast<ObjectKind>(kind)};
  return true;
}

// open(kind, offset, generation): the number of a handle. A reference that came with a message has
// landed with it; another one does now.
napi_value Open(napi_env env, napi_callback_info info) {
  SyncCall call(env, info, 3);
  ObjectRef ref;
  if (!ReadRef(&call, 0, &ref)) return call.Refuse("this is no reference");
  const Result<MessageSpace*> space = call.sync().Space();
  if (!space.ok()) return call.Fail(space.status());
  std::shared_ptr<SyncObject> received;
  const bool has_landed = space.value()->TakeReceived(ref, &received);
  if (received != nullptr) return call.Answer(call.sync().Add(std::move(received)));
  auto opened = OpenAny(space.value(), ref);
  if (!opened.ok()) return call.Fail(opened.status());
  if (!has_landed) {
    space.value()->store().Land(ref);
    MessageQueue::Landed(space.value(), ref);
  }
  return call.Answer(call.sync().Add(std::move(opened.value())));
}

napi_value Drop(napi_env env, napi_callback_info info) {
  SyncCall call(env, info, 1);
  const uint32_t index = call.Number(0);
  if (call.ok()) call.sync().Drop(index);
  return nullptr;
}

// nameOf(handle): [kind, offset, generation].
napi_value NameOf(napi_env env, napi_callback_info info) {
  SyncCall call(env, info, 1);
  const SyncEnv::Slot* const slot = call.Slot();
  if (slot == nullptr) return nullptr;
  const ObjectRef& ref = slot->object->ref();
  return AnswerNumbers(env, {static_cast<double>(ref.kind), static_cast<double>(ref.offset),
                             static_cast<double>(ref.generation)});
}

// depart(handle): [kind, offset, generation, stamp]. The object lives until the reference lands.
napi_value Depart(napi_env env, napi_callback_info info) {
  SyncCall call(env, info, 1);
  SyncEnv::Slot* const slot = call.Slot();
  if (slot == nullptr) return nullptr;
  const Result<MessageSpace*> space = call.sync().Space();
  if (!space.ok()) return call.Fail(space.status());
  const ObjectRef& ref = slot->object->ref();
  space.value()->store().Depart(ref);
  return AnswerNumbers(env, {static_cast<double>(ref.kind), static_cast<double>(ref.offset),
                             static_cast<double>(ref.generation),
                             static_cast<double>(space.value()->stamp().packed())});
}

// recall([kind, offset, generation, stamp]): it will not arrive.
napi_value Recall(const Napi::CallbackInfo& info) {
  const Napi::Env env = info.Env();
  double numbers[4] = {};
  if (!info[0].IsArray()) {
    napi_throw_type_error(env, "ERR_MP_INVALID_ARGUMENT", "this is no reference");
    return env.Undefined();
  }
  const auto array = info[0].As<Napi::Array>();
  for (uint32_t i = 0; i < 4; i += 1) {
    const Napi::Value number = array.Get(i);
    if (number.IsNumber()) numbers[i] = number.As<Napi::Number>().DoubleValue();
    if (!(numbers[i] >= 0 && numbers[i] < 0x1p52)) return env.Undefined();
  }
  const auto kind = static_cast<uint64_t>(numbers[0]);
  if (kind > kLastObjectKind) return env.Undefined();
  const ObjectRef ref{
      static_cast<uint64_t>(numbers[1]),
      static_cast<uint32_t>(static_cast<uint64_t>(numbers[2])) & kObjectGenerationMask,
      static_cast<ObjectKind>(kind)};
  static_cast<SyncEnv*>(info.Data())
      ->Land(ref, static_cast<uint32_t>(static_cast<uint64_t>(numbers[3])));
  return env.Undefined();
}

// session(): by which references are told apart; undefined while this process uses no segment.
napi_value Session(napi_env env, napi_callback_info info) {
  const SyncCall call(env, info, 1);
  const auto segment = TreeSegment::Existing();
  if (segment == nullptr) return nullptr;
  char text[33];
  std::snprintf(text, sizeof text, "%016llx%016llx",
                static_cast<unsigned long long>(segment->header().session[0]),
                static_cast<unsigned long long>(segment->header().session[1]));
  napi_value value = nullptr;
  napi_create_string_latin1(env, text, 32, &value);
  return value;
}

napi_value GiveUp(SyncCall call, bool expired) {
  const uint32_t id = call.Number(0);
  if (!call.ok()) return nullptr;
  SyncOutcome outcome = SyncOutcome::kTimedOut;
  uint32_t index = 0;
  call.sync().Cancel(id, expired, &outcome, &index);
  // A barrier is broken by this very wait, unless somebody else was faster.
  if (outcome == SyncOutcome::kBroken) outcome = SyncOutcome::kTimedOut;
  return call.Answer(SyncCall::WithIndex(outcome, index));
}
napi_value Cancel(napi_env env, napi_callback_info info) {
  return GiveUp(SyncCall(env, info, 1), false);
}
napi_value Expire(napi_env env, napi_callback_info info) {
  return GiveUp(SyncCall(env, info, 1), true);
}

napi_value Reap(napi_env env, napi_callback_info info) {
  const SyncCall call(env, info, 1);
  return call.Answer(call.sync().Reap().recovered);
}

// bellArm(): this thread is about to block on the descriptor that it answers, and looks once more
// at what it waits for before it does.
napi_value ArmBell(napi_env env, napi_callback_info info) {
  SyncCall call(env, info, 1);
  const Result<MessageSpace*> space = call.sync().Space();
  if (!space.ok()) return call.Fail(space.status());
  Participant& self = space.value()->participant();
  const Result<int> bell = self.Doorbell();
  if (!bell.ok()) return call.Fail(bell.status());
  self.ArmDoorbell();
  return call.Answer(static_cast<uint32_t>(bell.value()));
}

// bellDisarm(): it has blocked, or need not.
napi_value DisarmBell(napi_env env, napi_callback_info info) {
  SyncCall call(env, info, 1);
  const Result<MessageSpace*> space = call.sync().Space();
  if (!space.ok()) return call.Fail(space.status());
  space.value()->participant().DisarmDoorbell();
  return nullptr;
}

// segmentFd(): the descriptor for a spawned child.
napi_value SegmentFd(napi_env env, napi_callback_info info) {
  SyncCall call(env, info, 1);
  const Result<int> fd = TreeSegment::Descriptor();
  if (!fd.ok()) return call.Fail(fd.status());
  StayLoaded();
  return call.Answer(static_cast<uint32_t>(fd.value()));
}

void AdoptSegment(const Napi::CallbackInfo& info) {
  Args args(info);
  const int fd = args.Descriptor(0, "fd");
  if (args.ok()) TreeSegment::Adopt(UniqueFd(fd));
}

void Listen(const Napi::CallbackInfo& info) {
  Args args(info);
  const Napi::Function callback = args.Function(0, "callback");
  if (!args.ok()) return;
  const bool fits = info[1].IsTypedArray() &&
                    info[1].As<Napi::TypedArray>().TypedArrayType() == napi_int32_array &&
                    info[1].As<Napi::TypedArray>().ElementLength() >= 3;
  if (!fits) {
    napi_throw_type_error(info.Env(), "ERR_MP_INVALID_ARGUMENT",
                          "results must be an Int32Array with room for one");
    return;
  }
  static_cast<SyncEnv*>(info.Data())->SetListener(callback, info[1].As<Napi::Int32Array>());
}

}  // namespace

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

void InitSync(Napi::Env env, Napi::Object exports) {
  SyncEnv* const sync = SyncEnv::Create(env);
  Napi::Object target = Napi::Object::New(env);
  AddFunctions(env, target, sync,
               {{"make", MakeObject},
                {"open", Open},
                {"drop", Drop},
                {"nameOf", NameOf},
                {"depart", Depart},
                {"session", Session},
                {"cancel", Cancel},
                {"expire", Expire},
                {"reap", Reap},
                {"bellArm", ArmBell},
                {"bellDisarm", DisarmBell},
                {"segmentFd", SegmentFd}});
  target.Set("recall", Napi::Function::New(env, Recall, "recall", sync));
  target.Set("listen", Napi::Function::New(env, Listen, "listen", sync));
  target.Set("adoptSegment", Napi::Function::New(env, AdoptSegment, "adoptSegment", sync));
  AddLocks(env, target, sync);
  AddSemaphores(env, target, sync);
  AddConditionsAndEvents(env, target, sync);
  AddBarriers(env, target, sync);
  AddQueues(env, target, sync);
  AddPipes(env, target, sync);
  exports.Set("sync", target);
}

}  // namespace mp
