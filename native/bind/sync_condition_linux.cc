// Conditions and events.

#include "bind/sync_call.h"

namespace mp {
namespace {

napi_value ConditionAsync(napi_env env, napi_callback_info info) {
  SyncCall call(env, info, 1);
  auto* const condition = call.Object<Condition>();
  if (!call.ok()) return nullptr;
  return call.WaitAsync(*call.Slot(),
                        [&](AsyncWaiter* waiter) { return condition->WaitAsync(waiter); });
}

napi_value ConditionSync(napi_env env, napi_callback_info info) {
  SyncCall call(env, info, 3);
  auto* const condition = call.Object<Condition>();
  napi_valuetype type = napi_undefined;
  napi_typeof(env, call.argument(1), &type);
  if (type != napi_function) return call.Refuse("release must be a function");
  const uint64_t deadline = call.Deadline(2);
  if (!call.ok()) return nullptr;
  // JavaScript runs in between, and may drop the handle.
  const std::shared_ptr<SyncObject> kept = call.Slot()->object;
  bool threw = false;
  const SyncOutcome outcome = condition->WaitSync(deadline, [&] {
    napi_value global = nullptr;
    napi_get_global(env, &global);
    threw = napi_call_function(env, global, call.argument(1), 0, nullptr, nullptr) != napi_ok;
    return !threw;
  });
  return threw ? nullptr : call.Answer(outcome);
}

napi_value Notify(napi_env env, napi_callback_info info) {
  SyncCall call(env, info, 2);
  auto* const condition = call.Object<Condition>();
  const double count = call.Double(1);
  if (!call.ok()) return nullptr;
  // Infinity, and everything that does not fit, is all.
  const bool all = !(count < Condition::kAll);
  return call.Answer(condition->Notify(all         ? Condition::kAll
                                       : count > 0 ? static_cast<uint32_t>(count)
                                                   : 0));
}

napi_value SetEvent(napi_env env, napi_callback_info info) {
  SyncCall call(env, info, 1);
  auto* const event = call.Object<Event>();
  if (!call.ok()) return nullptr;
  const Status done = event->Set();
  return done.ok() ? nullptr : call.Fail(done);
}

napi_value ClearEvent(napi_env env, napi_callback_info info) {
  SyncCall call(env, info, 1);
  auto* const event = call.Object<Event>();
  if (!call.ok()) return nullptr;
  const Status done = event->Clear();
  return done.ok() ? nullptr : call.Fail(done);
}

napi_value IsSet(napi_env env, napi_callback_info info) {
  SyncCall call(env, info, 1);
  auto* const event = call.Object<Event>();
  return call.ok() ? call.Answer(event->IsSet()) : nullptr;
}

napi_value EventAsync(napi_env env, napi_callback_info info) {
  SyncCall call(env, info, 1);
  auto* const event = call.Object<Event>();
  if (!call.ok()) return nullptr;
  return call.WaitAsync(*call.Slot(),
                        [&](AsyncWaiter* waiter) { return event->WaitAsync(waiter); });
}

napi_value EventSync(napi_env env, napi_callback_info info) {
  SyncCall call(env, info, 2);
  auto* const event = call.Object<Event>();
  const uint64_t deadline = call.Deadline(1);
  return call.ok() ? call.Answer(event->WaitSync(deadline)) : nullptr;
}

}  // namespace

void AddConditionsAndEvents(napi_env env, napi_value target, SyncEnv* sync) {
  AddFunctions(env, target, sync,
               {{"conditionAsync", ConditionAsync},
                {"conditionSync", ConditionSync},
                {"conditionNotify", Notify},
                {"eventSet", SetEvent},
                {"eventClear", ClearEvent},
                {"eventIsSet", IsSet},
                {"eventAsync", EventAsync},
                {"eventSync", EventSync}});
}

}  // namespace mp
