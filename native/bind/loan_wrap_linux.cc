// Messages of queues and pipes that JavaScript writes or reads in place. Its numbers for them are
// its own; each view has another one.

#include <cerrno>
#include <limits>

#include "bind/arriving.h"
#include "bind/loan_book.h"
#include "bind/pipe_call.h"

namespace mp {
namespace {

// In front of the bytes of an item: what it is, and nothing else, so that they are aligned.
constexpr uint64_t kItemHead = 16;
// From here on the head is the message's front: whoever gets a copy has it made without that.
constexpr uint64_t kLeastInTwo = 64 * 1024;

// For a queue's handle, or that of an end of a pipe.
MessageQueue* QueueBehind(SyncCall* call, SyncEnv::Slot* slot) {
  if (slot == nullptr) return nullptr;
  if (slot->kind != ObjectKind::kPipeEnd) return call->As<MessageQueue>(slot);
  MessageQueue* const out = static_cast<PipeEnd&>(*slot->object).out();
  if (out == nullptr) call->Refuse("this end does not write");
  return out;
}
// The same for what is taken.
MessageQueue* QueueToTakeFrom(SyncCall* call, SyncEnv::Slot* slot) {
  if (slot == nullptr) return nullptr;
  if (slot->kind != ObjectKind::kPipeEnd) return call->As<MessageQueue>(slot);
  MessageQueue* const in = static_cast<PipeEnd&>(*slot->object).in();
  if (in == nullptr) call->Refuse("this end does not read");
  return in;
}

uint64_t IdAt(SyncCall* call, size_t index) {
  const double id = call->Double(index);
  if (call->ok() && !(id >= 0 && id < 0x1p53)) call->Refuse("there is no such loan");
  return call->ok() ? static_cast<uint64_t>(id) : 0;
}

MessageSpace* SpaceOf(SyncCall* call) {
  const Result<MessageSpace*> space = call->sync().Space();
  return space.ok() ? space.value() : nullptr;
}

LoanBook& BookOf(SyncCall* call) {
  LoanBook& book = call->sync().loans();
  book.SetSpace(SpaceOf(call));
  return book;
}

// loanMake(handle, length, id, kind): an ArrayBuffer, or undefined where there can be none on
// foreign memory. With a kind it is an item of a queue that begins with it.
napi_value Make(napi_env env, napi_callback_info info) {
  SyncCall call(env, info, 4);
  MessageQueue* const queue = QueueBehind(&call, call.Slot());
  if (queue == nullptr) return nullptr;
  const double length = call.Double(1);
  const uint64_t id = IdAt(&call, 2);
  const uint32_t kind = call.Number(3);
  if (!call.ok()) return nullptr;
  if (!(length > 0 && length <= LoanBook::kMostBytes) ||
      kind > std::numeric_limits<uint8_t>::max()) {
    return call.Refuse("a loan must be of one byte or more");
  }
  LoanBook& book = BookOf(&call);
  if (book.Find(id) != nullptr) return call.Refuse("there is a loan of that number");
  const uint64_t head = kind == 0 ? 0 : kItemHead;
  const uint64_t whole = static_cast<uint64_t>(length) + head;
  const auto front = static_cast<uint32_t>(whole < kLeastInTwo ? 0 : head);
  auto lent = LendToWrite(SpaceOf(&call), queue, whole, front);
  if (!lent.ok()) return call.Fail(lent.status());
  Loan loan = lent.value();
  for (uint64_t i = 0; i < head; i += 1) loan.bytes[i] = std::byte{0};
  if (head > 0) loan.bytes[0] = static_cast<std::byte>(kind);
  loan.bytes += head;
  loan.length -= head;
  napi_value view = nullptr;
  if (book.Enter(env, id, loan, &view) == LoanBook::Viewed::kDone) return view;
  GiveBack(SpaceOf(&call), loan);
  return nullptr;
}

// loanRenew(id, next): another view of what was not put after all; undefined when there is none.
napi_value Renew(napi_env env, napi_callback_info info) {
  SyncCall call(env, info, 2);
  const uint64_t id = IdAt(&call, 0);
  const uint64_t next = IdAt(&call, 1);
  if (!call.ok()) return nullptr;
  LoanBook& book = BookOf(&call);
  const Loan* const found = book.Find(id);
  // A fork has taken it away.
  if (found == nullptr) return nullptr;
  if (book.Find(next) != nullptr) return call.Refuse("there is a loan of that number");
  const Loan loan = *found;
  book.Detach(env, id);
  book.Strike(env, id);
  napi_value view = nullptr;
  if (book.Enter(env, next, loan, &view) == LoanBook::Viewed::kDone) return view;
  GiveBack(SpaceOf(&call), loan);
  return nullptr;
}

// loanHide(id): the view is detached, of what is to be put later. False: it was taken away.
napi_value Hide(napi_env env, napi_callback_info info) {
  SyncCall call(env, info, 1);
  const uint64_t id = IdAt(&call, 0);
  if (!call.ok()) return nullptr;
  LoanBook& book = BookOf(&call);
  return call.Answer(book.Detached(id) || book.Detach(env, id));
}

// loanPut(request, id): once; the view is detached by then, unless the queue is closed. False: it
// was taken away, and nothing is put.
napi_value Put(napi_env env, napi_callback_info info) {
  SyncCall call(env, info, 2);
  const uint32_t request = call.Number(0);
  const uint64_t id = IdAt(&call, 1);
  if (!call.ok()) return nullptr;
  MessageQueue* const queue = QueueBehind(&call, call.SlotAt(request >> 1));
  if (queue == nullptr) return nullptr;
  LoanBook& book = BookOf(&call);
  const Loan* const loan = book.Find(id);
  if (loan == nullptr || loan->reads()) return call.Refuse("there is no such loan");
  if (queue->closed()) return call.Answer(SyncOutcome::kClosed);
  // Before anything that may have to wait.
  if (!book.Detached(id) && !book.Detach(env, id)) return call.Answer(false);
  if ((request & 1) != 0 && queue->HasWaitersHere(QueueRequest::Kind::kPut)) {
    return call.Answer(SyncOutcome::kPending);
  }
  Status error;
  const SyncOutcome outcome = queue->TryPut(loan->block, &error);
  if (outcome == SyncOutcome::kFailed) return call.Fail(error);
  if (outcome == SyncOutcome::kDone) book.Strike(env, id);
  return call.Answer(outcome);
}

// loanRelease(id): of what was written or read.
napi_value Release(napi_env env, napi_callback_info info) {
  SyncCall call(env, info, 1);
  const uint64_t id = IdAt(&call, 0);
  if (call.ok()) BookOf(&call).Release(env, id, SpaceOf(&call));
  return nullptr;
}

// The first message, where it lies or in an array of its own.
class Taking {
 public:
  Taking(SyncCall* call, MessageQueue* queue) : call_(*call), queue_(*queue) {}

