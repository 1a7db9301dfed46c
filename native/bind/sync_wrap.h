#pragma once
#include <napi.h>

namespace mp {

// sync: the shared objects of this environment. Linux only.
void InitSync(Napi::Env env, Napi::Object exports);

}  // namespace mp
