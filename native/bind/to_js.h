#pragma once
// Status → JavaScript error shaped like Node's own: { code: 'ENOENT', errno: -2, syscall: 'open' }.

#include <napi.h>

#include "base/status.h"

namespace mp {

Napi::Error ToError(Napi::Env env, const Status& status);

// Throws into JavaScript and returns undefined, so that a callback can `return Throw(…)`.
Napi::Value Throw(Napi::Env env, const Status& status);

}  // namespace mp
