#pragma once
// Messages that are written or read where they lie, without a copy.
//
// One that is written is a block as every message that was staged and not put: owned, so it goes
// with its owner's death. One that is read is a block that was taken and not freed: in the name of
// whoever reads, in whosever span it lies. Its reader's death frees it: what somebody has got is
// its own, and does not come back. Of a queue that keeps messages until they are done none is lent
// to a reader, since it is to come back.

#include "queues/message_queue.h"

namespace mp {

// To be published by TryPut, or given back. Of the bytes so many are the message's front. ENOSPC,
// ENOMEM.
Result<Loan> LendToWrite(MessageSpace* space, MessageQueue* queue, uint64_t bytes,
                         uint32_t front = 0);

// What a take does with each message. False: it is not lent, and is to be copied before the take is
// over. `block` belongs to this very take.
bool LendToRead(MessageSpace* space, const MessageQueue& queue, const Block& block, Loan* loan);

// At most once, and not for one that was put. Nobody may look at its bytes any more. `space` is
// null when this participant has left: who reads is looked after then.
void GiveBack(MessageSpace* space, const Loan& loan);

}  // namespace mp
