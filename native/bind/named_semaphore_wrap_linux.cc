#include <uv.h>

#include <algorithm>
#include <memory>
#include <string>
#include <vector>

#include "base/deadline.h"
#include "bind/args.h"
#include "bind/env_state.h"
#include "bind/loop_callback.h"
#include "bind/named_semaphore_wrap.h"
#include "bind/to_js.h"
#include "os/named_semaphore.h"
#include "wait/semaphore_watch.h"

namespace mp {
namespace {

class NamedSemaphoreWrap;

// What the watch's thread wakes in one environment: made when something there first has to wait.
class Awakener final : public ForkAware, public std::enable_shared_from_this<Awakener> {
 public:
  explicit Awakener(Napi::Env env) : env_(env) {}

  void Add(NamedSemaphoreWrap* waiter);
  void Remove(NamedSemaphoreWrap* waiter);
  std::function<void()> Waker() {
    return [async = async_] { uv_async_send(async); };
  }
  void Open();
  void AfterForkInChild(bool twin) override;
  void Exiting() override { GiveUp(); }

 private:
  void OnAwake();
  // Nobody here waits any more: permits that were taken for who did go back.
  void GiveUp();
  void KeepLoopAlive(bool alive);
  static void OnEnvironmentEnd(napi_async_cleanup_hook_handle hook, void* self);

  Napi::Env env_;
  uv_async_t* async_ = nullptr;
  std::vector<NamedSemaphoreWrap*> waiting_;
  napi_async_cleanup_hook_handle hook_ = nullptr;
};

class NamedSemaphoreWrap : public Napi::ObjectWrap<NamedSemaphoreWrap> {
 public:
  static Napi::Function Define(Napi::Env env, std::shared_ptr<Awakener>* awakener) {
    return DefineClass(env, "NativeNamedSemaphore",
                       {InstanceMethod<&NamedSemaphoreWrap::TryAcquire>("tryAcquire"),
                        InstanceMethod<&NamedSemaphoreWrap::AcquireSync>("acquireSync"),
                        InstanceMethod<&NamedSemaphoreWrap::Release>("release"),
                        InstanceMethod<&NamedSemaphoreWrap::Value>("value"),
                        InstanceMethod<&NamedSemaphoreWrap::Want>("want"),
                        InstanceMethod<&NamedSemaphoreWrap::Close>("close")},
                       awakener);
  }

  // (name, create, exclusive, mode, value, onGiven)
  explicit NamedSemaphoreWrap(const Napi::CallbackInfo& info)
      : ObjectWrap(info), awakener_(*static_cast<std::shared_ptr<Awakener>*>(info.Data())) {
    Args args(info);
    NamedSemaphoreOptions options;
    const std::string name = info[0].ToString();
    options.create = args.Boolean(1, "create");
    options.exclusive = args.Boolean(2, "exclusive");
    options.mode = static_cast<unsigned>(args.Integer(3, "mode", 0));
    options.value = static_cast<unsigned>(args.Integer(4, "value", 0));
    const Napi::Function on_given = args.Function(5, "onGiven");
    if (!args.ok()) return;
    auto opened = NamedSemaphore::Open(name, options);
    if (!opened.ok()) {
      Throw(info.Env(), opened.status());
      return;
    }
    semaphore_ = std::move(opened.value());
    on_given_ = Napi::Persistent(on_given);
  }

  // On the event loop.
  void Deliver() {
    const uint32_t given = SemaphoreWatch::TakeGiven(permits_);
    if (given == 0) return;
    Napi::Env env = Env();
    Napi::HandleScope scope(env);
    const napi_value count = Napi::Number::New(env, given);
    // JavaScript answers with Want(): how many still wait.
    answered_ = false;
    CallFromLoop(env, on_given_.Value(), {count});
    // A thread that is terminated comes to its loop once more, but not to JavaScript.
    if (!answered_) semaphore_->Release(given);
  }

  // The end of the environment, or the child of a fork: nobody here waits any more.
  void GiveUp() {
    if (permits_) SemaphoreWatch::SetWanted(permits_, 0);
  }
  void Forget() {
    permits_.reset();
    Unref();
  }

 private:
  Napi::Value TryAcquire(const Napi::CallbackInfo& info) {
    return Napi::Boolean::New(info.Env(), semaphore_->TryTake());
  }

  Napi::Value AcquireSync(const Napi::CallbackInfo& info) {
    Args args(info);
    const double timeout_ms = args.TimeoutMs(0, "timeoutMs");
    if (!args.ok()) return info.Env().Undefined();
    if (semaphore_->TryTake()) return Napi::Boolean::New(info.Env(), true);
    const auto taken = semaphore_->TakeUntil(DeadlineAfterMs(timeout_ms));
    if (!taken.ok()) return Throw(info.Env(), taken.status());
    return Napi::Boolean::New(info.Env(), taken.value());
  }

  Napi::Value Release(const Napi::CallbackInfo& info) {
    Args args(info);
    const int permits = args.Integer(0, "permits", 1);
    if (!args.ok()) return info.Env().Undefined();
    const Status status = semaphore_->Release(static_cast<uint32_t>(permits));
    if (!status.ok() && status.error != EOVERFLOW) return Throw(info.Env(), status);
    return Napi::Boolean::New(info.Env(), status.ok());
  }

