#pragma once
// Opening an object by its reference alone.

#include "sync/sync_space.h"

namespace mp {

// The class follows from the reference's kind; a lock is opened as an RLock, which is one. Fails
// with ESTALE when the object is gone, EINVAL when the reference cannot be one.
Result<std::shared_ptr<SyncObject>> OpenObject(SyncSpace* space, const ObjectRef& ref);

}  // namespace mp
