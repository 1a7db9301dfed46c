#pragma once
// Runs callbacks from the check phase of the event loop: polling is done, the JavaScript stack is
// empty, microtasks and ticks are drained, and Node's own immediates of this turn have run. One
// callback a turn, so that a child forked in one does not run the next, and the loop breathes
// between forks.

#include <napi.h>
#include <uv.h>

#include <deque>

#include "bind/env_state.h"

namespace mp {

class SafePoint final : public ForkAware {
 public:
  static SafePoint& Of(Napi::Env env);
  ~SafePoint() override = default;

  void Add(Napi::Function callback);
  // A clean child has none of the parent's callbacks.
  void AfterForkInChild(bool twin) override;

 private:
  SafePoint(Napi::Env env, uv_loop_t* loop);
  void RunOne();
  void Settle();
  // Node calls it when the environment ends, and waits; this object goes with the last close
  // callback.
  static void Close(napi_async_cleanup_hook_handle hook, void* self);

  Napi::Env env_;
  uv_check_t check_;
  uv_idle_t idle_;  // active while callbacks wait: the loop must not sleep before its check phase
  int open_handles_ = 2;
  napi_async_cleanup_hook_handle hook_ = nullptr;
  std::deque<Napi::FunctionReference> waiting_;
};

}  // namespace mp