  // False: there is no message any more, or an error is thrown and nothing was taken.
  bool Take(double least) {
    uint64_t length = 0;
    if (!queue_.FirstLength(&length)) return false;
    // Made before the message is taken: when there is no memory for it, it stays where it is.
    const bool may_lend = !queue_.Keeps() && MayLend(length, least);
    napi_value const buffer = may_lend ? nullptr : arriving_.Expect(call_.env(), length, 0);
    if (!may_lend && buffer == nullptr) {
      call_.Fail(Status::Failed(ENOMEM, "Get"));
      return false;
    }
    const auto visit = [&](const std::byte* bytes, uint64_t given, const Block& block) {
      // Dead in here: as in LendToRead, or as whoever copies a message.
      lent_ = MayLend(given, least) && LendToRead(SpaceOf(&call_), queue_, block, &loan_);
      if (lent_) return;
      arriving_.Visit(bytes, given, block);
      carried_ = CarriedBy(block);
    };
    if (queue_.TryTake(1, visit) == 0) return false;
    if (!lent_ && buffer != nullptr && arriving_.IsAsExpected()) copy_ = buffer;
    return true;
  }
  // With the ends that came along, of a pipe.
  napi_value Answer(uint64_t id, bool of_pipe) {
    if (lent_) return View(id);
    napi_value const message = copy_ != nullptr ? copy_ : arriving_.Copied(call_.env());
    return of_pipe && message != nullptr ? WithEnds(&call_, message, carried_) : message;
  }

