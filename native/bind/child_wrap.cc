#include "bind/child_wrap.h"

#include <memory>

#include "base/deadline.h"
#include "bind/args.h"
#include "bind/env_state.h"
#include "bind/loop_callback.h"
#include "bind/to_js.h"
#include "os/descriptor.h"
#include "process/child.h"
#include "process/liveness_pipe.h"
#include "wait/poll_watch.h"

namespace mp {
namespace {

// What a status becomes that was lost because somebody else had collected it.
constexpr int kLostStatusCode = 255;

class ChildWrap : public Napi::ObjectWrap<ChildWrap>, public ForkAware {
 public:
  static Napi::Function Define(Napi::Env env, std::shared_ptr<WatchGroup>* group) {
    return DefineClass(
        env, "NativeChild",
        {InstanceMethod<&ChildWrap::Watch>("watch"), InstanceMethod<&ChildWrap::KeepLoop>("ref"),
         InstanceMethod<&ChildWrap::LeaveLoop>("unref"), InstanceMethod<&ChildWrap::Check>("check"),
         InstanceMethod<&ChildWrap::WaitSync>("waitSync"), InstanceMethod<&ChildWrap::Kill>("kill"),
         InstanceMethod<&ChildWrap::Release>("release"), InstanceAccessor<&ChildWrap::Pid>("pid")},
        group);
  }

  explicit ChildWrap(const Napi::CallbackInfo& info)
      : ObjectWrap(info),
        watch_(*static_cast<std::shared_ptr<WatchGroup>*>(info.Data()), [this] { OnReady(); }) {
    Args args(info);
    const int pid = args.Integer(0, "pid", 1);
    reap_ = args.Boolean(1, "reap");
    if (!args.ok()) return;
    Result<Child> child = Child::Open(pid, reap_);
    if (!child.ok()) {
      Throw(info.Env(), child.status());
      return;
    }
    child_ = std::move(child.value());
    EnvState::Get(info.Env()).Add(this);
  }

  // It is not this process's child: the parent's answers are not to be had here.
  void AfterForkInChild(bool) override {
    watch_.AfterForkInChild();
    child_.Close();
  }

 private:
  // [code, signal], or undefined while it runs or when its status is not known here.
  Napi::Value ToJs(Napi::Env env, const Result<WaitOutcome>& outcome) {
    if (!outcome.ok()) return Throw(env, outcome.status());
    if (!Known(outcome.value())) return env.Undefined();
    Napi::Array pair = Napi::Array::New(env, 2);
    pair.Set(0u, Napi::Number::New(env, Code(outcome.value())));
    pair.Set(1u, Napi::Number::New(env, outcome.value().report.signal));
    return pair;
  }

  // With `reap` nobody else will ever tell the status.
  bool Known(const WaitOutcome& outcome) const {
    return outcome.kind == WaitOutcome::Kind::kExited ||
           (outcome.kind == WaitOutcome::Kind::kTakenElsewhere && reap_);
  }
  static int Code(const WaitOutcome& outcome) {
    return outcome.kind == WaitOutcome::Kind::kTakenElsewhere ? kLostStatusCode
                                                              : outcome.report.code;
  }

  void Watch(const Napi::CallbackInfo& info) {
    Args args(info);
    const Napi::Function callback = args.Function(0, "callback");
    if (!args.ok()) return;
    const Status status = watch_.Start(child_.handle(), kReadable);
    if (!status.ok()) {
      Throw(info.Env(), status);
      return;
    }
    watch_.Ref(keeps_loop_);
    callback_ = Napi::Persistent(callback);
  }

  void OnReady() {
    Napi::Env env = Env();
    Napi::HandleScope scope(env);
    const Result<WaitOutcome> outcome = child_.Check();
    if (outcome.ok() && outcome.value().kind == WaitOutcome::Kind::kRunning) return;
    watch_.Close();
    const Napi::Function callback = callback_.Value();
    callback_.Reset();
    if (!outcome.ok() || !Known(outcome.value())) return;
    CallFromLoop(env, callback,
                 {Napi::Number::New(env, Code(outcome.value())),
                  Napi::Number::New(env, outcome.value().report.signal)});
  }

  void KeepLoop(const Napi::CallbackInfo&) { SetKeepsLoop(true); }
  void LeaveLoop(const Napi::CallbackInfo&) { SetKeepsLoop(false); }
  void SetKeepsLoop(bool keeps) {
    keeps_loop_ = keeps;
    if (watch_.active()) watch_.Ref(keeps);
  }

  Napi::Value Check(const Napi::CallbackInfo& info) { return ToJs(info.Env(), child_.Check()); }

  Napi::Value WaitSync(const Napi::CallbackInfo& info) {
    Args args(info);
    const double timeout_ms = args.TimeoutMs(0, "timeoutMs");
    if (!args.ok()) return info.Env().Undefined();
    return ToJs(info.Env(), child_.WaitUntil(DeadlineAfterMs(timeout_ms)));
  }

