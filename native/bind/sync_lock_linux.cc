// A plain lock is asked for by one number: twice the handle, and one more to take it from the dead.
// A reentrant one by its handle and another number: twice the holder, and the same. Every argument
// that is fetched costs as much as the lock itself.

#include "bind/sync_call.h"

namespace mp {
namespace {

LockRequest RequestOf(uint32_t number) {
  return {number >> 1 & kMaxHolder, (number & 1) != 0};
}

// The slot that a plain lock's number names, and its lock.
struct Plain {
  Plain(SyncCall* call, uint32_t number)
      : slot(call->ok() ? call->SlotAt(number >> 1) : nullptr),
        lock(call->As<RLock>(slot)),
        takes((number & 1) != 0) {}
  // Made where it is passed on, in a register: from memory, where its parts have just been written
  // one by one, it would take longer to load than the lock to take.
  LockRequest request() const { return {0, takes}; }
  SyncEnv::Slot* slot;
  Lock* lock;
  bool takes;
};

napi_value Try(napi_env env, napi_callback_info info) {
  SyncCall call(env, info, 1);
  const Plain plain(&call, call.Number(0));
  return call.ok() ? call.Answer(plain.lock->TryAcquire(plain.request())) : nullptr;
}

napi_value AcquireSync(napi_env env, napi_callback_info info) {
  SyncCall call(env, info, 1);
  const Plain plain(&call, call.Number(0));
  if (!call.ok()) return nullptr;
  // Before the clock is looked at.
  const SyncOutcome outcome = plain.lock->TryAcquire(plain.request());
  if (outcome != SyncOutcome::kPending) return call.Answer(outcome);
  SyncCall waits(env, info, 2);
  const uint64_t deadline = waits.Deadline(1);
  if (!waits.ok()) return nullptr;
  return call.Answer(plain.lock->AcquireSync(deadline, plain.request()));
}

napi_value AcquireAsync(napi_env env, napi_callback_info info) {
  SyncCall call(env, info, 1);
  const Plain plain(&call, call.Number(0));
  if (!call.ok()) return nullptr;
  return call.WaitAsync(*plain.slot, [&](AsyncWaiter* waiter) {
    waiter->request.lock = plain.request();
    return plain.lock->AcquireAsync(waiter);
  });
}

napi_value Release(napi_env env, napi_callback_info info) {
  SyncCall call(env, info, 1);
  RLock* const lock = call.Object<RLock>();
  if (!call.ok()) return nullptr;
  const Status released = lock->Lock::Release();
  if (!released.ok() && released.error != EPERM) return call.Fail(released);
  return call.AnswerUnless(!released.ok());
}

napi_value Locked(napi_env env, napi_callback_info info) {
  SyncCall call(env, info, 1);
  RLock* const lock = call.Object<RLock>();
  return call.ok() ? call.Answer(lock->IsLocked()) : nullptr;
}

napi_value Abandoned(napi_env env, napi_callback_info info) {
  SyncCall call(env, info, 1);
  RLock* const lock = call.Object<RLock>();
  return call.ok() ? call.Answer(lock->IsAbandoned()) : nullptr;
}

napi_value HeldHere(napi_env env, napi_callback_info info) {
  SyncCall call(env, info, 2);
  RLock* const lock = call.Object<RLock>();
  const uint32_t holder = call.Number(1);
  return call.ok() ? call.Answer(lock->IsHeldBy(holder)) : nullptr;
}

napi_value OwnerPid(napi_env env, napi_callback_info info) {
  SyncCall call(env, info, 1);
  RLock* const lock = call.Object<RLock>();
  return call.ok() ? call.Answer(lock->OwnerPid()) : nullptr;
}

napi_value AbandonedPid(napi_env env, napi_callback_info info) {
  SyncCall call(env, info, 1);
  RLock* const lock = call.Object<RLock>();
  return call.ok() ? call.Answer(lock->AbandonedPid()) : nullptr;
}

// ---- reentrant

RLock* ReentrantOf(SyncCall* call, uint32_t number) {
  RLock* const lock = call->Object<RLock>();
  if (call->ok() && RequestOf(number).holder == 0) call->Refuse("a holder must have a number");
  return lock;
}

napi_value TryAgain(napi_env env, napi_callback_info info) {
  SyncCall call(env, info, 2);
  const uint32_t request = call.Number(1);
  RLock* const lock = ReentrantOf(&call, request);
  if (!call.ok()) return nullptr;
  return call.Answer(lock->TryAcquire(RequestOf(request)));
}

napi_value AcquireAgainSync(napi_env env, napi_callback_info info) {
  SyncCall call(env, info, 2);
  const uint32_t number = call.Number(1);
  RLock* const lock = ReentrantOf(&call, number);
  if (!call.ok()) return nullptr;
  const LockRequest request = RequestOf(number);
  const SyncOutcome outcome = lock->TryAcquire(request);
  if (outcome != SyncOutcome::kPending) return call.Answer(outcome);
  SyncCall waits(env, info, 3);
  const uint64_t deadline = waits.Deadline(2);
  if (!waits.ok()) return nullptr;
  return call.Answer(lock->AcquireSync(deadline, request));
}

napi_value AcquireAgainAsync(napi_env env, napi_callback_info info) {
  SyncCall call(env, info, 2);
  const uint32_t request = call.Number(1);
  RLock* const lock = ReentrantOf(&call, request);
  if (!call.ok()) return nullptr;
  return call.WaitAsync(*call.Slot(), [&](AsyncWaiter* waiter) {
    waiter->request.lock = RequestOf(request);
    return lock->AcquireAsync(waiter);
  });
}

napi_value ReleaseOne(napi_env env, napi_callback_info info) {
  SyncCall call(env, info, 2);
  RLock* const lock = call.Object<RLock>();
  const uint32_t holder = call.Number(1);
  if (!call.ok()) return nullptr;
  const Status released = lock->Release(holder);
  if (!released.ok() && released.error != EPERM) return call.Fail(released);
  return call.AnswerUnless(!released.ok());
}

napi_value Count(napi_env env, napi_callback_info info) {
  SyncCall call(env, info, 2);
  RLock* const lock = call.Object<RLock>();
  const uint32_t holder = call.Number(1);
  if (!call.ok()) return nullptr;
  return call.Answer(holder != 0 && lock->IsHeldBy(holder) ? lock->Count() : 0);
}

}  // namespace

void AddLocks(napi_env env, napi_value target, SyncEnv* sync) {
  AddFunctions(env, target, sync,
               {{"lockTry", Try},
                {"lockSync", AcquireSync},
                {"lockAsync", AcquireAsync},
                {"lockRelease", Release},
                {"lockLocked", Locked},
                {"lockAbandoned", Abandoned},
                {"lockHeldHere", HeldHere},
                {"lockOwnerPid", OwnerPid},
                {"lockAbandonedPid", AbandonedPid},
                {"rlockTry", TryAgain},
                {"rlockSync", AcquireAgainSync},
                {"rlockAsync", AcquireAgainAsync},
                {"rlockRelease", ReleaseOne},
                {"rlockCount", Count}});
}

}  // namespace mp
