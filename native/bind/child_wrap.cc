#include "bind/child_wrap.h"

#include <csignal>
#include <memory>
#include <unordered_set>
#include <utility>
#include <vector>

#include "base/deadline.h"
#include "bind/args.h"
#include "bind/env_state.h"
#include "bind/loop_callback.h"
#include "bind/stay_loaded.h"
#include "bind/to_js.h"
#include "os/descriptor.h"
#include "process/child.h"
#include "process/child_collector.h"
#include "process/liveness_pipe.h"
#include "wait/poll_watch.h"

namespace mp {
namespace {

// What a status becomes that was lost because somebody else had collected it.
constexpr int kLostStatusCode = 255;

class ChildWrap;

// What the children of one environment have in common.
struct ChildGroup {
  std::shared_ptr<WatchGroup> watches;
  // Those whose descriptors are open.
  std::unordered_set<ChildWrap*> held;
};

class ChildWrap : public Napi::ObjectWrap<ChildWrap>, public ForkAware {
 public:
  static Napi::Function Define(Napi::Env env, std::shared_ptr<ChildGroup>* group) {
    return DefineClass(
        env, "NativeChild",
        {InstanceMethod<&ChildWrap::Watch>("watch"), InstanceMethod<&ChildWrap::KeepLoop>("ref"),
         InstanceMethod<&ChildWrap::LeaveLoop>("unref"), InstanceMethod<&ChildWrap::Check>("check"),
         InstanceMethod<&ChildWrap::WaitSync>("waitSync"), InstanceMethod<&ChildWrap::Kill>("kill"),
         InstanceMethod<&ChildWrap::Collect>("collect"),
         InstanceMethod<&ChildWrap::EndWithThread>("endWithThread"),
         InstanceMethod<&ChildWrap::Release>("release"), InstanceAccessor<&ChildWrap::Pid>("pid"),
         InstanceAccessor<&ChildWrap::Ended>("ended"), InstanceAccessor<&ChildWrap::Fd>("fd")},
        group);
  }

  explicit ChildWrap(const Napi::CallbackInfo& info)
      : ObjectWrap(info),
        group_(*static_cast<std::shared_ptr<ChildGroup>*>(info.Data())),
        watch_(group_->watches, [this] { OnReady(); }) {
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
    group_->held.insert(this);
    EnvState::Get(info.Env()).Add(this);
  }
  ~ChildWrap() override { group_->held.erase(this); }

  // The environment ends, and its event loop with it. Of a thread that was terminated nothing has
  // told its daemons to end; they end as with a process that is killed.
  Child Leave() {
    if (ends_with_thread_) (void)child_.Kill(SIGKILL);
    return std::move(child_);
  }

  // It is not this process's child: the parent's answers are not to be had here.
  void AfterForkInChild(bool) override {
    watch_.AfterForkInChild();
    LetGo();
  }

 private:
  // Every look at the child goes by here.
  Result<WaitOutcome> Seen(Result<WaitOutcome> outcome) {
    if (told_ || !outcome.ok() || outcome.value().kind == WaitOutcome::Kind::kRunning) {
      return outcome;
    }
    told_ = true;
    ProcessObserver* const observer = EnvState::Get(Env()).observer;
    if (observer != nullptr) {
      observer->ChildEnded(child_.pid(), outcome.value().report.signal != 0);
    }
    return outcome;
  }

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
    const Result<WaitOutcome> outcome = Seen(child_.Check());
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

  Napi::Value Check(const Napi::CallbackInfo& info) {
    return ToJs(info.Env(), Seen(child_.Check()));
  }

  Napi::Value WaitSync(const Napi::CallbackInfo& info) {
    Args args(info);
    const double timeout_ms = args.TimeoutMs(0, "timeoutMs");
    if (!args.ok()) return info.Env().Undefined();
    return ToJs(info.Env(), Seen(child_.WaitUntil(DeadlineAfterMs(timeout_ms))));
  }

  Napi::Value Kill(const Napi::CallbackInfo& info) {
    Args args(info);
    const int signal = args.Integer(0, "signal", 0);
    if (!args.ok()) return info.Env().Undefined();
    Result<bool> sent = child_.Kill(signal);
    if (!sent.ok()) return Throw(info.Env(), sent.status());
    return Napi::Boolean::New(info.Env(), sent.value());
  }

  void Collect(const Napi::CallbackInfo&) {
    child_.TakeOver();
    // One that still runs, or that libuv has collected after all, is left as it is.
    (void)child_.Check();
  }

  void EndWithThread(const Napi::CallbackInfo&) { ends_with_thread_ = true; }

  void Release(const Napi::CallbackInfo&) {
    watch_.Close();
    callback_.Reset();
    LetGo();
  }

  // Nothing is left of it for a forked child to let go of, so none has to come by: each would copy
  // the page that it lies in.
  void LetGo() {
    child_.Close();
    group_->held.erase(this);
    Unlink();
  }

  Napi::Value Pid(const Napi::CallbackInfo& info) {
    return Napi::Number::New(info.Env(), child_.pid());
  }

  Napi::Value Ended(const Napi::CallbackInfo& info) {
    return Napi::Boolean::New(info.Env(), child_.ended());
  }

  Napi::Value Fd(const Napi::CallbackInfo& info) {
    return Napi::Number::New(info.Env(), child_.handle());
  }

  std::shared_ptr<ChildGroup> group_;
  Child child_;
  PollWatch watch_;
  Napi::FunctionReference callback_;
  bool reap_ = true;
  bool keeps_loop_ = true;
  bool ends_with_thread_ = false;
  bool told_ = false;  // the observer knows that it has ended
};

// What is not one environment's.
class ProcessReset : public ForkAware {
 public:
  void AfterForkInChild(bool) override {
    LivenessPipe::AfterForkInChild();
    ChildCollector::AfterForkInChild();
  }
};

// Node's loop has collected its children, and does so no more. (At the end of the main thread the
// process ends.)
void CollectElsewhere(ChildGroup& group) {
  std::vector<Child> left;
  for (ChildWrap* child : std::exchange(group.held, {})) left.push_back(child->Leave());
  if (!left.empty() && StayLoaded()) ChildCollector::Adopt(std::move(left));
}

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
  auto* group = new std::shared_ptr<ChildGroup>(new ChildGroup{MakeWatchGroup(env), {}});
  auto* reset = new ProcessReset;
  EnvState::Get(env).Add(reset);
  const bool is_main_thread = EnvState::Get(env).loop() == uv_default_loop();
  env.AddCleanupHook([group, reset, is_main_thread] {
    if (!is_main_thread) CollectElsewhere(**group);
    delete group;
    delete reset;
  });
  exports.Set("NativeChild", ChildWrap::Define(env, group));
  exports.Set("livenessFd", Napi::Function::New(env, LivenessFd, "livenessFd"));
  exports.Set("dieWithParent", Napi::Function::New(env, DieWithParent, "dieWithParent"));
}

}  // namespace mp
