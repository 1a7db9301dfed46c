#pragma once
// Stage one of a death, object by object.

#include "shm/object_store.h"
#include "shm/participant.h"

namespace mp {

void RecoverObject(ObjectStore& store, Participant& self, const ObjectRef& ref, Stamp dead);

}  // namespace mp
