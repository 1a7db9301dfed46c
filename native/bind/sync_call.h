#pragma once
// One call of a function of the shared objects. Raw Node-API: these are called some ten million
// times a second, and a wrapper per call would cost as much as they do.

#include <node_api.h>

#include <memory>
#include <vector>

#include "bind/sync_env.h"
#include "bind/to_js.h"
#include "sync/barrier.h"
#include "sync/bounded_semaphore.h"
#include "sync/condition.h"
#include "sync/event.h"
#include "sync/rlock.h"
#include "sync/semaphore.h"

namespace mp {

// The first argument is the number of a handle.
class SyncCall {
 public:
  static constexpr size_t kMostArguments = 6;

  // Each argument that is fetched costs a little.
  SyncCall(napi_env env, napi_callback_info info, size_t arguments) : env_(env) {
    size_t count = arguments;
    void* data = nullptr;
    napi_get_cb_info(env, info, &count, arguments_, nullptr, &data);
    sync_ = static_cast<SyncEnv*>(data);
  }

  napi_env env() const { return env_; }
  SyncEnv& sync() const { return *sync_; }
  napi_value argument(size_t index) const { return arguments_[index]; }
  bool ok() const { return ok_; }

  // Null, with an error thrown, unless the handle is one of these.
  SyncEnv::Slot* Slot() {
    uint32_t index = 0;
    if (napi_get_value_uint32(env_, arguments_[0], &index) != napi_ok) {
      Refuse("the handle must be a number");
      return nullptr;
    }
    return SlotAt(index);
  }
  SyncEnv::Slot* SlotAt(uint32_t index) {
    SyncEnv::Slot* const slot = sync_->At(index);
    if (slot == nullptr) {
      Refuse("there is no handle of that number");
    } else if (slot->object == nullptr) {
      const Status opened = sync_->Reopen(slot);
      if (opened.ok()) return slot;
      Fail(opened);
      return nullptr;
    }
    return slot;
  }
  template <typename T>
  T* Object() {
    return As<T>(Slot());
  }
  template <typename T>
  T* As(SyncEnv::Slot* slot) {
    if (slot == nullptr) return nullptr;
    if (slot->kind == T::kKind) return static_cast<T*>(slot->object.get());
    Refuse("the handle is of another kind");
    return nullptr;
  }

  // 0, with an error thrown, for what is no number.
  uint32_t Number(size_t index) {
    uint32_t value = 0;
    if (napi_get_value_uint32(env_, arguments_[index], &value) != napi_ok) {
      Refuse("an argument must be a number");
    }
    return value;
  }
  double Double(size_t index) {
    double value = 0;
    if (napi_get_value_double(env_, arguments_[index], &value) != napi_ok) {
      Refuse("an argument must be a number");
    }
    return value;
  }
  // Milliseconds to a moment.
  uint64_t Deadline(size_t index) {
    const double timeout_ms = Double(index);
    if (ok_ && !(timeout_ms >= 0)) Refuse("the timeout must be zero or more milliseconds");
    return ok_ ? DeadlineAfterMs(timeout_ms) : 0;
  }

  napi_value Answer(uint32_t number) const {
    napi_value value = nullptr;
    napi_create_uint32(env_, number, &value);
    return value;
  }
  napi_value Answer(double number) const {
    napi_value value = nullptr;
    napi_create_double(env_, number, &value);
    return value;
  }
  napi_value Answer(bool yes) const {
    napi_value value = nullptr;
    napi_get_boolean(env_, yes, &value);
    return value;
  }
  // Undefined for what mostly comes of it, kDone: that answer costs no call. 0 for a try in vain.
  napi_value Answer(SyncOutcome outcome) {
    if (outcome == SyncOutcome::kDone) return nullptr;
    if (outcome == SyncOutcome::kForeign) return Fail(Status::Failed(ECHILD, "wait"));
    return Answer(static_cast<uint32_t>(outcome));
  }

  // Undefined when it was done.
  napi_value AnswerUnless(bool refused) const { return refused ? Answer(false) : nullptr; }

  napi_value Refuse(const char* message) {
    if (ok_) napi_throw_type_error(env_, "ERR_MP_INVALID_ARGUMENT", message);
    ok_ = false;
    return nullptr;
  }
  napi_value Fail(const Status& status) {
    if (ok_) Throw(env_, status);
    ok_ = false;
    return nullptr;
  }

  // An outcome (undefined for kDone), or when it has to wait, minus the number of the waiter.
  // `begin(waiter)` registers. A barrier's answer says its index as well.
  template <typename Begin>
  napi_value WaitAsync(const SyncEnv::Slot& slot, Begin begin) {
    AsyncWaiter* const waiter = sync_->NextWaiter();
    const SyncOutcome outcome = begin(waiter);
    if (outcome != SyncOutcome::kPending) {
      if (outcome == SyncOutcome::kForeign || waiter->request.index == 0) return Answer(outcome);
      return Answer(WithIndex(outcome, waiter->request.index));
    }
    return Enlist(slot);
  }
  // Minus the number of the waiter that NextWaiter gave and that has been registered.
  napi_value Enlist(const SyncEnv::Slot& slot, bool quiet = false) {
    const Result<uint32_t> id = sync_->Enlist(slot.object, quiet);
    if (!id.ok()) return Fail(id.status());
    napi_value value = nullptr;
    napi_create_int32(env_, -static_cast<int32_t>(id.value()), &value);
    return value;
  }
  static uint32_t WithIndex(SyncOutcome outcome, uint32_t index) {
    return static_cast<uint32_t>(outcome) | index << 3;
  }

 private:
  napi_env env_;
  SyncEnv* sync_ = nullptr;
  napi_value arguments_[kMostArguments];
  bool ok_ = true;
};

struct SyncFunction {
  const char* name;
  napi_callback call;
};

// Adds functions that are called with this environment's objects.
template <size_t N>
void AddFunctions(napi_env env, napi_value target, SyncEnv* sync,
                  const SyncFunction (&functions)[N]) {
  for (const SyncFunction& function : functions) {
    napi_value value = nullptr;
    napi_create_function(env, function.name, NAPI_AUTO_LENGTH, function.call, sync, &value);
    napi_set_named_property(env, target, function.name, value);
  }
}

void AddLocks(napi_env env, napi_value target, SyncEnv* sync);
void AddSemaphores(napi_env env, napi_value target, SyncEnv* sync);
void AddConditionsAndEvents(napi_env env, napi_value target, SyncEnv* sync);
void AddBarriers(napi_env env, napi_value target, SyncEnv* sync);
void AddQueues(napi_env env, napi_value target, SyncEnv* sync);
void AddPipes(napi_env env, napi_value target, SyncEnv* sync);

// An array.
napi_value AnswerNumbers(napi_env env, const std::vector<double>& numbers);

}  // namespace mp
