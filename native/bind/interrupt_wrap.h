#pragma once
#include <napi.h>

namespace mp {

// announceInterrupt
void InitInterrupt(Napi::Env env, Napi::Object exports);

}  // namespace mp
