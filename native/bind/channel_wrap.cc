#include "bind/channel_wrap.h"

#include <algorithm>
#include <cerrno>
#include <cstdlib>
#include <memory>
#include <span>
#include <utility>
#include <vector>

#include "base/deadline.h"
#include "bind/args.h"
#include "bind/env_state.h"
#include "bind/loop_callback.h"
#include "bind/to_js.h"
#include "os/descriptor.h"
#include "os/fd_channel.h"
#include "wait/poll_watch.h"

namespace mp {
namespace {

// Below this a message is copied into memory of the JavaScript heap's own; above, its memory is
// handed over.
constexpr uint64_t kCopiedBytes = 32 * 1024;

class ChannelWrap : public Napi::ObjectWrap<ChannelWrap>, public ForkAware {
 public:
  static Napi::Function Define(Napi::Env env, std::shared_ptr<WatchGroup>* group) {
    return DefineClass(env, "NativeChannel",
                       {InstanceMethod<&ChannelWrap::TryRecv>("tryRecv"),
                        InstanceMethod<&ChannelWrap::TrySend>("trySend"),
                        InstanceMethod<&ChannelWrap::Flush>("flush"),
                        InstanceMethod<&ChannelWrap::WaitSync>("waitSync"),
                        InstanceMethod<&ChannelWrap::Readable>("readable"),
                        InstanceMethod<&ChannelWrap::Watch>("watch"),
                        InstanceMethod<&ChannelWrap::Duplicate>("duplicate"),
                        InstanceMethod<&ChannelWrap::Close>("close"),
                        InstanceAccessor<&ChannelWrap::Pending>("pending"),
                        InstanceAccessor<&ChannelWrap::HoldsInput>("holdsInput"),
                        InstanceAccessor<&ChannelWrap::Fd>("fd")},
                       group);
  }

  explicit ChannelWrap(const Napi::CallbackInfo& info)
      : ObjectWrap(info),
        watch_(*static_cast<std::shared_ptr<WatchGroup>*>(info.Data()), [this] { OnReady(); }) {
    Args args(info);
    const int fd = args.Descriptor(0, "fd");
    const Napi::Function on_ready = args.Function(1, "onReady");
    if (!args.ok()) return;
    channel_ = FdChannel(UniqueFd(fd));
    // The object keeps its callback, and only while it watches does anything here keep the object.
    info.This().As<Napi::Object>().DefineProperty(
        Napi::PropertyDescriptor::Value("onReady", on_ready, napi_default));
    on_ready_ = Napi::Weak(on_ready);
    EnvState::Get(info.Env()).Add(this);
  }

  void AfterForkInChild(bool) override {
    watch_.AfterForkInChild();
    channel_.AfterForkInChild();
  }

 private:
  Napi::Value TryRecv(const Napi::CallbackInfo& info) {
    Napi::Env env = info.Env();
    Args args(info);
    const std::span<uint8_t> scratch = args.Bytes(0, "scratch");
    if (!args.ok()) return env.Undefined();
    Result<FdChannel::Received> received = channel_.TryReceive();
    if (!received.ok()) return Throw(env, received.status());
    if (received.value() == FdChannel::Received::kIncomplete) return env.Undefined();
    if (received.value() == FdChannel::Received::kEnd) return env.Null();
    std::vector<UniqueFd> fds = channel_.TakeFds();
    MessageBytes message = channel_.TakeBytes();
    if (fds.empty() && message.filled() <= scratch.size()) {
      std::copy_n(message.data(), message.filled(), scratch.data());
      return Napi::Number::New(env, static_cast<double>(message.filled()));
    }
    const Napi::Value bytes = BytesToJs(env, std::move(message));
    if (fds.empty() || bytes.IsEmpty()) return bytes;
    Napi::Array numbers = Napi::Array::New(env, fds.size());
    for (uint32_t i = 0; i < fds.size(); i++)
      numbers.Set(i, Napi::Number::New(env, fds[i].Release()));
    Napi::Array pair = Napi::Array::New(env, 2);
    pair.Set(0u, bytes);
    pair.Set(1u, numbers);
    return pair;
  }

  static Napi::Value BytesToJs(Napi::Env env, MessageBytes bytes) {
    const size_t size = static_cast<size_t>(bytes.filled());
    if (size <= kCopiedBytes) return Napi::Buffer<uint8_t>::Copy(env, bytes.data(), size);
    return Napi::Buffer<uint8_t>::NewOrCopy(env, bytes.Release(), size,
                                            [](Napi::Env, uint8_t* data) { std::free(data); });
  }

  Napi::Value TrySend(const Napi::CallbackInfo& info) {
    Napi::Env env = info.Env();
    Args args(info);
    const std::span<const uint8_t> bytes = args.Bytes(0, "bytes");
    const std::vector<int> fds = args.Descriptors(1, "fds");
    if (!args.ok()) return env.Undefined();
    Result<FdChannel::Sent> sent = channel_.BeginSend(bytes, fds);
    if (!sent.ok()) return Throw(env, sent.status());
    // The rest is read from the caller's memory when there is room for it.
    if (sent.value() == FdChannel::Sent::kStarted) {
      unsent_ = Napi::Persistent(info[0].As<Napi::Uint8Array>());
    }
    return Napi::Boolean::New(env, sent.value() == FdChannel::Sent::kDone);
  }

