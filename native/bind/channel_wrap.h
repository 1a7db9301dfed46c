#pragma once
#include <napi.h>

namespace mp {

// NativeChannel, socketPair, pipe, closeFd
void InitChannel(Napi::Env env, Napi::Object exports);

}  // namespace mp
