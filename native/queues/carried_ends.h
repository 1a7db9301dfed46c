#pragma once
// Ends of pipes in messages: they are on their way from the moment at which the message is.

#include "queues/message_queue.h"

namespace mp {

// Just before the message of an own block is put. Dead between the two steps of one: that end is
// never seen to be closed.
void DepartEnds(ObjectStore& store, const Block& block);
// It was not put after all.
void RecallEnds(ObjectStore& store, const Block& block);

}  // namespace mp
