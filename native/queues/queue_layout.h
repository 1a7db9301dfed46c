#pragma once
// The bytes of a queue, in the place of a huge object. Part of the segment's layout.

#include "shm/layout.h"

namespace mp {

// Every ring of a line is twice as large as the one before.
constexpr uint32_t kMaxRings = 26;

struct RingEntry {
  std::atomic<uint64_t> block;  // of its slots, or 0: there is none yet
  std::atomic<uint64_t> base;   // one more than the position of its first slot, or 0: not known yet
};

// Positions count messages from 0 for ever.
struct SharedLine {
  // The next to be taken 54, who has taken the last one 10.
  alignas(kSeparation) std::atomic<uint64_t> head;
  alignas(kSeparation) std::atomic<uint64_t> tail;  // the next to be filled, or before it
  alignas(kSeparation) RingEntry rings[kMaxRings];
  // For each participant the end of its last take that others know of; the lower half.
  alignas(kSeparation) std::atomic<uint32_t> confirmed[kMaxParticipants];
};
static_assert(sizeof(SharedLine) == 4864);

enum class OnConsumerDied : uint64_t {
  kNotCounted = 0,  // no message is kept until it is said to be done
  kRedeliver,
  kCount,  // as done
};

struct SharedQueue {
  // What every object has; its waiters are those who get. The word of each of the three says
  // whether somebody may wait there (queues/queue_wake.h).
  SharedObject items;
  SharedObject room;  // `parameter`: the longest that somebody there waits for, or more
  SharedObject finish;
  // Written once.
  alignas(kSeparation) std::atomic<uint64_t> max_size;
  std::atomic<uint64_t> max_bytes;
  std::atomic<uint64_t> on_consumer_died;
  std::atomic<uint64_t> first_ring;  // logarithm of the number of slots of the main line's first
  // Whether it is one of a pipe (queues/pipe_end.h), and the ends that read from it and write to
  // it, as they stand in a ledger. Each has a bit of `kept_by` while anybody has it.
  std::atomic<uint64_t> of_pipe;
  std::atomic<uint64_t> reader;
  std::atomic<uint64_t> writer;
  // Participants that may still put.
  alignas(kSeparation) Bitmap writers;
  SharedLine main;
  // Messages that the dead had taken: got first. Filled by whoever has the lease of the dead.
  SharedLine back;
  // Finished messages, and who has finished the last one (shm/step.h).
  alignas(kSeparation) std::atomic<uint64_t> done;
  // Those that count as finished because who had taken them has died; the same.
  std::atomic<uint64_t> abandoned;
  // Of a pipe's direction, which finishes nothing: what its writer last said without a message.
  std::atomic<uint64_t> mark;
};
static_assert(sizeof(SharedQueue) <= sizeof(HugeObject));

// SharedObject::kept_by of a queue.
constexpr uint64_t kKeptByReader = 1;
constexpr uint64_t kKeptByWriter = 2;

}  // namespace mp