  Napi::Value Value(const Napi::CallbackInfo& info) {
    return Napi::Number::New(info.Env(), semaphore_->Value());
  }

  // How many waits are pending in JavaScript. Keeps the loop alive, and this object, while there
  // are any.
  void Want(const Napi::CallbackInfo& info) {
    Args args(info);
    const int wanted = args.Integer(0, "wanted", 0);
    if (!args.ok()) return;
    answered_ = true;
    if (permits_ == nullptr) {
      if (wanted == 0) return;
      awakener_->Open();
      permits_ = std::make_shared<WantedPermits>(semaphore_, awakener_->Waker());
    }
    if (wanted > 0 && !waits_) {
      Ref();
      awakener_->Add(this);
    } else if (wanted == 0 && waits_) {
      awakener_->Remove(this);
      Unref();
    }
    waits_ = wanted > 0;
    const Status status = SemaphoreWatch::SetWanted(permits_, static_cast<uint32_t>(wanted));
    if (!status.ok()) Throw(info.Env(), status);
  }

  // Waits have been given up before. The thread may look at the semaphore once more: the last of
  // the two closes it.
  void Close(const Napi::CallbackInfo&) {
    permits_.reset();
    semaphore_.reset();
    on_given_.Reset();
  }

  std::shared_ptr<Awakener> awakener_;
  std::shared_ptr<NamedSemaphore> semaphore_;
  std::shared_ptr<WantedPermits> permits_;  // from the first wait on
  bool waits_ = false;
  bool answered_ = false;  // by JavaScript, what was delivered last
  Napi::FunctionReference on_given_;

  friend class Awakener;
};

void Awakener::Open() {
  if (async_ != nullptr) return;
  async_ = new uv_async_t();
  async_->data = this;
  uv_async_init(EnvState::Get(env_).loop(), async_,
                [](uv_async_t* handle) { static_cast<Awakener*>(handle->data)->OnAwake(); });
  KeepLoopAlive(false);
  EnvState::Get(env_).Add(this);
  SemaphoreWatch::Enter();
  napi_add_async_cleanup_hook(env_, &Awakener::OnEnvironmentEnd,
                              new std::shared_ptr<Awakener>(shared_from_this()), nullptr);
}

void Awakener::KeepLoopAlive(bool alive) {
  auto* handle = reinterpret_cast<uv_handle_t*>(async_);
  if (alive) {
    uv_ref(handle);
  } else {
    uv_unref(handle);
  }
}

void Awakener::Add(NamedSemaphoreWrap* waiter) {
  waiting_.push_back(waiter);
  KeepLoopAlive(true);
}

void Awakener::Remove(NamedSemaphoreWrap* waiter) {
  std::erase(waiting_, waiter);
  if (async_ != nullptr && waiting_.empty()) KeepLoopAlive(false);
}

void Awakener::OnAwake() {
  // A callback may end waits, and begin others.
  const std::vector<NamedSemaphoreWrap*> told = waiting_;
  for (NamedSemaphoreWrap* waiter : told) {
    if (std::find(waiting_.begin(), waiting_.end(), waiter) != waiting_.end()) waiter->Deliver();
  }
}

// The waits are the parent's, and its thread's. What the child waits for begins anew.
void Awakener::AfterForkInChild(bool) {
  SemaphoreWatch::ForgetAfterFork();
  for (NamedSemaphoreWrap* waiter : std::exchange(waiting_, {})) {
    waiter->waits_ = false;
    waiter->Forget();
  }
  KeepLoopAlive(false);
}

// The thread, which is waited for, is no longer among the semaphores' waiters either.
void Awakener::GiveUp() {
  for (NamedSemaphoreWrap* waiter : std::exchange(waiting_, {})) waiter->GiveUp();
  SemaphoreWatch::Leave();
}

void Awakener::OnEnvironmentEnd(napi_async_cleanup_hook_handle hook, void* held) {
  auto* holder = static_cast<std::shared_ptr<Awakener>*>(held);
  Awakener& self = **holder;
  self.Unlink();
  self.GiveUp();
  self.hook_ = hook;
  uv_async_t* const async = std::exchange(self.async_, nullptr);
  async->data = holder;
  uv_close(reinterpret_cast<uv_handle_t*>(async), [](uv_handle_t* handle) {
    auto* last = static_cast<std::shared_ptr<Awakener>*>(handle->data);
    napi_remove_async_cleanup_hook((*last)->hook_);
    delete last;
    delete reinterpret_cast<uv_async_t*>(handle);
  });
}

Napi::Value UnlinkSemaphore(const Napi::CallbackInfo& info) {
  const std::string name = info[0].ToString();
  const Status status = NamedSemaphore::Unlink(name);
  return status.ok() ? info.Env().Undefined() : Throw(info.Env(), status);
}

}  // namespace

void InitNamedSemaphore(Napi::Env env, Napi::Object exports) {
  auto* awakener = new std::shared_ptr<Awakener>(std::make_shared<Awakener>(env));
  env.AddCleanupHook([awakener] { delete awakener; });
  exports.Set("NativeNamedSemaphore", NamedSemaphoreWrap::Define(env, awakener));
  exports.Set("unlinkSemaphore", Napi::Function::New<UnlinkSemaphore>(env, "unlinkSemaphore"));
}

}  // namespace mp
