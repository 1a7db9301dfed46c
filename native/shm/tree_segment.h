#pragma once
// The one segment of a tree of processes. The first that needs it makes it; a forked child has it
// with the rest of memory, a spawned one is given its descriptor. It means the process, not one of
// its threads.

#include <memory>

#include "base/status.h"
#include "shm/segment.h"

namespace mp {

class TreeSegment {
 public:
  // Made, or mapped, when it is first asked for.
  static Result<std::shared_ptr<Segment>> Get();
  // Null when there is none so far.
  static std::shared_ptr<Segment> Existing();
  // What a spawned child is given. Stays ours.
  static Result<int> Descriptor();
  // In a spawned child: its parent's. Mapped when it is first needed.
  static void Adopt(UniqueFd fd);
  // Another thread of the parent may have been in here.
  static void AfterForkInChild();
};

}  // namespace mp
