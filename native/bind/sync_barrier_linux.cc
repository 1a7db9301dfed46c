#include "bind/sync_call.h"

namespace mp {
namespace {

napi_value WaitAsync(napi_env env, napi_callback_info info) {
  SyncCall call(env, info, 1);
  auto* const barrier = call.Object<Barrier>();
  if (!call.ok()) return nullptr;
  return call.WaitAsync(*call.Slot(),
                        [&](AsyncWaiter* waiter) { return barrier->WaitAsync(waiter); });
}

napi_value WaitSync(napi_env env, napi_callback_info info) {
  SyncCall call(env, info, 2);
  auto* const barrier = call.Object<Barrier>();
  const uint64_t deadline = call.Deadline(1);
  if (!call.ok()) return nullptr;
  uint32_t index = 0;
  SyncOutcome outcome = barrier->WaitSync(deadline, &index);
  if (outcome == SyncOutcome::kForeign) return call.Answer(outcome);
  // Broken by this very wait, unless somebody else was faster.
  if (outcome == SyncOutcome::kBroken && deadline != kNever && MonotonicNs() >= deadline) {
    outcome = SyncOutcome::kTimedOut;
  }
  return call.Answer(SyncCall::WithIndex(outcome, index));
}

napi_value Finish(napi_env env, napi_callback_info info) {
  SyncCall call(env, info, 2);
  auto* const barrier = call.Object<Barrier>();
  const uint32_t phase = call.Number(1);
  return call.ok() ? call.Answer(barrier->Finish(phase)) : nullptr;
}

napi_value BreakPhase(napi_env env, napi_callback_info info) {
  SyncCall call(env, info, 2);
  auto* const barrier = call.Object<Barrier>();
  const uint32_t phase = call.Number(1);
  return call.ok() ? call.Answer(barrier->BreakPhase(phase)) : nullptr;
}

napi_value Abort(napi_env env, napi_callback_info info) {
  SyncCall call(env, info, 1);
  auto* const barrier = call.Object<Barrier>();
  if (call.ok()) barrier->Break();
  return nullptr;
}

napi_value Reset(napi_env env, napi_callback_info info) {
  SyncCall call(env, info, 1);
  auto* const barrier = call.Object<Barrier>();
  if (call.ok()) barrier->Reset();
  return nullptr;
}

napi_value Parties(napi_env env, napi_callback_info info) {
  SyncCall call(env, info, 1);
  auto* const barrier = call.Object<Barrier>();
  return call.ok() ? call.Answer(barrier->Parties()) : nullptr;
}

napi_value Waiting(napi_env env, napi_callback_info info) {
  SyncCall call(env, info, 1);
  auto* const barrier = call.Object<Barrier>();
  return call.ok() ? call.Answer(barrier->Waiting()) : nullptr;
}

napi_value Broken(napi_env env, napi_callback_info info) {
  SyncCall call(env, info, 1);
  auto* const barrier = call.Object<Barrier>();
  return call.ok() ? call.Answer(barrier->IsBroken()) : nullptr;
}

}  // namespace

void AddBarriers(napi_env env, napi_value target, SyncEnv* sync) {
  AddFunctions(env, target, sync,
               {{"barrierAsync", WaitAsync},
                {"barrierSync", WaitSync},
                {"barrierFinish", Finish},
                {"barrierBreakPhase", BreakPhase},
                {"barrierAbort", Abort},
                {"barrierReset", Reset},
                {"barrierParties", Parties},
                {"barrierWaiting", Waiting},
                {"barrierBroken", Broken}});
}

}  // namespace mp
