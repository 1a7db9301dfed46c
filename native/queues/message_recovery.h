#pragma once
// What becomes of the messages of the dead, and of queues that nobody has any more. By one
// participant at a time, which has the lease of the dead; every step may be done again by the next.

#include <vector>

#include "queues/line.h"
#include "queues/message_space.h"

namespace mp {

class MessageRecovery final : private BlockJudge {
 public:
  explicit MessageRecovery(MessageSpace* space) : space_(*space), segment_(space->segment()) {}

  // What a participant that certainly runs no more had of the arena. False when something is left
  // for a later look, for want of memory, or for a child that it has forked.
  bool Run(Stamp dead);
  // Gives back what a queue has of the arena. Its place must be retired (ObjectStore::Dismantle).
  bool Dismantle(const ObjectRef& ref, ObjectStore::Dismantling* dismantling);

 private:
  // A queue, for as long as it is looked at.
  struct Opened {
    SharedQueue* shared = nullptr;
    QueueName name = 0;
    Line main;
    Line back;
  };
  struct Returning {
    uint64_t position;
    BlockRef ref;
    uint64_t seen;
  };

  bool IsPartOfQueue(BlockRef ref, const Block& block) override;
  void Settle(BlockRef ref, const Block& block, uint64_t seen) override;

  Opened* Open(QueueName name);
  void SettleDone();
  void SettlePublish();
  void CollectTaken();
  void CollectKept();
  std::vector<BlockRef> ListOf(const ParticipantRow& row, uint32_t count) const;
  bool IsAnnouncedAsTaken(const Returning& message, QueueName name) const;
  bool IsTaking(const ParticipantRow& row, QueueName name, const Returning& message) const;
  bool IsInSlot(Opened* queue, BlockRef ref, uint64_t position) const;
  bool ReturnAll();
  bool Return(const Returning& message);
  bool PutBack(Opened* queue, const Returning& message, const Block& block);
  void CountAllAsDone();
  void CountAsAbandoned(Opened* queue, Returning* message, const Block& block);
  void WakeAll();
  void Lose(BlockRef ref, const Block& block, uint64_t seen);
  bool FreeLine(QueueName name, Line* line, SharedLine* shared,
                ObjectStore::Dismantling* dismantling);
  bool FreeMessage(BlockRef ref, const Block& block, ObjectStore::Dismantling* dismantling);

  MessageSpace& space_;
  const Segment& segment_;
  Stamp dead_;
  bool leaves_to_child_ = false;
  std::vector<std::unique_ptr<Opened>> opened_;
  std::vector<Returning> returning_;
  std::vector<Returning> counting_;
};

}  // namespace mp
