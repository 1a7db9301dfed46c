#include <algorithm>
#include <utility>

#include "os/descriptor.h"
#include "wait/async_waits.h"

namespace mp {
namespace {

// Deaths are told at once by the parent of whoever died, which collects it. The timer is for a
// parent that is busy or blocked.
constexpr uint64_t kFirstSafetyMs = 100;
constexpr uint64_t kLongestSafetyMs = 1'000;

template <typename Handle>
uv_handle_t* AsHandle(Handle* handle) {
  return reinterpret_cast<uv_handle_t*>(handle);
}
template <typename Handle>
AsyncWaits* OwnerOf(Handle* handle) {
  return static_cast<AsyncWaits*>(handle->data);
}

}  // namespace

AsyncWaits::AsyncWaits(uv_loop_t* loop, std::shared_ptr<WatchGroup> group,
                       std::function<bool()> can_deliver,
                       std::function<void(const Waiters&)> deliver)
    : loop_(loop),
      bell_(std::move(group), [this] { OnRung(); }),
      can_deliver_(std::move(can_deliver)),
      deliver_(std::move(deliver)) {
  uv_prepare_init(loop_, &prepare_);
  uv_check_init(loop_, &check_);
  uv_idle_init(loop_, &idle_);
  uv_timer_init(loop_, &timer_);
  // The doorbell alone keeps the loop alive, and only while it is watched.
  ForEachHandle([this](uv_handle_t* handle) {
    handle->data = this;
    uv_unref(handle);
    open_handles_ += 1;
  });
}

template <typename Visit>
void AsyncWaits::ForEachHandle(Visit visit) {
  visit(AsHandle(&prepare_));
  visit(AsHandle(&check_));
  visit(AsHandle(&idle_));
  visit(AsHandle(&timer_));
}

Status AsyncWaits::Watch(SyncSpace* space) {
  if (space_ != nullptr) return Status::Ok();
  const Result<int> doorbell = space->participant().Doorbell();
  if (!doorbell.ok()) return doorbell.status();
  const Status started = bell_.Start(doorbell.value(), kReadable);
  if (!started.ok()) return started;
  space_ = space;
  safety_ms_ = kFirstSafetyMs;
  uv_prepare_start(&prepare_, [](uv_prepare_t* handle) { OwnerOf(handle)->OnPrepare(); });
  uv_check_start(&check_, [](uv_check_t* handle) { OwnerOf(handle)->OnCheck(); });
  // Within a prepare phase that is under way: not before the next one is it armed.
  uv_idle_start(&idle_, [](uv_idle_t*) {});
  RestartTimer();
  return Status::Ok();
}

void AsyncWaits::RestartTimer() {
  uv_timer_start(
      &timer_, [](uv_timer_t* handle) { OwnerOf(handle)->LookForTheDead(); }, safety_ms_, 0);
}

void AsyncWaits::Rest() {
  if (space_ == nullptr || space_->HasAsyncWaiters()) return;
  Forget();
}

void AsyncWaits::Forget() {
  if (space_ == nullptr) return;
  // In a forked child the wake word is the parent's.
  const bool disarms = std::exchange(armed_, false) && space_->participant().IsMine();
  if (disarms) space_->participant().Disarm();
  space_ = nullptr;
  bell_.Pause();
  uv_prepare_stop(&prepare_);
  uv_check_stop(&check_);
  uv_idle_stop(&idle_);
  uv_timer_stop(&timer_);
}

void AsyncWaits::AfterForkInChild() {
  Forget();
  bell_.AfterForkInChild();
  done_.clear();
}

// Armed, then looked: whoever changes something after the look finds the wake word armed.
void AsyncWaits::OnPrepare() {
  uv_idle_stop(&idle_);
  space_->participant().ArmDoorbell();
  armed_ = true;
  if (space_->wake_up_cost().Counts()) armed_ns_ = MonotonicNs();
  if (!Serve()) return;
  armed_ = false;
  space_->participant().Disarm();
  // What is delivered may let others go on: one more round of the loop, timers and input included.
  uv_idle_start(&idle_, [](uv_idle_t*) {});
  Deliver();
}

void AsyncWaits::OnRung() {
  space_->participant().Silence();
  // A ring that was seen before it came out of the pipe.
  if (!std::exchange(armed_, false)) return;
  space_->LearnWakeUp(armed_ns_);
  space_->participant().Disarm();
  if (Serve()) Deliver();
}

void AsyncWaits::OnCheck() {
  if (!std::exchange(armed_, false) || !space_->participant().Disarm()) return;
  space_->participant().Silence();
  if (Serve()) Deliver();
}

// Nothing is touched after the call: it may have forgotten the space, ended the environment's
// JavaScript, or come back in a forked child.
void AsyncWaits::Deliver() {
  Rest();
  const Waiters done = std::exchange(done_, {});
  deliver_(done);
}

void AsyncWaits::LookForTheDead() {
  const Reaper::Report report = space_->reaper().Run();
  safety_ms_ = report.pending > 0 ? kFirstSafetyMs : std::min(2 * safety_ms_, kLongestSafetyMs);
  RestartTimer();
}

void AsyncWaits::Close(std::function<void()> closed) {
  Forget();
  bell_.Close();
  closed_ = std::move(closed);
  ForEachHandle([](uv_handle_t* handle) {
    uv_close(handle, [](uv_handle_t* one) {
      AsyncWaits* const self = OwnerOf(one);
      if (--self->open_handles_ > 0) return;
      const auto on_closed = std::move(self->closed_);
      delete self;
      on_closed();
    });
  });
}

}  // namespace mp
