#pragma once
// Calls from the event loop into JavaScript, and the loop's watches for one environment.

#include <napi.h>

#include <initializer_list>
#include <memory>

#include "wait/poll_watch.h"

namespace mp {

// With ticks and microtasks drained afterwards; what the function throws becomes an uncaught
// exception.
void CallFromLoop(Napi::Env env, const Napi::Function& function,
                  std::initializer_list<napi_value> args);

// False in a thread that is being terminated: it comes to its loop once more, but not to
// JavaScript.
bool CanCallFromLoop(Napi::Env env);

// The watches of this environment, which Node waits for when it ends. One group for each call.
std::shared_ptr<WatchGroup> MakeWatchGroup(Napi::Env env);

}  // namespace mp
