#pragma once
// References to objects in messages. They are on their way from the moment at which the message is
// put, until its receiver has opened them, or it is lost. Each says so itself, by a mark; between
// counting and marking one, whoever does it has announced the step. So whoever dies with a message
// in its hands, at any instruction, leaves every reference either counted and marked or not.

#include <vector>

#include "queues/announcement.h"
#include "sync/sync_space.h"

namespace mp {

// In front of a message's bytes.
struct CarriedRef {
  uint64_t offset;
  uint32_t generation;
  uint32_t kind;
};

constexpr uint32_t kIsCounted = 1 << 8;  // in CarriedRef::kind

// References of a message that are on their way, as far as its block can be believed.
std::vector<ObjectRef> CarriedBy(const Block& block);

// Just before the message of an own block is put; whoever does it has the objects open. What is not
// there any more stays behind.
void DepartCarried(SyncSpace* space, BlockRef ref, const Block& block);
// The message was not put after all, its receiver has opened what it carried, or it is lost. The
// block is the caller's, or that of somebody dead of whom the caller has the lease.
void LandCarried(SyncSpace* space, BlockRef ref, const Block& block);
// The same for a queue that is being dismantled. False: not everything, in this call.
bool LandCarried(SyncSpace* space, BlockRef ref, const Block& block,
                 ObjectStore::Dismantling* dismantling);

// What somebody dead was counting: it is marked, or not, as it was counted.
void SettleCarried(ObjectStore* store, const Segment& segment, uint32_t dead);
// What others who are dead were counting of that block.
void SettleCarriedOf(ObjectStore* store, const Segment& segment, BlockRef ref);

}  // namespace mp
