#pragma once
#include <napi.h>

namespace mp {

// NativeNamedSemaphore and unlinkSemaphore: lib/backend/native/named-semaphores.ts has their types.
void InitNamedSemaphore(Napi::Env env, Napi::Object exports);

}  // namespace mp
