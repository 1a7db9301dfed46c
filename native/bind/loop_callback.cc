#include "bind/loop_callback.h"

#include <node_api.h>

#include "bind/env_state.h"

namespace mp {
namespace {

void OnEnvironmentEnd(napi_async_cleanup_hook_handle handle, void* data) {
  auto* group = static_cast<std::shared_ptr<WatchGroup>*>(data);
  (*group)->CloseAll([handle] { napi_remove_async_cleanup_hook(handle); });
  delete group;
}

}  // namespace

void CallFromLoop(Napi::Env env, const Napi::Function& function,
                  std::initializer_list<napi_value> args) {
  napi_value result;
  // The receiver is asked for its `domain`. Not the global object: a REPL keeps the module of that
  // name there.
  const napi_status status = napi_make_callback(env, nullptr, function, function, args.size(),
                                                args.size() == 0 ? nullptr : args.begin(), &result);
  if (status != napi_pending_exception) return;
  napi_value error;
  if (napi_get_and_clear_last_exception(env, &error) == napi_ok) napi_fatal_exception(env, error);
}

// What is asked does not matter: Node-API refuses whatever might run JavaScript. The main thread,
// which ends with its process, need not ask.
bool CanCallFromLoop(Napi::Env env) {
  if (EnvState::Get(env).loop() == uv_default_loop()) return true;
  const Napi::HandleScope scope(env);
  bool found = false;
  return napi_has_element(env, env.Global(), 0, &found) == napi_ok;
}

std::shared_ptr<WatchGroup> MakeWatchGroup(Napi::Env env) {
  auto group = std::make_shared<WatchGroup>(EnvState::Get(env).loop());
  napi_add_async_cleanup_hook(env, OnEnvironmentEnd, new std::shared_ptr<WatchGroup>(group),
                              nullptr);
  return group;
}

}  // namespace mp
