#include "bind/safe_point.h"

#include "bind/loop_callback.h"

namespace mp {

SafePoint& SafePoint::Of(Napi::Env env) {
  EnvState& state = EnvState::Get(env);
  if (state.safe_point == nullptr) state.safe_point = new SafePoint(env, state.loop());
  return *state.safe_point;
}

SafePoint::SafePoint(Napi::Env env, uv_loop_t* loop) : env_(env) {
  uv_check_init(loop, &check_);
  uv_idle_init(loop, &idle_);
  check_.data = idle_.data = this;
  uv_unref(reinterpret_cast<uv_handle_t*>(&check_));
  EnvState::Get(env).Add(this);
  napi_add_async_cleanup_hook(env, &SafePoint::Close, this, nullptr);
}

void SafePoint::Close(napi_async_cleanup_hook_handle hook, void* self) {
  auto* point = static_cast<SafePoint*>(self);
  point->waiting_.clear();
  point->Unlink();
  point->hook_ = hook;
  const uv_close_cb closed = [](uv_handle_t* handle) {
    auto* owner = static_cast<SafePoint*>(handle->data);
    if (--owner->open_handles_ != 0) return;
    napi_remove_async_cleanup_hook(owner->hook_);
    delete owner;
  };
  uv_close(reinterpret_cast<uv_handle_t*>(&point->check_), closed);
  uv_close(reinterpret_cast<uv_handle_t*>(&point->idle_), closed);
}

void SafePoint::Add(Napi::Function callback) {
  waiting_.push_back(Napi::Persistent(callback));
  Settle();
}

void SafePoint::Settle() {
  if (waiting_.empty()) {
    uv_idle_stop(&idle_);
    uv_check_stop(&check_);
    return;
  }
  uv_idle_start(&idle_, [](uv_idle_t*) {});
  uv_check_start(&check_,
                 [](uv_check_t* handle) { static_cast<SafePoint*>(handle->data)->RunOne(); });
}

void SafePoint::RunOne() {
  Napi::HandleScope scope(env_);
  Napi::FunctionReference callback = std::move(waiting_.front());
  waiting_.pop_front();
  Settle();
  CallFromLoop(env_, callback.Value(), {});
}

void SafePoint::AfterForkInChild(bool twin) {
  if (twin) return;
  waiting_.clear();
  Settle();
}

}  // namespace mp
