#pragma once
// Runs callbacks from the check phase of the event loop: polling is done, the JavaScript stack is empty, microtasks and ticks are
// drained, and Node's own immediates of this turn have run. One callback a turn, so that a child forked in one does not run the
// next, and the loop breathes between forks.

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
  // Node asks for it when the environment ends; the handles' memory goes with the last close callback.
  static void Close(void* self);

  Napi::Env env_;
  Napi::AsyncContext context_;
  uv_check_t check_;
  uv_idle_t idle_;  // active while callbacks wait: the loop must not sleep before its check phase
  int open_handles_ = 2;
  std::deque<Napi::FunctionReference> waiting_;
};

}  // namespace mp
