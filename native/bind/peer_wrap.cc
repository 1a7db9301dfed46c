#include "bind/peer_wrap.h"

#include <memory>

#include "base/deadline.h"
#include "bind/args.h"
#include "bind/env_state.h"
#include "bind/loop_callback.h"
#include "bind/to_js.h"
#include "os/descriptor.h"
#include "process/child.h"
#include "wait/poll_watch.h"

namespace mp {
namespace {

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

}  // namespace

void InitPeer(Napi::Env env, Napi::Object exports) {
  auto* group = new std::shared_ptr<WatchGroup>(MakeWatchGroup(env));
  env.AddCleanupHook([group] { delete group; });
  exports.Set("NativePeer", PeerWrap::Define(env, group));
}

}  // namespace mp
