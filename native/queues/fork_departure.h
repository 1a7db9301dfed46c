#pragma once
// References on their way to a child that is about to be forked: in a block of the arena, counted
// and marked as those of a message (carried.h). It is the parent's, then the child's, and when the
// one that has it dies, its reaper lands them. When the parent has, or leaves, they wait for the
// child for as long as that lives.

#include <vector>

#include "queues/message_space.h"

namespace mp {

// A plain value, which the child finds in its copy of the parent's memory.
struct ForkDeparture {
  BlockRef block = 0;  // 0: there is nothing, or no memory for it
  uint64_t state = 0;  // of the block, while it is the parent's
};

// By the parent, which has them open, before the fork.
ForkDeparture DepartAhead(MessageSpace* space, const std::vector<ObjectRef>& refs);
// Where the kernel writes the child's number, before that runs. Null: there is nothing.
int* ChildNumberOf(const Segment& segment, const ForkDeparture& departure);
// Of a spent block of a dead process: whether it is to be left for a child of that.
bool IsForChild(const Block& block, uint64_t state, uint32_t dead_pid);
// By the child, before it opens any of them.
bool TakeOver(MessageSpace* space, ForkDeparture* departure);
// By the child, when it has opened what it wants.
void LandBehind(MessageSpace* space, const ForkDeparture& departure);
// By a child that has no part in the segment: nobody waits for it.
void RefuseDeparture(const Segment& segment, const ForkDeparture& departure);
// By the parent: when nothing was forked, or the child has settled or ended. What that has not
// taken over lands.
void EndDeparture(MessageSpace* space, const ForkDeparture& departure);

}  // namespace mp
