#include "process/pool_parking.h"

#include <linux/futex.h>

#include <atomic>
#include <cerrno>
#include <memory>
#include <vector>

#include "base/deadline.h"
#include "os/raw_syscall_linux.h"

namespace mp {
namespace {

// One parking. Owned by the loop: deleted by the completion of its last item.
struct Batch {
  explicit Batch(unsigned threads) : requests(threads), unfinished(threads) {
    for (auto& request : requests) request.data = this;
  }
  std::vector<uv_work_t> requests;
  unsigned unfinished;  // loop thread only
  std::atomic<uint32_t> inside{0};
  std::atomic<uint32_t> released{0};
  std::atomic<int> tid{0};
};

Batch* parked = nullptr;

long Futex(std::atomic<uint32_t>* word, int operation, uint32_t value,
           const timespec* timeout = nullptr) {
  return raw::Call(SYS_futex, raw::Address(word), operation | FUTEX_PRIVATE_FLAG, value,
                   raw::Address(timeout));
}

void Hold(uv_work_t* request) {
  auto* batch = static_cast<Batch*>(request->data);
  batch->tid.store(static_cast<int>(raw::Call(SYS_gettid)), std::memory_order_relaxed);
  batch->inside.fetch_add(1, std::memory_order_release);
  Futex(&batch->inside, FUTEX_WAKE, 1);
  while (batch->released.load(std::memory_order_acquire) == 0)
    Futex(&batch->released, FUTEX_WAIT, 0);
}

void Finished(uv_work_t* request, int) {
  auto* batch = static_cast<Batch*>(request->data);
  if (--batch->unfinished == 0) delete batch;
}

void ReleaseBatch(Batch* batch) {
  batch->released.store(1, std::memory_order_release);
  Futex(&batch->released, FUTEX_WAKE, INT32_MAX);
}

// Queues the batch and blocks until all its items run at once.
Status Gather(uv_loop_t* loop, Batch* batch, uint64_t deadline_ns) {
  const auto wanted = static_cast<uint32_t>(batch->requests.size());
  for (auto& request : batch->requests) {
    // Fails only for a missing callback.
    uv_queue_work(loop, &request, &Hold, &Finished);
  }
  for (;;) {
    const uint32_t inside = batch->inside.load(std::memory_order_acquire);
    if (inside == wanted) return Status::Ok();
    const uint64_t now = MonotonicNs();
    if (now >= deadline_ns) return Status::Failed(ETIMEDOUT, "libuv pool");
    const uint64_t left = deadline_ns - now;
    const timespec timeout{static_cast<time_t>(left / 1'000'000'000),
                           static_cast<long>(left % 1'000'000'000)};
    Futex(&batch->inside, FUTEX_WAIT, inside, deadline_ns == kNever ? nullptr : &timeout);
  }
}

}  // namespace

Result<int> PoolParking::Warm(uv_loop_t* loop, uint64_t deadline_ns) {
  auto* batch = new Batch(1);
  const Status status = Gather(loop, batch, deadline_ns);
  const int tid = batch->tid.load(std::memory_order_relaxed);
  ReleaseBatch(batch);
  if (!status.ok()) return status;
  return tid;
}

Status PoolParking::Park(uv_loop_t* loop, unsigned threads, uint64_t deadline_ns) {
  auto* batch = new Batch(threads);
  const Status status = Gather(loop, batch, deadline_ns);
  if (!status.ok()) {
    ReleaseBatch(batch);
    return status;
  }
  parked = batch;
  return status;
}

void PoolParking::Unpark() {
  if (parked == nullptr) return;
  // Not touched afterwards: its last item may be completed, and the batch deleted, by the loop.
  ReleaseBatch(parked);
  parked = nullptr;
}

}  // namespace mp
