#include "sync/recovery.h"

#include "sync/barrier.h"
#include "sync/bounded_semaphore.h"
#include "sync/condition.h"
#include "sync/event.h"
#include "sync/lock.h"
#include "sync/semaphore.h"

namespace mp {

void RecoverObject(ObjectStore& store, Participant& self, const ObjectRef& ref, Stamp dead) {
  SharedObject* const object = store.Find(ref);
  if (object == nullptr) return;
  switch (ref.kind) {
    case ObjectKind::kLock:
      return Lock::Recover(self, object, dead);
    case ObjectKind::kSemaphore:
      return Semaphore::Recover(self, object, dead);
    case ObjectKind::kBoundedSemaphore:
      return BoundedSemaphore::Recover(self, object, dead);
    case ObjectKind::kCondition:
      return Condition::Recover(self, object, dead);
    case ObjectKind::kEvent:
      return Event::Recover(self, object, dead);
    case ObjectKind::kBarrier:
      return Barrier::Recover(self, object, dead);
    default:
      return;
  }
}

}  // namespace mp
