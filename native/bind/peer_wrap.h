#pragma once
#include <napi.h>

namespace mp {

// NativePeer
void InitPeer(Napi::Env env, Napi::Object exports);

}  // namespace mp
