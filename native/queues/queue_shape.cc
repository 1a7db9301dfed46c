// What a queue is made with, written once.

#include <algorithm>
#include <bit>
#include <cerrno>

#include "queues/message_queue.h"

namespace mp {
namespace {

uint32_t FirstRingFor(uint64_t max_size) {
  constexpr uint64_t kMostAtFirst = 1024;
  // One slot is kept for the end mark.
  const uint64_t slots = std::min(max_size + 1, kMostAtFirst);
  return std::max(kSmallestRing, static_cast<uint32_t>(std::bit_width(slots - 1)));
}

}  // namespace

Status MessageQueue::Check(QueueShape shape) {
  const bool fits = shape.on_consumer_died <= OnConsumerDied::kCount;
  return fits ? Status::Ok() : Status::Failed(EINVAL, "Make");
}

void MessageQueue::Initialise(SharedObject* object, QueueShape shape) {
  auto& queue = reinterpret_cast<SharedQueue&>(*object);
  queue.max_size.store(shape.max_size, std::memory_order_relaxed);
  queue.max_bytes.store(shape.max_bytes, std::memory_order_relaxed);
  queue.on_consumer_died.store(static_cast<uint64_t>(shape.on_consumer_died),
                               std::memory_order_relaxed);
  queue.of_pipe.store(shape.of_pipe ? 1 : 0, std::memory_order_relaxed);
  const bool grows = shape.max_size == 0 || shape.of_pipe;
  queue.first_ring.store(grows ? kSmallestRing : FirstRingFor(shape.max_size),
                         std::memory_order_relaxed);
}

QueueShape MessageQueue::shape() const {
  return {queue().max_size.load(std::memory_order_relaxed),
          queue().max_bytes.load(std::memory_order_relaxed),
          static_cast<OnConsumerDied>(queue().on_consumer_died.load(std::memory_order_relaxed)),
          IsOfPipe()};
}

}  // namespace mp
