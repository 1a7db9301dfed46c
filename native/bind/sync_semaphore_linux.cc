// Both kinds of semaphore under one set of functions: a bounded one of many permits is counted by a
// Semaphore.

#include "bind/sync_call.h"

namespace mp {
namespace {

// Calls `use(semaphore)` with whichever it is.
template <typename Use>
napi_value WithSemaphore(SyncCall* call, Use use) {
  SyncEnv::Slot* const slot = call->Slot();
  if (slot == nullptr) return nullptr;
  if (slot->kind == ObjectKind::kSemaphore) {
    return use(*slot, static_cast<Semaphore&>(*slot->object));
  }
  if (slot->kind == ObjectKind::kBoundedSemaphore) {
    return use(*slot, static_cast<BoundedSemaphore&>(*slot->object));
  }
  return call->Refuse("the handle is of another kind");
}

napi_value Try(napi_env env, napi_callback_info info) {
  SyncCall call(env, info, 1);
  return WithSemaphore(&call, [&](const SyncEnv::Slot&, auto& semaphore) {
    return call.Answer(semaphore.TryAcquire());
  });
}

napi_value AcquireSync(napi_env env, napi_callback_info info) {
  SyncCall call(env, info, 2);
  return WithSemaphore(&call, [&](const SyncEnv::Slot&, auto& semaphore) -> napi_value {
    const SyncOutcome outcome = semaphore.TryAcquire();
    if (outcome != SyncOutcome::kPending) return call.Answer(outcome);
    const uint64_t deadline = call.Deadline(1);
    return call.ok() ? call.Answer(semaphore.AcquireSync(deadline)) : nullptr;
  });
}

napi_value AcquireAsync(napi_env env, napi_callback_info info) {
  SyncCall call(env, info, 1);
  return WithSemaphore(&call, [&](const SyncEnv::Slot& slot, auto& semaphore) {
    return call.WaitAsync(slot,
                          [&](AsyncWaiter* waiter) { return semaphore.AcquireAsync(waiter); });
  });
}

napi_value Release(napi_env env, napi_callback_info info) {
  SyncCall call(env, info, 2);
  const uint32_t permits = call.Number(1);
  if (!call.ok()) return nullptr;
  return WithSemaphore(&call, [&](const SyncEnv::Slot&, auto& semaphore) {
    const Status released = semaphore.Release(permits);
    if (!released.ok() && released.error != EOVERFLOW) return call.Fail(released);
    return call.AnswerUnless(!released.ok());
  });
}

napi_value Value(napi_env env, napi_callback_info info) {
  SyncCall call(env, info, 1);
  return WithSemaphore(
      &call, [&](const SyncEnv::Slot&, auto& semaphore) { return call.Answer(semaphore.Value()); });
}

}  // namespace

void AddSemaphores(napi_env env, napi_value target, SyncEnv* sync) {
  AddFunctions(env, target, sync,
               {{"semaphoreTry", Try},
                {"semaphoreSync", AcquireSync},
                {"semaphoreAsync", AcquireAsync},
                {"semaphoreRelease", Release},
                {"semaphoreValue", Value}});
}

}  // namespace mp
