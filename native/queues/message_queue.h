#pragma once
// A queue of messages among any number of processes, as one participant has it.
//
// A message is in the queue by one swap of a slot, and taken by one swap of the head (line.h): what
// a dead participant had put is there, what it had not is not, and what it was just taking goes
// back to the others. Nobody waits for anybody who is stopped.
//
// Whatever waits is in one of three sets: those who get, those who put and found no room, those who
// wait until everything is finished.

#include <deque>
#include <span>
#include <type_traits>
#include <vector>

#include "queues/carried.h"
#include "queues/lent.h"
#include "queues/line.h"
#include "queues/message_space.h"
#include "queues/queue_layout.h"
#include "queues/queue_wake.h"
#include "sync/sync_object.h"

namespace mp {

struct QueueShape {
  uint64_t max_size = 0;  // messages at a time; 0: no bound
  uint64_t max_bytes = 0;
  OnConsumerDied on_consumer_died = OnConsumerDied::kNotCounted;
  // Ends and breaks with the ends of a pipe. When it is empty there is room for any message.
  bool of_pipe = false;
};

// BlockHeader::spare: how many references are in front of the message 32, and how many of its first
// bytes only say what the others are, which may be had without them, 32: mostly none. One is a
// head.
constexpr uint32_t kFrontShift = 32;
inline uint64_t CarriedCount(const Block& block) {
  return static_cast<uint32_t>(block.header->spare.load(std::memory_order_relaxed));
}
inline uint32_t FrontLength(const Block& block) {
  return static_cast<uint32_t>(block.header->spare.load(std::memory_order_relaxed) >> kFrontShift);
}

inline uint32_t FirstRingOf(const SharedQueue& queue) {
  return static_cast<uint32_t>(queue.first_ring.load(std::memory_order_relaxed) & 31);
}

// A message that is being made, in memory that others will see: this participant's, to be put or
// dropped.
struct StagedMessage {
  BlockRef block = 0;
  std::byte* bytes = nullptr;
  CarriedRef* carried = nullptr;
};

struct Message {
  std::vector<std::byte> bytes;
  // Instead of them: where a long message lies, to be copied once and given back.
  Loan lent = {};
  // How many of either are its front.
  uint32_t front = 0;
};

// Where messages go that somebody takes at once or blocks for.
class MessageTarget {
 public:
  // How many messages of that length there is room for; 0: not for one.
  virtual uint32_t RoomFor(uint64_t length) const = 0;
  // False: there is no room for it.
  virtual bool Add(const std::byte* bytes, uint64_t length) = 0;
  // The next one is in the request's `messages` instead.
  virtual void AddElsewhere() = 0;

 protected:
  ~MessageTarget() = default;
};

// What somebody wants of a queue, and gets.
struct QueueRequest {
  // kRoom waits until a message of that length would be put; nothing is put.
  enum class Kind : uint8_t { kPut, kGet, kPoll, kJoin, kRoom } kind = Kind::kPoll;
  BlockRef staged = 0;
  uint64_t length = 0;  // of what is to be put
  uint32_t most = 1;
  // What was got: in `target`, if there is one and it has room, else in `messages`. With a target
  // whoever has got none is to take the first one by other means: it is too long, or comes in two.
  MessageTarget* target = nullptr;
  uint32_t taken = 0;
  std::vector<Message> messages;
  Status error;
};

// An async waiter, with what it wants. Its `request.subject` must be &wanted.
struct QueueWaiter : AsyncWaiter {
  QueueRequest wanted;
};

class MessageQueue final : public SyncObject {
 public:
  static constexpr ObjectKind kKind = ObjectKind::kQueue;
  MessageQueue(SyncSpace* space, const ObjectRef& ref);
  ~MessageQueue() override;

  // Room for a message of so many bytes and references, of whose bytes so many are its front.
  // ENOSPC, ENOMEM.
  Result<StagedMessage> Stage(uint64_t bytes, uint32_t carried, uint32_t front = 0);
  void Drop(const StagedMessage& staged);

