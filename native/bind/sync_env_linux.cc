#include <algorithm>
#include <cerrno>
#include <utility>

#include "bind/loop_callback.h"
#include "bind/stay_loaded.h"
#include "bind/sync_env.h"
#include "queues/loan.h"
#include "sync/rlock.h"

namespace mp {
namespace {

constexpr uint32_t kLargestId = 0x3fff'ffff;

// What V8 cannot see of what JavaScript has a handle on: without it, nothing would tell when the
// handles that nobody can reach should be looked for. An end of a pipe keeps a queue too.
int64_t MemoryOf(ObjectKind kind) {
  const bool end = kind == ObjectKind::kPipeEnd;
  return static_cast<int64_t>(ObjectStore::SizeOf(kind) +
                              (end ? ObjectStore::SizeOf(ObjectKind::kQueue) : 0));
}

}  // namespace

SyncEnv::SyncEnv(Napi::Env env) : env_(env), watches_(MakeWatchGroup(env)) {
  EnvState& state = EnvState::Get(env);
  state.Add(this);
  state.observer = this;
}

SyncEnv* SyncEnv::Create(Napi::Env env) {
  auto* const self = new SyncEnv(env);
  napi_add_async_cleanup_hook(env, &SyncEnv::Close, self, nullptr);
  return self;
}

void SyncEnv::Close(napi_async_cleanup_hook_handle hook, void* data) {
  auto* const self = static_cast<SyncEnv*>(data);
  EnvState::Get(self->env_).observer = nullptr;
  self->Leave();
  self->loans_->DropReferences(self->env_);
  self->Unlink();
  self->listener_.Reset();
  self->results_.Reset();
  self->buffers_.Reset();
  const auto closed = [self, hook] {
    delete self;
    napi_remove_async_cleanup_hook(hook);
  };
  self->waits_ != nullptr ? self->waits_->Close(closed) : closed();
}

Result<MessageSpace*> SyncEnv::Space() {
  if (space_ != nullptr) return space_.get();
  if (left_) return Status::Failed(ESHUTDOWN, "Join");
  auto segment = TreeSegment::Get();
  if (!segment.ok()) return segment.status();
  auto space = MessageSpace::Join(segment.value());
  if (!space.ok()) return space.status();
  // The segment is the process's, and outlives this environment.
  StayLoaded();
  segment_ = std::move(segment.value());
  space_ = std::move(space.value());
  // A thread that ended before this one began may have left something, with nobody to see to it.
  space_->reaper().Run();
  return space_.get();
}

uint32_t SyncEnv::Add(std::shared_ptr<SyncObject> object) {
  const ObjectKind kind = object->ref().kind;
  Napi::MemoryManagement::AdjustExternalMemory(env_, MemoryOf(kind));
  Slot slot{std::move(object), kind, Status::Ok(), ++last_number_};
  if (free_slots_.empty()) {
    slots_.push_back(std::move(slot));
    return static_cast<uint32_t>(slots_.size() - 1);
  }
  const uint32_t index = free_slots_.back();
  free_slots_.pop_back();
  slots_[index] = std::move(slot);
  return index;
}

void SyncEnv::Drop(uint32_t index) {
  Slot* const slot = At(index);
  if (slot == nullptr) return;
  Slot gone = std::exchange(*slot, {});
  free_slots_.push_back(index);
  Napi::MemoryManagement::AdjustExternalMemory(env_, -MemoryOf(gone.kind));
  ForgetSettledChildren();
  // An end of a pipe goes at once: a child that has not opened it yet has a reference of its own.
  if (gone.kind == ObjectKind::kPipeEnd) return;
  if (!unsettled_.empty()) dropped_.push_back(std::move(gone));
}

void SyncEnv::LeaveQueue(uint32_t index) {
  Slot* const slot = At(index);
  if (slot == nullptr || slot->kind != ObjectKind::kQueue || slot->object == nullptr) return;
  slot->left = slot->object->ref();
  slot->object.reset();
}

// A queue that has come to its end meanwhile stays closed here: nobody would get what is put. What
// is gone altogether is like it.
Status SyncEnv::Reopen(Slot* slot) {
  if (slot->left.kind != ObjectKind::kQueue || space_ == nullptr) return slot->lost;
  auto opened = space_->Open<MessageQueue>(slot->left);
  if (opened.status().error == ESTALE) opened = space_->Make<MessageQueue>(QueueShape{});
  if (!opened.ok()) return opened.status();
  // Unless another handle has it open.
  if (opened.value().use_count() == 1) {
    opened.value()->CloseSide();
    if (opened.value()->Look() != SyncOutcome::kClosed) {
      // Anew, with a side to put from.
      opened.value().reset();
      opened = space_->Open<MessageQueue>(slot->left);
      if (!opened.ok()) return opened.status();
    }
  }
  slot->object = std::move(opened.value());
  slot->left = {};
  return Status::Ok();
}

QueueWaiter* SyncEnv::NextWaiter() {
  if (next_ == nullptr) next_ = std::make_unique<Pending>();
  next_->waiter = {};
  return &next_->waiter;
}

Result<uint32_t> SyncEnv::Enlist(std::shared_ptr<SyncObject> object, bool quiet) {
  if (waits_ == nullptr) {
    waits_ = new AsyncWaits(
        EnvState::Get(env_).loop(), watches_, [this] { return CanCallFromLoop(env_); },
        [this](const std::vector<AsyncWaiter*>& served) { Deliver(served); });
  }
  const Status watched = waits_->Watch(space_.get());
  if (!watched.ok()) {
    next_->waiter.object->Cancel(&next_->waiter);
    return watched;
  }
  do {
    last_id_ = last_id_ % kLargestId + 1;
  } while (pending_.count(last_id_) != 0);
  next_->id = last_id_;
  next_->quiet = quiet;
  next_->object = std::move(object);
  next_->waiter.context = next_.get();
  pending_[last_id_] = std::move(next_);
  quiet_ += quiet ? 1 : 0;
  HoldLoop();
  return last_id_;
}

void SyncEnv::HoldLoop() {
  if (waits_ != nullptr && waits_->watching()) waits_->KeepAlive(pending_.size() > quiet_);
}

void SyncEnv::Cancel(uint32_t id, bool expired, SyncOutcome* outcome, uint32_t* index) {
  std::unique_ptr<Pending> pending;
  const auto found = pending_.find(id);
  if (found != pending_.end()) {
    pending = std::move(found->second);
    pending_.erase(found);
    quiet_ -= pending->quiet ? 1 : 0;
    Abandon(pending.get(), expired);
    if (waits_ != nullptr) waits_->Rest();
    HoldLoop();
  } else {
    for (auto& served : served_) {
      if (served != nullptr && served->id == id) pending = std::move(served);
    }
  }
  if (pending == nullptr) return;
  *outcome = pending->waiter.outcome;
  *index = pending->waiter.request.index;
}

void SyncEnv::Abandon(Pending* pending, bool expired) {
  QueueWaiter& waiter = pending->waiter;
  expired ? waiter.object->Expire(&waiter) : waiter.object->Cancel(&waiter);
  if (pending->object->ref().kind != ObjectKind::kQueue) return;
  if (waiter.outcome != SyncOutcome::kDone && waiter.wanted.kind == QueueRequest::Kind::kPut) {
    static_cast<MessageQueue&>(*pending->object).Drop({waiter.wanted.staged});
  }
}

void SyncEnv::SetListener(Napi::Function callback, Napi::Int32Array results) {
  listener_ = Napi::Persistent(callback);
  results_ = Napi::Persistent(results);
}

void SyncEnv::Deliver(const std::vector<AsyncWaiter*>& served) {
  Napi::HandleScope scope(env_);
  Napi::Int32Array results = results_.Value();
  const size_t room = results.ElementLength() / kNumbersPerResult;
  // JavaScript may fork: who is served then is the parent's in the child, and nobody there.
  const MessageSpace* const space = space_.get();
  served_.clear();
  for (AsyncWaiter* waiter : served) {
    auto& entry = pending_[static_cast<Pending*>(waiter->context)->id];
    if (entry->object->ref().kind == ObjectKind::kLock) {
      static_cast<RLock&>(*entry->object).Served(*waiter);
    } else if (entry->object->ref().kind == ObjectKind::kQueue) {
      KeepForFetch(entry.get());
    }
    quiet_ -= entry->quiet ? 1 : 0;
    served_.push_back(std::move(entry));
    pending_.erase(served_.back()->id);
  }
  HoldLoop();
  for (size_t next = 0; next < served_.size() && space_.get() == space;) {
    size_t count = 0;
    for (; count < room && next < served_.size(); next += 1) {
      // Given up while JavaScript was told of others.
      if (served_[next] == nullptr) continue;
      int32_t* const result = results.Data() + count * kNumbersPerResult;
      result[0] = static_cast<int32_t>(served_[next]->id);
      result[1] = static_cast<int32_t>(served_[next]->waiter.outcome);
      result[2] = static_cast<int32_t>(served_[next]->waiter.request.index);
      count += 1;
    }
    if (count == 0) continue;
    CallFromLoop(env_, listener_.Value(), {Napi::Number::New(env_, static_cast<double>(count))});
  }
  if (space_.get() == space) served_.clear();
}

// What was taken is not lost, whenever JavaScript comes for it.
void SyncEnv::KeepForFetch(Pending* served) {
  QueueRequest& wanted = served->waiter.wanted;
  const bool put = wanted.kind == QueueRequest::Kind::kPut;
  if (put && served->waiter.outcome != SyncOutcome::kDone) {
    static_cast<MessageQueue&>(*served->object).Drop({wanted.staged});
  }
  const bool failed = served->waiter.outcome == SyncOutcome::kFailed;
  if (failed || !wanted.messages.empty()) fetchable_[served->id] = std::move(wanted);
}

QueueRequest SyncEnv::Fetch(uint32_t id) {
  const auto found = fetchable_.find(id);
  if (found == fetchable_.end()) return {};
  QueueRequest kept = std::move(found->second);
  fetchable_.erase(found);
  return kept;
}

void SyncEnv::Land(const ObjectRef& ref, uint32_t stamp) {
  if (space_ == nullptr || space_->stamp().packed() != stamp) return;
  space_->store().Land(ref);
  MessageQueue::Landed(space_.get(), ref);
}

Reaper::Report SyncEnv::Reap() {
  if (space_ == nullptr) return {};
  const Reaper::Report report = space_->reaper().Run();
  // Also of those that have left in good order.
  space_->participant().DropBellsOfTheDead();
  // Rare, and others may have left memory that nobody uses; also to who has never put anything.
  space_->pool().Trim();
  return report;
}

// ---- the end

void SyncEnv::Leave() {
  left_ = true;
  if (space_ == nullptr || !space_->participant().IsMine()) return;
  ForgetSettledChildren();
  if (waits_ != nullptr) waits_->Forget();
  for (auto& [id, pending] : pending_) Abandon(pending.get(), false);
  pending_.clear();
  quiet_ = 0;
  slots_.clear();
  free_slots_.clear();
  served_.clear();
  dropped_.clear();
  // Nobody comes for them any more.
  const auto give_back = [this](const std::vector<Message>& messages) {
    for (const Message& message : messages) {
      if (message.lent.bytes != nullptr) GiveBack(space_.get(), message.lent);
    }
  };
  for (auto& [id, kept] : std::exchange(fetchable_, {})) give_back(kept.messages);
  give_back(std::exchange(buffers_.overflow, {}));
  loans_->Forget();
  space_->ReleaseMemory();
  const bool clean = space_->participant().Leave();
  space_.reset();
  if (clean) return;
  // What this thread held is found abandoned at once, not when somebody comes to look.
  auto last = MessageSpace::Join(segment_);
  if (last.ok()) last.value()->reaper().Run();
}

}  // namespace mp