 private:
  static bool MayLend(uint64_t length, double least) {
    return length > 0 && length <= LoanBook::kMostBytes && static_cast<double>(length) >= least;
  }
  napi_value View(uint64_t id) {
    napi_value view = nullptr;
    const LoanBook::Viewed viewed = BookOf(&call_).Enter(call_.env(), id, loan_, &view);
    if (viewed == LoanBook::Viewed::kDone) return view;
    if (viewed == LoanBook::Viewed::kNotAllowed) {
      view = CopyToJs(call_.env(), loan_.bytes, loan_.length);
    }
    GiveBack(SpaceOf(&call_), loan_);
    return view;
  }

  SyncCall& call_;
  MessageQueue& queue_;
  Arriving arriving_;
  std::vector<ObjectRef> carried_;
  Loan loan_;
  bool lent_ = false;
  napi_value copy_ = nullptr;
};

// loanTake(request, id, least): a message of at least so many bytes as an ArrayBuffer, which is to
// be released; another as a Uint8Array of its own, of a pipe as pipeTake answers one with ends; -1
// for none, -2 for none ever.
napi_value Take(napi_env env, napi_callback_info info) {
  SyncCall call(env, info, 3);
  const uint32_t request = call.Number(0);
  const uint64_t id = IdAt(&call, 1);
  const double least = call.Double(2);
  if (!call.ok()) return nullptr;
  SyncEnv::Slot* const slot = call.SlotAt(request >> 1);
  MessageQueue* const queue = QueueToTakeFrom(&call, slot);
  if (queue == nullptr) return nullptr;
  if (BookOf(&call).Find(id) != nullptr) return call.Refuse("there is a loan of that number");
  if ((request & 1) != 0 && queue->HasWaitersHere(QueueRequest::Kind::kGet)) {
    return AnswerSigned(env, kEmpty);
  }
  for (;;) {
    Taking taking(&call, queue);
    if (taking.Take(least)) return taking.Answer(id, slot->kind == ObjectKind::kPipeEnd);
    if (!call.ok()) return nullptr;
    const SyncOutcome seen = queue->Look();
    // Something has come meanwhile.
    if (seen != SyncOutcome::kDone) return AnswerNothing(&call, seen);
  }
}

// loanRoomSync(handle, length, timeoutMs): an outcome. loanRoomAsync(handle, length): that, or
// minus the number of a wait. For room for a message of that length.
MessageQueue* ReadRoom(SyncCall* call, QueueRequest* request) {
  MessageQueue* const queue = QueueBehind(call, call->Slot());
  const double length = call->Double(1);
  request->kind = QueueRequest::Kind::kRoom;
  request->length = length >= 0 && length < 0x1p53 ? static_cast<uint64_t>(length) : 0;
  return call->ok() ? queue : nullptr;
}
napi_value RoomSync(napi_env env, napi_callback_info info) {
  SyncCall call(env, info, 3);
  QueueRequest request;
  MessageQueue* const queue = ReadRoom(&call, &request);
  const uint64_t deadline = queue == nullptr ? 0 : call.Deadline(2);
  return call.ok() ? call.Answer(queue->RunSync(&request, deadline)) : nullptr;
}
napi_value RoomAsync(napi_env env, napi_callback_info info) {
  SyncCall call(env, info, 2);
  QueueWaiter* const waiter = call.sync().NextWaiter();
  MessageQueue* const queue = ReadRoom(&call, &waiter->wanted);
  if (queue == nullptr) return nullptr;
  const SyncOutcome outcome = queue->RunAsync(waiter);
  return outcome == SyncOutcome::kPending ? call.Enlist(*call.Slot()) : call.Answer(outcome);
}

// loansInherited(): in a forked child, whose parent's views they are.
napi_value Inherited(napi_env env, napi_callback_info info) {
  const SyncCall call(env, info, 1);
  call.sync().loans().DetachInherited(env);
  return nullptr;
}

}  // namespace

void AddLoans(napi_env env, napi_value target, SyncEnv* sync) {
  AddFunctions(env, target, sync,
               {{"loanMake", Make},
                {"loanRenew", Renew},
                {"loanHide", Hide},
                {"loanPut", Put},
                {"loanRelease", Release},
                {"loanTake", Take},
                {"loanRoomSync", RoomSync},
                {"loanRoomAsync", RoomAsync},
                {"loansInherited", Inherited}});
}

}  // namespace mp