  // kDone: the message is in the queue. kFailed: `error` says why. kBroken: nobody will read it.
  // Else it is still staged.
  SyncOutcome TryPut(BlockRef staged, Status* error);
  // The same without telling those who wait for messages: that is to be done at once, for one or
  // for several. Dead in between: the reaper does it.
  SyncOutcome Publish(BlockRef staged, Status* error);
  void TellGetters(uint32_t count);
  // kDone: a message of so many bytes would be put. kBroken, kPending.
  SyncOutcome LookForRoom(uint64_t length);
  // Up to `most` messages: `visit(bytes, length)` for each, whose bytes are gone afterwards, or
  // `visit(bytes, length, block)`. 0 when there is none; Look then says whether there will be.
  // What they carry is open here afterwards (MessageSpace::TakeReceived).
  template <typename Visit>
  uint32_t TryTake(uint32_t most, Visit visit);
  // How long the first message is, for whoever needs to know before taking it, and how much of that
  // is its front. False: none.
  bool FirstLength(uint64_t* length, uint32_t* front = nullptr);
  // For those who would have to go back to their event loop: looks on for a moment, as long as that
  // pays, and no longer than `most_ns`. True: a message seems to be there.
  bool LookOn(uint64_t most_ns);
  // kDone: a message is there. kClosed: none will ever be. kPending else.
  SyncOutcome Look();

  // A number beside the messages, written by the one who writes to a pipe. Dead before the store or
  // after it: it is the one or the other.
  void SetMark(uint64_t number) { queue().mark.store(number, std::memory_order_release); }
  uint64_t mark() const { return queue().mark.load(std::memory_order_acquire); }

  // kGet without waiting: kDone, kClosed, kPending, kForeign.
  SyncOutcome TakeOnce(QueueRequest* request) {
    return Usable() ? Take(request) : SyncOutcome::kForeign;
  }
  // By request.kind.
  SyncOutcome RunSync(QueueRequest* request, uint64_t deadline_ns);
  SyncOutcome RunAsync(QueueWaiter* waiter);

  // No more puts of this participant.
  void CloseSide();
  bool closed() const { return closed_; }

  // The oldest message that is kept here, or else any. False when none is unfinished.
  bool TaskDone();
  uint64_t Unfinished() const;
  // Messages that count as done because who had taken them has died (OnConsumerDied::kCount).
  // Whoever sees one finished sees it counted here.
  uint64_t Abandoned() const;
  uint64_t Size() const { return main_.Size() + back_.Size(); }
  QueueShape shape() const;
  bool Keeps() const { return counts_; }

  static Status Check(QueueShape shape);
  static void Initialise(SharedObject* object, QueueShape shape);
  // Stage one: the dead waits no more and puts no more.
  static void Recover(Participant& self, SharedObject* object, Stamp dead);
  // Whether somebody waits for that here: whoever comes later must not be served first.
  bool HasWaitersHere(QueueRequest::Kind kind) const {
    if (IsForRoom(kind)) return room_.WaitsHere();
    return kind == QueueRequest::Kind::kJoin ? finish_.WaitsHere() : WaitsHere();
  }
  // A reference has landed or was recalled. If it was the last one to a queue, its consumers are at
  // the end. Whether or not the queue is open here.
  static void Landed(SyncSpace* space, const ObjectRef& ref);
  // Of a pipe, when that end of it is made, and when nobody has it any more: the other side is
  // told.
  void KeptBy(uint64_t end, const ObjectRef& ref);
  static void EndHasGone(SyncSpace* space, const ObjectRef& ref, uint64_t end);

 protected:
  SyncOutcome Try(WaitRequest* request) override;
  SyncOutcome Enrol(WaitRequest*) override {
    TellOfWaiter(&shared());
    return SyncOutcome::kPending;
  }
  SyncOutcome Attempt(WaitRequest* request) override { return Try(request); }
  void Nudge() override;
  bool LooksReady(const WaitRequest& request) const override;
  bool HoldsSome() const override { return !kept_.empty(); }
  void Close() override;

 private:
  friend class MessageSpace;
  // Those who wait for something else than messages.
  class Beside final : public WaitPoint {
   public:
    Beside(MessageQueue* queue, SharedObject* shared)
        : WaitPoint(&queue->space(), shared), queue_(*queue) {}
    using WaitPoint::shared;
    using WaitPoint::WaitAsync;
    using WaitPoint::WaitsHere;
    using WaitPoint::WaitSync;
    using WaitPoint::WithdrawAll;

   protected:
    // Nobody is to look for a waiter that is not there.
    SyncOutcome Try(WaitRequest* request) override { return queue_.AttemptBeside(request); }
    SyncOutcome Enrol(WaitRequest*) override {
      TellOfWaiter(&shared());
      return SyncOutcome::kPending;
    }
    SyncOutcome Attempt(WaitRequest* request) override { return queue_.AttemptBeside(request); }
    void Nudge() override { queue_.NudgeBeside(*this); }
    bool LooksReady(const WaitRequest& request) const override {
      return queue_.LooksReadyBeside(request);
    }

