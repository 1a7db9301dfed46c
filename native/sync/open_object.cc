#include "sync/open_object.h"

#include <cerrno>

#include "sync/barrier.h"
#include "sync/bounded_semaphore.h"
#include "sync/condition.h"
#include "sync/event.h"
#include "sync/rlock.h"
#include "sync/semaphore.h"

namespace mp {
namespace {

template <typename T>
Result<std::shared_ptr<SyncObject>> Open(SyncSpace* space, const ObjectRef& ref) {
  auto opened = space->Open<T>(ref);
  if (!opened.ok()) return opened.status();
  return std::static_pointer_cast<SyncObject>(opened.value());
}

}  // namespace

Result<std::shared_ptr<SyncObject>> OpenObject(SyncSpace* space, const ObjectRef& ref) {
  switch (ref.kind) {
    case ObjectKind::kLock:
      return Open<RLock>(space, ref);
    case ObjectKind::kSemaphore:
      return Open<Semaphore>(space, ref);
    case ObjectKind::kBoundedSemaphore:
      return Open<BoundedSemaphore>(space, ref);
    case ObjectKind::kCondition:
      return Open<Condition>(space, ref);
    case ObjectKind::kEvent:
      return Open<Event>(space, ref);
    case ObjectKind::kBarrier:
      return Open<Barrier>(space, ref);
    default:
      return Status::Failed(EINVAL, "Open");
  }
}

}  // namespace mp
