#pragma once
// A SyncSpace in which there are queues as well: the memory of this participant's messages, and
// what is to be done about those of the dead.

#include <memory>
#include <optional>
#include <unordered_map>

#include "ring/block_pool.h"
#include "sync/sync_space.h"

namespace mp {

class MessageSpace final : public SyncSpace {
 public:
  static Result<std::unique_ptr<MessageSpace>> Join(std::shared_ptr<Segment> segment);

  // Made with the first message.
  BlockPool& pool() {
    if (!pool_) pool_.emplace(&participant());
    return *pool_;
  }
  // Blocks that this participant has taken and keeps.
  void KeepsOneMore();
  void KeepsOneLess();
  // Where the blocks of several messages that are being taken are listed; 0 without memory.
  BlockRef list();
  // Opens what a message carries, which this participant is taking; for whoever is going to ask for
  // it, as often as it was received. What nobody asks for stays open.
  void Receive(const Block& message);
  // False when it came with no message. Null: there was no room for opening it.
  bool TakeReceived(const ObjectRef& ref, std::shared_ptr<SyncObject>* object);
  // Gives back memory that nobody needs now.
  void Trim() {
    if (pool_) pool_->Trim();
  }
  // Before this participant leaves: what it has of the arena is given back, or left to whoever
  // comes next. No queue is open any more.
  void ReleaseMemory() {
    received_.clear();
    pool_.reset();
    list_ = 0;
  }
  // In a forked child, whose parent's space this is, this must never run: it is leaked there.
  ~MessageSpace() override = default;

 protected:
  void Recover(const ObjectRef& ref, Stamp dead) override;
  bool RecoverMemory(Stamp dead) override;
  void GiveBackIdleMemory() override {
    if (pool_) pool_->TrimOwn();
  }

 private:
  explicit MessageSpace(std::unique_ptr<Participant> participant);

  std::optional<BlockPool> pool_;
  struct Received {
    ObjectRef ref;
    std::shared_ptr<SyncObject> object;
  };
  std::unordered_multimap<uint64_t, Received> received_;  // by their place
  uint64_t kept_ = 0;
  BlockRef list_ = 0;
};

// OpenObject, and queues as well.
Result<std::shared_ptr<SyncObject>> OpenAny(MessageSpace* space, const ObjectRef& ref);

}  // namespace mp