  Napi::Value Flush(const Napi::CallbackInfo& info) {
    Napi::Env env = info.Env();
    if (!channel_.sending() && unsent_.IsEmpty()) return Napi::Boolean::New(env, true);
    Napi::Uint8Array bytes = unsent_.Value();
    Result<bool> done = channel_.ContinueSend({bytes.Data(), bytes.ByteLength()});
    if (!channel_.sending()) unsent_.Reset();
    if (!done.ok()) return Throw(env, done.status());
    return Napi::Boolean::New(env, done.value());
  }

  Napi::Value WaitSync(const Napi::CallbackInfo& info) {
    Args args(info);
    const int events = args.Integer(0, "events", 0);
    const double timeout_ms = args.TimeoutMs(1, "timeoutMs");
    if (!args.ok()) return info.Env().Undefined();
    Result<bool> ready = WaitForFd(channel_.fd(), events, DeadlineAfterMs(timeout_ms));
    if (!ready.ok()) return Throw(info.Env(), ready.status());
    return Napi::Boolean::New(info.Env(), ready.value());
  }

  Napi::Value Readable(const Napi::CallbackInfo& info) {
    return Napi::Boolean::New(info.Env(), channel_.Readable());
  }

  Napi::Value Watch(const Napi::CallbackInfo& info) {
    Args args(info);
    const int events = args.Integer(0, "events", 0);
    if (!args.ok()) return info.Env().Undefined();
    if (events == 0) {
      Rest();
      return info.Env().Undefined();
    }
    const Status status = watch_.Start(channel_.fd(), events);
    if (!status.ok()) return Throw(info.Env(), status);
    if (!held_) {
      held_ = true;
      Ref();
    }
    return info.Env().Undefined();
  }

  Napi::Value Duplicate(const Napi::CallbackInfo& info) {
    Result<UniqueFd> copy = DuplicateFd(channel_.fd());
    if (!copy.ok()) return Throw(info.Env(), copy.status());
    return Napi::Number::New(info.Env(), copy.value().Release());
  }

  void Close(const Napi::CallbackInfo&) {
    Rest();
    watch_.Close();
    channel_.Close();
    unsent_.Reset();
  }

  Napi::Value Pending(const Napi::CallbackInfo& info) {
    return Napi::Boolean::New(info.Env(), channel_.sending());
  }
  Napi::Value HoldsInput(const Napi::CallbackInfo& info) {
    return Napi::Boolean::New(info.Env(), channel_.holds_input());
  }
  Napi::Value Fd(const Napi::CallbackInfo& info) {
    return Napi::Number::New(info.Env(), channel_.fd());
  }

  void Rest() {
    watch_.Pause();
    if (!held_) return;
    held_ = false;
    Unref();
  }

  void OnReady() {
    Napi::Env env = Env();
    Napi::HandleScope scope(env);
    const Napi::Function on_ready = on_ready_.Value();
    if (!on_ready.IsEmpty()) CallFromLoop(env, on_ready, {});
  }

  FdChannel channel_;
  PollWatch watch_;
  Napi::FunctionReference on_ready_;
  Napi::Reference<Napi::Uint8Array> unsent_;
  bool held_ = false;
};

Napi::Value PairToJs(Napi::Env env, Result<FdPair> pair) {
  if (!pair.ok()) return Throw(env, pair.status());
  auto& [first, second] = pair.value();
  Napi::Array list = Napi::Array::New(env, 2);
  // In a worker_thread that is being terminated nobody can be told, and nobody would close them.
  if (!list.Set(0u, Napi::Number::New(env, first.get())) ||
      !list.Set(1u, Napi::Number::New(env, second.get())))
    return env.Undefined();
  first.Release();
  second.Release();
  return list;
}

Napi::Value SocketPair(const Napi::CallbackInfo& info) {
  return PairToJs(info.Env(), MakeSocketPair());
}
Napi::Value Pipe(const Napi::CallbackInfo& info) {
  return PairToJs(info.Env(), MakePipe());
}

void CloseFd(const Napi::CallbackInfo& info) {
  Args args(info);
  const int fd = args.Descriptor(0, "fd");
  if (args.ok()) UniqueFd(fd).Reset();
}

Napi::Value PollDescriptors(const Napi::CallbackInfo& info) {
  Napi::Env env = info.Env();
  Args args(info);
  const std::vector<int> fds = args.Descriptors(0, "fds");
  const std::vector<int> events = args.Descriptors(1, "events");
  const double timeout_ms = args.TimeoutMs(2, "timeoutMs");
  if (!args.ok()) return env.Undefined();
  std::vector<AwaitedFd> awaited;
  for (size_t i = 0; i < fds.size() && i < events.size(); i++)
    awaited.push_back({fds[i], events[i]});
  Result<bool> ready = WaitForAnyFd(awaited, DeadlineAfterMs(timeout_ms));
  if (!ready.ok()) return Throw(env, ready.status());
  return Napi::Boolean::New(env, ready.value());
}

}  // namespace

void InitChannel(Napi::Env env, Napi::Object exports) {
  auto* group = new std::shared_ptr<WatchGroup>(MakeWatchGroup(env));
  env.AddCleanupHook([group] { delete group; });
  exports.Set("NativeChannel", ChannelWrap::Define(env, group));
  exports.Set("socketPair", Napi::Function::New(env, SocketPair, "socketPair"));
  exports.Set("pipe", Napi::Function::New(env, Pipe, "pipe"));
  exports.Set("pollDescriptors", Napi::Function::New(env, PollDescriptors, "pollDescriptors"));
  exports.Set("closeFd", Napi::Function::New(env, CloseFd, "closeFd"));
}

}  // namespace mp
