#pragma once
// Gives back what the dead held, in two stages. Stage one, as soon as the kernel has marked the
// token: what others may be waiting for. Stage two, when the thread has certainly ended: memory.
//
// One participant at a time does it, by lease. Every step may be done twice; a reaper that dies
// loses the lease to the next one, which begins again.

#include <cstdint>
#include <functional>
#include <utility>

#include "shm/object_store.h"
#include "shm/participant.h"

namespace mp {

class Reaper {
 public:
  // Takes back what `dead` held of an object, and wakes who may go on. Idempotent.
  using RecoverObject =
      std::function<void(ObjectStore& store, Participant& self, const ObjectRef& ref, Stamp dead)>;

  // Takes back what `dead` had of the arena, which runs no more. Idempotent. Called when its row
  // says that there is something (RowUse); false leaves the row for a later look.
  using RecoverMemory = std::function<bool(ObjectStore& store, Participant& self, Stamp dead)>;

  // Without `memory` a row that uses the arena stays for a reaper that has it.
  Reaper(Participant* self, ObjectStore* store, RecoverObject recover,
         RecoverMemory memory = nullptr)
      : self_(*self),
        store_(*store),
        recover_(std::move(recover)),
        recover_memory_(std::move(memory)) {}

  struct Report {
    uint32_t recovered = 0;  // rows whose objects were given back
    uint32_t freed = 0;      // rows that can be taken again
    // Rows still to be freed, or another participant was at it: call again later.
    uint32_t pending = 0;
  };
  // Cheap when nobody has died: one look at every row.
  Report Run();

 private:
  bool TakeLease();
  void DropLease();
  bool FindSuspects();
  void GiveBack(uint32_t id, const Identity& dead);
  bool FreeRow(uint32_t id, const Identity& dead);

  Participant& self_;
  ObjectStore& store_;
  RecoverObject recover_;
  RecoverMemory recover_memory_;
};

}  // namespace mp
