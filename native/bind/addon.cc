// Registers everything. One binary for every Node version: Node-API and libuv's stable C API only.

#include <napi.h>

#include "bind/channel_wrap.h"
#include "bind/child_wrap.h"
#include "bind/env_state.h"
#include "bind/fork_wrap.h"
#include "bind/interrupt_wrap.h"
#include "bind/peer_wrap.h"
#if defined(__linux__)
#include "bind/named_semaphore_wrap.h"
#include "bind/sync_wrap.h"
#endif

namespace {

Napi::Object Init(Napi::Env env, Napi::Object exports) {
  mp::EnvState::Create(env);
  mp::InitChannel(env, exports);
  mp::InitChild(env, exports);
  mp::InitPeer(env, exports);
  mp::InitFork(env, exports);
  mp::InitInterrupt(env, exports);
#if defined(__linux__)
  mp::InitSync(env, exports);
  mp::InitNamedSemaphore(env, exports);
#endif
  return exports;
}

}  // namespace

NODE_API_MODULE(node_multiprocessing, Init)
