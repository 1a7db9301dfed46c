#pragma once
// How the library starts threads of its own, which run none of JavaScript.

#include <pthread.h>

#include "base/status.h"

namespace mp {

// Runs `run(argument)`, which the caller keeps, on a thread that is to be joined or detached. The
// program's signals are not for it; real-time ones are, since one of them stops it for a fork.
Result<pthread_t> StartLibraryThread(void* (*run)(void*), void* argument);

}  // namespace mp
