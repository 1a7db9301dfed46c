#include "bind/stay_loaded.h"

#include <dlfcn.h>

namespace mp {

bool StayLoaded() {
  Dl_info info{};
  return dladdr(reinterpret_cast<void*>(&StayLoaded), &info) != 0 &&
         dlopen(info.dli_fname, RTLD_NOW | RTLD_NOLOAD | RTLD_NODELETE) != nullptr;
}

}  // namespace mp
