#include "queues/message_queue.h"

#include <algorithm>
#include <cerrno>

#include "queues/loan.h"
#include "shm/step.h"

namespace mp {
namespace {

// A copy of a shorter message costs less than to lend it.
constexpr uint64_t kLeastLent = 64 * 1024;

// What is behind its front is to be copied once, to where it stays.
bool IsInTwo(uint64_t length, uint32_t front) {
  return front > 0 && length >= kLeastLent;
}

SharedQueue& QueueAt(SharedObject* object) {
  return reinterpret_cast<SharedQueue&>(*object);
}

// Nobody can put any more. Whoever could sent a reference on its way before it closed its side.
bool HasNoWriters(const SharedQueue& queue) {
  if (queue.of_pipe.load(std::memory_order_relaxed) != 0) {
    return (queue.items.kept_by.load(std::memory_order_seq_cst) & kKeptByWriter) == 0;
  }
  const uint64_t before = queue.items.travelling.load(std::memory_order_seq_cst);
  return CountWord::Unpack(before).count == 0 && !HasAnyBit(queue.writers) &&
         queue.items.travelling.load(std::memory_order_seq_cst) == before;
}

}  // namespace

// ---- making

MessageQueue::MessageQueue(SyncSpace* space, const ObjectRef& ref)
    : SyncObject(space, ref),
      name_(LedgerEntryOf(ref)),
      main_(&space->segment(), &queue().main, {name_, 0, FirstRingOf(queue())}),
      back_(&space->segment(), &queue().back, {name_, kBackLine, kSmallestRing}),
      room_(this, &queue().room),
      finish_(this, &queue().finish),
      look_on_(&messages().wake_up_cost()),
      counts_(queue().on_consumer_died.load(std::memory_order_relaxed) !=
              static_cast<uint64_t>(OnConsumerDied::kNotCounted)) {
  if (!IsOfPipe()) SetBit(&queue().writers, space->stamp().id);
}

// Unless this is a forked child, where it is its parent's.
MessageQueue::~MessageQueue() = default;

void MessageQueue::Close() {
  room_.WithdrawAll();
  finish_.WithdrawAll();
  if (Usable()) CloseSide();
  SyncObject::Close();
}

// ---- putting

Result<StagedMessage> MessageQueue::Stage(uint64_t bytes, uint32_t carried, uint32_t front) {
  if (!Usable()) return Status::Failed(ECHILD, "Put");
  const uint64_t before = carried * sizeof(CarriedRef);
  auto allocated = messages().pool().Allocate(bytes + before);
  if (!allocated.ok()) return allocated.status();
  const Block block = BlockPool::At(segment(), allocated.value());
  if (!block) return Status::Failed(EBADMSG, "Put");
  block.header->queue.store(name_, std::memory_order_relaxed);
  block.header->length.store(bytes, std::memory_order_relaxed);
  block.header->spare.store(uint64_t{front} << kFrontShift | carried, std::memory_order_relaxed);
  return StagedMessage{allocated.value(), block.payload + before,
                       reinterpret_cast<CarriedRef*>(block.payload)};
}

void MessageQueue::Drop(const StagedMessage& staged) {
  const Block block = BlockPool::At(segment(), staged.block);
  if (Usable() && block) {
    BlockPool::Free(block, block.header->state.load(std::memory_order_relaxed));
  }
}

SyncOutcome MessageQueue::TryPut(BlockRef staged, Status* error) {
  const SyncOutcome outcome = Publish(staged, error);
  if (outcome == SyncOutcome::kDone) TellGetters(1);
  return outcome;
}

void MessageQueue::TellGetters(uint32_t count) {
  if (MayHaveWaiters(&queue().items)) WakeSome(space().participant(), &queue().items, count);
}

SyncOutcome MessageQueue::Publish(BlockRef staged, Status* error) {
  if (!Usable()) return SyncOutcome::kForeign;
  if (closed_) return SyncOutcome::kClosed;
  if (IsBroken()) return SyncOutcome::kBroken;
  const Block block = BlockPool::At(segment(), staged);
  if (!block) {
    *error = Status::Failed(EBADMSG, "Put");
    return SyncOutcome::kFailed;
  }
  const uint64_t owned = block.header->state.load(std::memory_order_relaxed);
  const uint64_t queued = PackBlockState(BlockState::kQueued, GenerationOf(owned), space().stamp());
  // Announced before it says that it is queued, and until it is or is not.
  row().ring_announced[kAnnouncedPublish].store(staged, std::memory_order_relaxed);
  block.header->state.store(queued, std::memory_order_release);
  const bool carries = CarriedCount(block) != 0;
  if (carries) DepartCarried(&space(), staged, block);
  Status failed;
  const auto published = main_.PublishOrGrow(
      &messages().pool(), staged,
      [&](uint64_t position, uint64_t head) { return Admit(block, position, head); }, &failed);
  if (published != Line::Published::kDone) {
    if (carries) LandCarried(&space(), staged, block);
    block.header->state.store(owned, std::memory_order_release);
    Unannounce(&row(), kAnnouncedPublish);
    if (published == Line::Published::kFull) return SyncOutcome::kPending;
    *error = failed;
    return SyncOutcome::kFailed;
  }
  Unannounce(&row(), kAnnouncedPublish);
  return SyncOutcome::kDone;
}

Line::Admission MessageQueue::Admit(const Block& block, uint64_t position, uint64_t head) {
  const uint64_t max_size = queue().max_size.load(std::memory_order_relaxed);
  if (max_size != 0 && position - head + back_.Size() >= max_size) return Line::Admission::kFull;
  uint64_t in_queue = 0;
  uint64_t sum = 0;
  const uint64_t max_bytes = queue().max_bytes.load(std::memory_order_relaxed);
  if (max_bytes != 0) {
    const uint64_t length = block.header->length.load(std::memory_order_relaxed);
    const uint64_t now = main_.head();
    if (now > position || !BytesBefore(position, now, &in_queue, &sum)) {
      return Line::Admission::kAgain;
    }
    if (!Fits(length, position == now, in_queue)) return Line::Admission::kFull;
    sum += length;
  }
  block.header->extra.store(sum, std::memory_order_relaxed);
  block.header->position.store(position, std::memory_order_relaxed);
  return Line::Admission::kGo;
}

// Every message says how many bytes were put up to and with it. What is read here belongs to
// messages in the queue if the head still is what it was.
bool MessageQueue::BytesBefore(uint64_t position, uint64_t head, uint64_t* in_queue,
                               uint64_t* sum) {
  if (position == head) return true;
  const Block last = BlockPool::At(segment(), main_.InSlot(position - 1));
  const Block first = BlockPool::At(segment(), main_.InSlot(head));
  if (!last || !first) return false;
  *sum = last.header->extra.load(std::memory_order_acquire);
  *in_queue = *sum - first.header->extra.load(std::memory_order_acquire) +
              first.header->length.load(std::memory_order_acquire);
  return main_.head() == head;
}

// ---- getting

bool MessageQueue::FirstLength(uint64_t* length, uint32_t* front) {
  for (Line* line : {&back_, &main_}) {
    for (;;) {
      const Line::First first = line->Peek();
      if (first.block == 0) break;
      const Block block = BlockPool::At(segment(), first.block);
      *length = block ? std::min(block.header->length.load(), block.capacity) : 0;
      // Damage: a front that is longer than the message is none.
      if (front != nullptr)
        *front = block && FrontLength(block) <= *length ? FrontLength(block) : 0;
      if (line->head() == first.position) return true;
    }
  }
  return false;
}

SyncOutcome MessageQueue::Look() {
  if (!Usable()) return SyncOutcome::kForeign;
  if (back_.Peek().block != 0 || main_.Peek().block != 0) return SyncOutcome::kDone;
  return IsOver() ? SyncOutcome::kClosed : SyncOutcome::kPending;
}

// Nothing is there, nobody can put any more, and nothing can come back from somebody else.
bool MessageQueue::IsOver() {
  if (!HasNoWriters(queue())) return false;
  if (queue().on_consumer_died.load() == static_cast<uint64_t>(OnConsumerDied::kRedeliver)) {
    return Unfinished() == kept_.size();
  }
  // Looked at again: who was the last one may have put something before it closed its side.
  return back_.Peek().block == 0 && main_.Peek().block == 0;
}

// Before they are announced. Without memory for the list, one at a time.
BlockRef MessageQueue::ListTaken(const BlockRef* taken, uint32_t* several) {
  const BlockRef list = messages().list();
  const Block block = BlockPool::At(segment(), list);
  if (!block) {
    *several = 1;
    return taken[0];
  }
  auto* const words = reinterpret_cast<std::atomic<uint64_t>*>(block.payload);
  for (uint32_t i = 0; i < *several; i += 1) {
    words[i].store(taken[i], std::memory_order_relaxed);
  }
  return list;
}

// Dead before the store: it is announced, and goes back to the others. After it: it is kept in the
// name of the dead.
void MessageQueue::Keep(BlockRef ref, const Block& block, uint64_t seen) {
  if (kept_.empty()) messages().KeepsOneMore();
  const uint64_t taken = PackBlockState(BlockState::kTaken, GenerationOf(seen), space().stamp());
  block.header->state.store(taken, std::memory_order_release);
  kept_.push_back({ref, taken});
}

// Received, with all that it carried. Dead before the store: it is announced, and goes back to the
// others with that. After it: the reaper lets go of what it carries still.
void MessageQueue::Spend(BlockRef ref, const Block& block, uint64_t seen) {
  messages().KeepsOneMore();
  const uint64_t spent =
      PackBlockState(BlockState::kTaken, GenerationOf(seen), space().stamp()) | kIsSpent;
  block.header->state.store(spent, std::memory_order_release);
  LandCarried(&space(), ref, block);
  BlockPool::Free(block, spent);
  messages().KeepsOneLess();
}

// In a place of its own, or where it lies.
void MessageQueue::TakeAlone(QueueRequest* request, std::span<const std::byte> bytes,
                             const Block& block) {
  Message& message = request->messages.emplace_back();
  message.front = std::min<uint64_t>(FrontLength(block), bytes.size());
  if (bytes.size() < kLeastLent || !LendToRead(&messages(), *this, block, &message.lent)) {
    message.bytes.assign(bytes.begin(), bytes.end());
  }
}

SyncOutcome MessageQueue::Take(QueueRequest* request) {
  MessageTarget* const target = request->target;
  uint64_t length = 0;
  uint32_t front = 0;
  request->taken = 0;
  if (target == nullptr) {
    request->taken =
        TryTake(request->most, [&](const std::byte* bytes, uint64_t given, const Block& block) {
          TakeAlone(request, {bytes, given}, block);
        });
  } else if (FirstLength(&length, &front)) {
    const uint32_t room = IsInTwo(length, front) ? 0 : target->RoomFor(length);
    const uint32_t most = std::min(request->most, room);
    if (most == 0) return SyncOutcome::kDone;
    request->taken = TryTake(most, [&](const std::byte* bytes, uint64_t given, const Block& block) {
      if (!IsInTwo(given, FrontLength(block)) && target->Add(bytes, given)) return;
      target->AddElsewhere();
      TakeAlone(request, {bytes, given}, block);
    });
  }
  if (request->taken > 0) return SyncOutcome::kDone;
  return IsOver() ? SyncOutcome::kClosed : SyncOutcome::kPending;
}

// ---- waiting

SyncOutcome MessageQueue::Try(WaitRequest* request) {
  auto* const wanted = static_cast<QueueRequest*>(request->subject);
  const SyncOutcome outcome = wanted->kind == QueueRequest::Kind::kGet ? Take(wanted) : Look();
  if (outcome == SyncOutcome::kPending) request->watch = HolderOf(queue().writer.load());
  return outcome;
}

SyncOutcome MessageQueue::AttemptBeside(WaitRequest* request) {
  auto* const wanted = static_cast<QueueRequest*>(request->subject);
  if (IsForRoom(wanted->kind)) {
    const bool is_longest = SayLength(*wanted);
    const SyncOutcome outcome = wanted->kind == QueueRequest::Kind::kPut
                                    ? TryPut(wanted->staged, &wanted->error)
                                    : LookForRoom(wanted->length);
    if (outcome != SyncOutcome::kPending) return outcome;
    // Whoever made room before it was said may have woken nobody but this one.
    if (is_longest) WakeEach(space().participant(), &queue().room);
    request->watch = HolderOf(queue().reader.load());
    return outcome;
  }
  return Unfinished() == 0 ? SyncOutcome::kDone : SyncOutcome::kPending;
}

bool MessageQueue::LooksReadyBeside(const WaitRequest& request) {
  const auto& wanted = *static_cast<const QueueRequest*>(request.subject);
  if (!IsForRoom(wanted.kind)) return Unfinished() == 0;
  return LookForRoom(wanted.length) != SyncOutcome::kPending;
}

SyncOutcome MessageQueue::RunSync(QueueRequest* wanted, uint64_t deadline_ns) {
  if (!Usable()) return SyncOutcome::kForeign;
  WaitRequest request;
  request.subject = wanted;
  const bool for_items =
      wanted->kind == QueueRequest::Kind::kGet || wanted->kind == QueueRequest::Kind::kPoll;
  return for_items ? WaitSync(&request, deadline_ns)
                   : PointFor(wanted->kind).WaitSync(&request, deadline_ns);
}

SyncOutcome MessageQueue::RunAsync(QueueWaiter* waiter) {
  if (!Usable()) return SyncOutcome::kForeign;
  waiter->request.subject = &waiter->wanted;
  const QueueRequest::Kind kind = waiter->wanted.kind;
  const bool for_items = kind == QueueRequest::Kind::kGet || kind == QueueRequest::Kind::kPoll;
  WaitPoint* const point = for_items ? static_cast<WaitPoint*>(this) : &PointFor(kind);
  waiter->object = point;
  return for_items ? WaitAsync(waiter) : PointFor(kind).WaitAsync(waiter);
}

// To be woken takes longer than a message that is about to come.
bool MessageQueue::LookOn(uint64_t most_ns) {
  if (!Usable() || WaitsHere() || !messages().wake_up_cost().Counts()) return false;
  if (looked_ns_ != 0) {
    // When the message came for which it was in vain; unless its getter was still awake.
    const uint64_t rung_ns = row().rung_ns.load(std::memory_order_relaxed);
    look_on_.Learn(rung_ns > looked_ns_ ? rung_ns - looked_ns_
                                        : std::min(messages().wake_up_cost().ns(), most_ns) / 2);
  }
  looked_ns_ = MonotonicNs();
  if (!look_on_.Spin([&] { return Size() > 0; }, looked_ns_, most_ns)) return false;
  looked_ns_ = 0;
  return true;
}

void MessageQueue::Nudge() {
  NudgeItems();
}

void MessageQueue::NudgeItems() {
  if (Look() == SyncOutcome::kDone) {
    WakeSome(space().participant(), &queue().items, 1);
  } else {
    WakeIfEnded();
  }
}

void MessageQueue::WakeIfEnded() {
  if (Usable()) Landed(&space(), ref());
}

void MessageQueue::Landed(SyncSpace* space, const ObjectRef& ref) {
  if (ref.kind != kKind) return;
  SharedObject* const object = space->store().Find(ref);
  if (object == nullptr || !HasWaiters(*object) || !HasNoWriters(QueueAt(object))) return;
  WakeAll(space->participant(), *object);
}

void MessageQueue::NudgeBeside(const Beside& point) {
  // Whoever is woken in vain looks, and sleeps on.
  WakeSome(space().participant(), &const_cast<Beside&>(point).shared(), 1);
}

bool MessageQueue::LooksReady(const WaitRequest&) const {
  return Size() > 0;
}

// ---- ends

// Puts that wait here find that out when they are tried next.
void MessageQueue::CloseSide() {
  if (closed_ || !Usable()) return;
  closed_ = true;
  ClearBit(&queue().writers, space().stamp().id);
  WakeIfEnded();
}

void MessageQueue::Recover(Participant& self, SharedObject* object, Stamp dead) {
  SharedQueue& queue = QueueAt(object);
  for (SharedObject* point : {&queue.items, &queue.room, &queue.finish}) {
    LeaveWaiting(point, dead.id);
  }
  ClearBit(&queue.writers, dead.id);
  // A wake-up may have been lost with the dead, of any of them; who has nothing to do sleeps on.
  for (SharedObject* point : {&queue.items, &queue.room, &queue.finish}) {
    if (!HasWaiters(*point)) continue;
    point->word.fetch_or(kMayWait, std::memory_order_seq_cst);
    WakeAll(self, *point);
  }
}

}  // namespace mp
