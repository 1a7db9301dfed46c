#pragma once
// What all objects have in common in one process: the attachment, and the waiters here.

#include "shm/object_header.h"
#include "sync/wait_point.h"

namespace mp {

class SyncObject : public WaitPoint {
 public:
  SyncObject(SyncSpace* space, const ObjectRef& ref);
  ~SyncObject() override;

  const ObjectRef& ref() const { return ref_; }

 protected:
  friend class SyncSpace;

  // Whether this participant holds something of it. It then stays attached when the last handle
  // here goes, so that its death is recovered all the same.
  virtual bool HoldsSome() const { return false; }
  // The last handle here goes.
  virtual void Close();
  // Ends the attachment, unless that has been done.
  void LetGo();

 private:
  ObjectRef ref_;
  bool detaches_ = true;
};

}  // namespace mp