  Napi::Value Kill(const Napi::CallbackInfo& info) {
    Args args(info);
    const int signal = args.Integer(0, "signal", 0);
    if (!args.ok()) return info.Env().Undefined();
    Result<bool> sent = child_.Kill(signal);
    if (!sent.ok()) return Throw(info.Env(), sent.status());
    return Napi::Boolean::New(info.Env(), sent.value());
  }

  void Release(const Napi::CallbackInfo&) {
    watch_.Close();
    callback_.Reset();
    child_.Close();
  }

  Napi::Value Pid(const Napi::CallbackInfo& info) {
    return Napi::Number::New(info.Env(), child_.pid());
  }

  Child child_;
  PollWatch watch_;
  Napi::FunctionReference callback_;
  bool reap_ = true;
  bool keeps_loop_ = true;
};

class PeerWrap : public Napi::ObjectWrap<PeerWrap>, public ForkAware {
 public:
  static Napi::Function Define(Napi::Env env, std::shared_ptr<WatchGroup>* group) {
    return DefineClass(
        env, "NativePeer",
        {InstanceMethod<&PeerWrap::IsAlive>("isAlive"),
         InstanceMethod<&PeerWrap::WaitSync>("waitSync"), InstanceMethod<&PeerWrap::Watch>("watch"),
         InstanceMethod<&PeerWrap::Unwatch>("unwatch"),
         InstanceMethod<&PeerWrap::Release>("release")},
        group);
  }

  explicit PeerWrap(const Napi::CallbackInfo& info)
      : ObjectWrap(info),
        watch_(*static_cast<std::shared_ptr<WatchGroup>*>(info.Data()), [this] { OnReady(); }) {
    Args args(info);
    const int pid = args.Integer(0, "pid", 1);
    if (!args.ok()) return;
    Result<Peer> peer = Peer::Open(pid);
    if (!peer.ok()) {
      Throw(info.Env(), peer.status());
      return;
    }
    peer_ = std::move(peer.value());
    EnvState::Get(info.Env()).Add(this);
  }

  // The handle is as good here as there; only the watching was the parent's.
  void AfterForkInChild(bool) override { watch_.AfterForkInChild(); }

 private:
  Napi::Value IsAlive(const Napi::CallbackInfo& info) { return ToJs(info.Env(), peer_.IsAlive()); }

  Napi::Value WaitSync(const Napi::CallbackInfo& info) {
    Args args(info);
    const double timeout_ms = args.TimeoutMs(0, "timeoutMs");
    if (!args.ok()) return info.Env().Undefined();
    return ToJs(info.Env(), peer_.WaitUntil(DeadlineAfterMs(timeout_ms)));
  }

  static Napi::Value ToJs(Napi::Env env, const Result<bool>& result) {
    if (!result.ok()) return Throw(env, result.status());
    return Napi::Boolean::New(env, result.value());
  }

  void Watch(const Napi::CallbackInfo& info) {
    Args args(info);
    const Napi::Function callback = args.Function(0, "callback");
    if (!args.ok()) return;
    const Status status = watch_.Start(peer_.handle(), kReadable);
    if (!status.ok()) {
      Throw(info.Env(), status);
      return;
    }
    callback_ = Napi::Persistent(callback);
  }

  void OnReady() {
    Napi::Env env = Env();
    Napi::HandleScope scope(env);
    watch_.Close();
    const Napi::Function callback = callback_.Value();
    callback_.Reset();
    CallFromLoop(env, callback, {});
  }

  void Unwatch(const Napi::CallbackInfo&) {
    watch_.Close();
    callback_.Reset();
  }

  void Release(const Napi::CallbackInfo&) {
    watch_.Close();
    callback_.Reset();
    peer_.Close();
  }

  Peer peer_;
  PollWatch watch_;
  Napi::FunctionReference callback_;
};

class LivenessReset : public ForkAware {
 public:
  void AfterForkInChild(bool) override { LivenessPipe::AfterForkInChild(); }
};

Napi::Value LivenessFd(const Napi::CallbackInfo& info) {
  Result<int> fd = LivenessPipe::ReadEnd();
  if (!fd.ok()) return Throw(info.Env(), fd.status());
  return Napi::Number::New(info.Env(), fd.value());
}

void DieWithParent(const Napi::CallbackInfo& info) {
  Args args(info);
  const int fd = args.Descriptor(0, "fd");
  if (!args.ok()) return;
  const Status status = LivenessPipe::DieWith(UniqueFd(fd));
  if (!status.ok()) Throw(info.Env(), status);
}

}  // namespace

void InitChild(Napi::Env env, Napi::Object exports) {
  auto* group = new std::shared_ptr<WatchGroup>(MakeWatchGroup(env));
  auto* reset = new LivenessReset;
  EnvState::Get(env).Add(reset);
  env.AddCleanupHook([group, reset] {
    delete group;
    delete reset;
  });
  exports.Set("NativeChild", ChildWrap::Define(env, group));
  exports.Set("NativePeer", PeerWrap::Define(env, group));
  exports.Set("livenessFd", Napi::Function::New(env, LivenessFd, "livenessFd"));
  exports.Set("dieWithParent", Napi::Function::New(env, DieWithParent, "dieWithParent"));
}

}  // namespace mp
