#pragma once
// The shared objects of one Node environment: its membership in the tree's segment, made when the
// first object is, the objects that JavaScript has handles on, by number, and its async waiters.
//
// A forked child opens again what its parent has open. For queues and ends of pipes the parent
// sends references on their way to it, since they end when nobody is left who has them.

#include <napi.h>

#include <memory>
#include <unordered_map>
#include <vector>

#include "bind/env_state.h"
#include "bind/loan_book.h"
#include "bind/queue_buffers.h"
#include "queues/fork_departure.h"
#include "queues/message_queue.h"
#include "shm/tree_segment.h"
#include "wait/async_waits.h"

namespace mp {

class SyncEnv final : public ForkAware, public ProcessObserver {
 public:
  // Ends with the environment.
  static SyncEnv* Create(Napi::Env env);

  // Joins the segment at the first call.
  Result<MessageSpace*> Space();
  const std::shared_ptr<Segment>& segment() const { return segment_; }

  // What a handle's number stands for. `object` is null when it was lost in a fork, for a reason.
  struct Slot {
    std::shared_ptr<SyncObject> object;
    ObjectKind kind = ObjectKind::kNone;  // kNone: free
    Status lost;
    uint64_t number = 0;  // in the order of their making
    ObjectRef left = {};  // a queue that this process has nothing to do with until it uses it
  };
  // Null for a number that is none.
  Slot* At(uint32_t index) {
    return index < slots_.size() && slots_[index].kind != ObjectKind::kNone ? &slots_[index]
                                                                            : nullptr;
  }
  uint32_t Add(std::shared_ptr<SyncObject> object);
  // JavaScript has no handle of that number any more.
  void Drop(uint32_t index);
  // By a forked child that has inherited a queue: it is no party to it, until the handle is used.
  void LeaveQueue(uint32_t index);
  // The handle of an object that is not open is used. Fails with why it was lost.
  Status Reopen(Slot* slot);

  // Where the next async waiter is written. It counts only once it was registered by `Enlist`.
  QueueWaiter* NextWaiter();
  // The waiter of NextWaiter waits. Its number, or an error, after which it does not wait. Quietly:
  // the event loop does not stay alive for it.
  Result<uint32_t> Enlist(std::shared_ptr<SyncObject> object, bool quiet = false);
  // Ends a wait. Of one that has been served, and of which JavaScript was not told yet, the outcome
  // is what it was served with, and it is told of nowhere else.
  void Cancel(uint32_t id, bool expired, SyncOutcome* outcome, uint32_t* index);
  // What a queue has given to a wait that was served: messages, or why it failed. Once.
  QueueRequest Fetch(uint32_t id);
  QueueBuffers& buffers() { return buffers_; }
  LoanBook& loans() { return *loans_; }

  // `callback(n)` is told from the event loop that n waiters were served: number, outcome and index
  // of each are in `results`.
  void SetListener(Napi::Function callback, Napi::Int32Array results);

  // A reference that was made by this participant, and by no parent's, has landed.
  void Land(const ObjectRef& ref, uint32_t stamp);
  Reaper::Report Reap();

  void AfterForkInChild(bool twin) override;
  int* BeforeFork() override;
  void Forked(int pid) override;
  void NotForked() override;
  void ChildEnded(int pid, bool killed) override;
  void Exiting() override { Leave(); }

  // Gives up everything, as this thread ends: what it still holds, others find abandoned. There are
  // no shared objects in this environment afterwards.
  void Leave();

 private:
  struct Pending {
    QueueWaiter waiter;  // wants something of a queue, or of something else
    uint32_t id = 0;
    bool quiet = false;
    std::shared_ptr<SyncObject> object;
  };
  struct Unsettled {
    int pid;
    uint64_t last_number;  // of what was open at the fork
    ForkDeparture departure;
  };
  static constexpr size_t kNumbersPerResult = 3;

  explicit SyncEnv(Napi::Env env);
  ~SyncEnv() override = default;
  static void Close(napi_async_cleanup_hook_handle hook, void* self);
  void Deliver(const std::vector<AsyncWaiter*>& served);
  void KeepForFetch(Pending* served);
  void Abandon(Pending* pending, bool expired);
  void HoldLoop();
  void ForgetSettledChildren();
  void BreakBarriersFor(const Unsettled& dead);

  Napi::Env env_;
  std::shared_ptr<WatchGroup> watches_;
  AsyncWaits* waits_ = nullptr;  // made with the first waiter; deletes itself
  std::shared_ptr<Segment> segment_;
  std::unique_ptr<MessageSpace> space_;
  bool left_ = false;

  std::vector<Slot> slots_;
  std::vector<uint32_t> free_slots_;
  uint64_t last_number_ = 0;

  std::unordered_map<uint32_t, std::unique_ptr<Pending>> pending_;
  size_t quiet_ = 0;  // of them
  std::unique_ptr<Pending> next_;
  uint32_t last_id_ = 0;
  // Served, and JavaScript is being told of them.
  std::vector<std::unique_ptr<Pending>> served_;
  std::unordered_map<uint32_t, QueueRequest> fetchable_;
  QueueBuffers buffers_;
  // Finalizers may come when the environment is gone.
  std::shared_ptr<LoanBook> loans_ = std::make_shared<LoanBook>();
  Napi::FunctionReference listener_;
  Napi::Reference<Napi::Int32Array> results_;

  // Forked children that have not opened yet what was open at their fork, and what was dropped here
  // since: it is detached when the last of them is ready, or dead.
  std::vector<Unsettled> unsettled_;
  std::vector<Slot> dropped_;
  // For the child of the fork that is under way.
  ForkDeparture departure_;
};

}  // namespace mp
