#pragma once
#include <napi.h>

namespace mp {

// fork, exitNow, atSafePoint, redirect, openFile, forkUnsupported
void InitFork(Napi::Env env, Napi::Object exports);

}  // namespace mp
