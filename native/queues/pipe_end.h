#pragma once
// One of the two ends of a pipe: an object of its own, which leads to a queue for each direction.
//
// Who has the end is attached to it, or has it in a message that is on its way; the store counts
// both. When the last one lets go, the queues are told that nobody will write to them, or read from
// them, any more. Until then the end keeps its queues (SharedObject::kept_by), also while it is
// nowhere but in a message.
//
//   word: the queue that it reads from, or 0 · parameter: the one that it writes to, or 0

#include <memory>

#include "queues/message_queue.h"

namespace mp {

// Bounds of one direction: about what a socket would hold.
constexpr uint64_t kPipeMessages = 1024;
constexpr uint64_t kPipeBytes = uint64_t{256} * 1024;

class PipeEnd final : public SyncObject {
 public:
  static constexpr ObjectKind kKind = ObjectKind::kPipeEnd;

  struct Pair {
    std::shared_ptr<PipeEnd> left;
    std::shared_ptr<PipeEnd> right;
  };
  // With one direction only, left reads and right writes. ENOSPC.
  static Result<Pair> MakePair(MessageSpace* space, bool duplex);
  // Fails with ESTALE when the end is gone, EINVAL when the reference cannot be one.
  static Result<std::shared_ptr<PipeEnd>> Open(MessageSpace* space, const ObjectRef& ref);

  PipeEnd(SyncSpace* space, const ObjectRef& ref) : SyncObject(space, ref) {}
  // The end first: who dies behind it still has the queues in its ledger, and they go as well.
  ~PipeEnd() override { LetGo(); }

  // Null for the direction that there is not.
  MessageQueue* in() const { return in_.get(); }
  MessageQueue* out() const { return out_.get(); }

  static Status Check(const ObjectRef&, const ObjectRef&) { return Status::Ok(); }
  static void Initialise(SharedObject* object, const ObjectRef& in, const ObjectRef& out);
  // Stage one: the dead has it no more.
  static void Recover(ObjectStore& store, const ObjectRef& ref, Stamp dead);
  // Nobody has it any more; its queues may go now (ObjectStore::Dismantle).
  static bool Dismantle(SyncSpace* space, const ObjectRef& ref,
                        ObjectStore::Dismantling* dismantling);

 protected:
  SyncOutcome Attempt(WaitRequest*) override { return SyncOutcome::kDone; }
  void Nudge() override {}
  bool LooksReady(const WaitRequest&) const override { return true; }

 private:
  void Keep(std::shared_ptr<MessageQueue> in, std::shared_ptr<MessageQueue> out);
  Status OpenQueues(MessageSpace* space);

  std::shared_ptr<MessageQueue> in_;
  std::shared_ptr<MessageQueue> out_;
};

}  // namespace mp
