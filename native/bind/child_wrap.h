#pragma once
#include <napi.h>

namespace mp {

// NativeChild, livenessFd, dieWithParent
void InitChild(Napi::Env env, Napi::Object exports);

}  // namespace mp