   private:
    MessageQueue& queue_;
  };
  struct Kept {
    BlockRef block;
    uint64_t state;
  };

  SharedQueue& queue() const { return reinterpret_cast<SharedQueue&>(shared()); }
  MessageSpace& messages() const { return static_cast<MessageSpace&>(space()); }
  ParticipantRow& row() const { return space().participant().row(); }
  const Segment& segment() const { return space().segment(); }
  static bool IsForRoom(QueueRequest::Kind kind) {
    return kind == QueueRequest::Kind::kPut || kind == QueueRequest::Kind::kRoom;
  }
  Beside& PointFor(QueueRequest::Kind kind) { return IsForRoom(kind) ? room_ : finish_; }
  bool IsOfPipe() const;
  bool IsBroken() const;
  bool Fits(uint64_t length, bool alone, uint64_t in_queue) const;
  bool HasRoom(uint64_t length);
  Stamp HolderOf(uint64_t end) const;

  SyncOutcome AttemptBeside(WaitRequest* request);
  bool SayLength(const QueueRequest& wanted);
  bool LooksReadyBeside(const WaitRequest& request);
  SyncOutcome Take(QueueRequest* request);
  void TakeAlone(QueueRequest* request, std::span<const std::byte> bytes, const Block& block);
  Line::Admission Admit(const Block& block, uint64_t position, uint64_t head);
  bool BytesBefore(uint64_t position, uint64_t head, uint64_t* in_queue, uint64_t* sum);
  template <typename Visit>
  uint32_t TakeFrom(Line* line, uint32_t most, Visit visit);
  BlockRef ListTaken(const BlockRef* taken, uint32_t* several);
  void Keep(BlockRef ref, const Block& block, uint64_t seen);
  void Spend(BlockRef ref, const Block& block, uint64_t seen);
  bool IsOver();
  uint64_t Reached() const;
  void AfterTaking(uint32_t count);
  void NudgeBeside(const Beside& point);
  void NudgeItems();
  void WakeIfEnded();

  QueueName name_;
  Line main_;
  Line back_;
  Beside room_;
  Beside finish_;
  // For those who go back to their event loop when it was in vain.
  Spinner look_on_;
  uint64_t looked_ns_ = 0;  // since when such a one has waited
  bool counts_;
  bool closed_ = false;
  std::deque<Kept> kept_;  // in the order of their taking
};

template <typename Visit>
uint32_t MessageQueue::TryTake(uint32_t most, Visit visit) {
  if (!Usable()) return 0;
  const uint32_t count = TakeFrom(&back_, most, visit);
  return count > 0 ? count : TakeFrom(&main_, most, visit);
}

template <typename Visit>
uint32_t MessageQueue::TakeFrom(Line* line, uint32_t most, Visit visit) {
  BlockRef blocks[kMostAtOnce];
  const uint32_t limit = most < kMostAtOnce ? most : kMostAtOnce;
  const uint32_t count =
      line->Take(space().stamp().id, limit, blocks,
                 [&](uint64_t position, const BlockRef* taken, uint32_t* several) {
                   const BlockRef named = *several == 1 ? taken[0] : ListTaken(taken, several);
                   AnnounceTake(&row(), name_, {position | line->line(), *several}, named);
                 });
  for (uint32_t i = 0; i < count; i += 1) {
    const Block block = BlockPool::At(segment(), blocks[i]);
    if (!block) continue;  // damage
    // Nobody else changes it, unless this participant dies.
    const uint64_t seen = block.header->state.load(std::memory_order_acquire);
    const uint64_t length = block.header->length.load(std::memory_order_relaxed);
    const uint64_t before = CarriedCount(block) * sizeof(CarriedRef);
    if (before <= block.capacity && length <= block.capacity - before) {
      if constexpr (std::is_invocable_v<Visit, const std::byte*, uint64_t, const Block&>) {
        visit(block.payload + before, length, block);
      } else {
        visit(block.payload + before, length);
      }
    }
    const bool carries = CarriedCount(block) != 0;
    if (carries) messages().Receive(block);
    if (counts_) {
      Keep(blocks[i], block, seen);
    } else if (carries) {
      Spend(blocks[i], block, seen);
    } else {
      BlockPool::Free(block, seen);
    }
  }
  // Also when nothing was taken after all.
  UnannounceTake(&row());
  if (count > 0) AfterTaking(count);
  return count;
}

}  // namespace mp
