#include "bind/fork_wrap.h"

#include <fcntl.h>
#include <unistd.h>

#include <cerrno>
#include <string>

#include "bind/env_state.h"
#include "bind/safe_point.h"
#include "bind/to_js.h"
#include "os/entropy.h"
#include "process/forker.h"

namespace mp {
namespace {

Napi::Value ForkUnsupported(const Napi::CallbackInfo& info) {
  const std::string reason = Forker::Unsupported();
  return reason.empty() ? info.Env().Undefined() : Napi::String::New(info.Env(), reason);
}

Napi::Value Fork(const Napi::CallbackInfo& info) {
  Napi::Env env = info.Env();
  if (info.Length() < 1 || !info[0].IsObject()) {
    Napi::TypeError::New(env, "options must be an object").ThrowAsJavaScriptException();
    return env.Undefined();
  }
  const auto options = info[0].As<Napi::Object>();
  EnvState& state = EnvState::Get(env);
  ForkRequest request;
  request.loop = state.loop();
  request.clean = options.Get("clean").ToBoolean();
  request.wait_ms = options.Get("waitMs").ToNumber().DoubleValue();
  request.has_platform_workers = options.Get("platformWorkers").ToBoolean();
  const auto keep = options.Get("keepFds").As<Napi::Array>();
  for (uint32_t index = 0; index < keep.Length(); ++index) {
    request.keep_fds.push_back(keep.Get(index).ToNumber().Int32Value());
  }
  request.in_child = [&state](bool twin) { state.NotifyForkInChild(twin); };

  if (state.observer != nullptr) request.child_number = state.observer->BeforeFork();
  Result<ForkOutcome> result = Forker::Fork(request);
  const ForkOutcome& outcome = result.value();
  if (state.observer != nullptr) {
    const bool forked = result.ok() && outcome.refusal.empty();
    if (!forked) state.observer->NotForked();
    if (forked && outcome.pid > 0) state.observer->Forked(outcome.pid);
  }
  if (!result.ok()) return Throw(env, result.status());
  if (outcome.refusal.empty()) return Napi::Number::New(env, outcome.pid);
  Napi::Object refusal = Napi::Object::New(env);
  refusal.Set("reason", outcome.refusal);
  refusal.Set("transient", Napi::Boolean::New(env, outcome.transient));
  return refusal;
}

Napi::Value AtSafePoint(const Napi::CallbackInfo& info) {
  if (info.Length() < 1 || !info[0].IsFunction()) {
    Napi::TypeError::New(info.Env(), "callback must be a function").ThrowAsJavaScriptException();
    return info.Env().Undefined();
  }
  SafePoint::Of(info.Env()).Add(info[0].As<Napi::Function>());
  return info.Env().Undefined();
}

Napi::Value ExitNow(const Napi::CallbackInfo& info) {
  const int code = info[0].ToNumber().Int32Value();
  EnvState::Get(info.Env()).NotifyExiting();
  _exit(code);
}

Napi::Value OwnPid(const Napi::CallbackInfo& info) {
  return Napi::Number::New(info.Env(), getpid());
}

Napi::Value FillRandom(const Napi::CallbackInfo& info) {
  auto bytes = info[0].As<Napi::Uint8Array>();
  // Not by uv_random: it takes 256 bytes at a time, and every child fills thirty times that.
  const Status status = FillWithEntropy(bytes.Data(), bytes.ByteLength());
  if (!status.ok()) return Throw(info.Env(), status);
  return info.Env().Undefined();
}

Napi::Value Redirect(const Napi::CallbackInfo& info) {
  const int fd = info[0].ToNumber().Int32Value();
  const int target = info[1].ToNumber().Int32Value();
  // dup2 clears close-on-exec, as stdio wants it.
  if (dup2(fd, target) < 0) return Throw(info.Env(), Status::Failed(errno, "dup2"));
  return info.Env().Undefined();
}

Napi::Value OpenFile(const Napi::CallbackInfo& info) {
  const std::string path = info[0].ToString();
  const bool append = info[1].ToString().Utf8Value() == "append";
  // A FIFO without a reader is an error then, not a wait of the whole event loop.
  const int flags = append ? O_WRONLY | O_CREAT | O_APPEND | O_NONBLOCK : O_RDONLY;
  const int fd = open(path.c_str(), flags | O_CLOEXEC, 0666);
  if (fd < 0) return Throw(info.Env(), Status::Failed(errno, "open"));
  if (append && fcntl(fd, F_SETFL, O_APPEND) != 0) {
    const Status failed = Status::Failed(errno, "fcntl");
    close(fd);
    return Throw(info.Env(), failed);
  }
  return Napi::Number::New(info.Env(), fd);
}

}  // namespace

void InitFork(Napi::Env env, Napi::Object exports) {
  exports.Set("forkUnsupported", Napi::Function::New(env, ForkUnsupported, "forkUnsupported"));
  exports.Set("fork", Napi::Function::New(env, Fork, "fork"));
  exports.Set("atSafePoint", Napi::Function::New(env, AtSafePoint, "atSafePoint"));
  exports.Set("exitNow", Napi::Function::New(env, ExitNow, "exitNow"));
  exports.Set("ownPid", Napi::Function::New(env, OwnPid, "ownPid"));
  exports.Set("fillRandom", Napi::Function::New(env, FillRandom, "fillRandom"));
  exports.Set("redirect", Napi::Function::New(env, Redirect, "redirect"));
  exports.Set("openFile", Napi::Function::New(env, OpenFile, "openFile"));
}

}  // namespace mp
