#pragma once
// For tests of queues: members of a segment with a queue each knows, and messages that are numbers.

#include <cstring>
#include <string>
#include <vector>

#include "block_support.h"
#include "queues/message_queue.h"
#include "shm_support.h"

namespace mp::test {

inline std::unique_ptr<MessageSpace> JoinMessages(const std::shared_ptr<Segment>& segment) {
  auto space = MessageSpace::Join(segment);
  if (!space.ok()) {
    std::fprintf(stderr, "Join: %s %d\n", space.status().operation, space.status().error);
    _exit(98);
  }
  return std::move(space.value());
}

using QueuePtr = std::shared_ptr<MessageQueue>;

inline QueuePtr MakeQueue(MessageSpace& space, QueueShape shape = {}) {
  auto made = space.Make<MessageQueue>(shape);
  if (!made.ok()) _exit(97);
  return made.value();
}
inline QueuePtr OpenQueue(MessageSpace& space, const ObjectRef& ref) {
  auto opened = space.Open<MessageQueue>(ref);
  if (!opened.ok()) _exit(97);
  return opened.value();
}

inline StagedMessage StageText(MessageQueue& queue, const std::string& text) {
  auto staged = queue.Stage(text.size(), 0);
  if (!EXPECT(staged.ok())) _exit(96);
  std::memcpy(staged.value().bytes, text.data(), text.size());
  return staged.value();
}
// Whatever it cannot put is dropped.
inline SyncOutcome TryPut(MessageQueue& queue, const std::string& text) {
  const StagedMessage staged = StageText(queue, text);
  Status error;
  const SyncOutcome outcome = queue.TryPut(staged.block, &error);
  if (outcome != SyncOutcome::kDone) queue.Drop(staged);
  return outcome;
}
inline SyncOutcome PutSync(MessageQueue& queue, const std::string& text,
                           uint64_t deadline = kNever) {
  const StagedMessage staged = StageText(queue, text);
  QueueRequest request;
  request.kind = QueueRequest::Kind::kPut;
  request.staged = staged.block;
  const SyncOutcome outcome = queue.RunSync(&request, deadline);
  if (outcome != SyncOutcome::kDone) queue.Drop(staged);
  return outcome;
}
inline std::string TextOf(const Message& message) {
  EXPECT(message.lent.bytes == nullptr);
  return {reinterpret_cast<const char*>(message.bytes.data()), message.bytes.size()};
}
// "" when there is none.
inline std::string TryTake(MessageQueue& queue) {
  std::string text;
  queue.TryTake(1, [&](const std::byte* bytes, uint64_t length) {
    text.assign(reinterpret_cast<const char*>(bytes), length);
  });
  return text;
}
inline std::string TakeSync(MessageQueue& queue, uint64_t deadline = kNever,
                            SyncOutcome* outcome = nullptr) {
  QueueRequest request;
  request.kind = QueueRequest::Kind::kGet;
  const SyncOutcome got = queue.RunSync(&request, deadline);
  if (outcome != nullptr) *outcome = got;
  return got == SyncOutcome::kDone ? TextOf(request.messages[0]) : "";
}
inline SyncOutcome JoinSync(MessageQueue& queue, uint64_t deadline = kNever) {
  QueueRequest request;
  request.kind = QueueRequest::Kind::kJoin;
  return queue.RunSync(&request, deadline);
}
inline uint64_t InMs(uint64_t ms) {
  return MonotonicNs() + ms * 1'000'000;
}

// Blocks that are messages or being made into some.
inline uint64_t MessagesIn(const Segment& segment) {
  return BlocksIn(segment, BlockState::kOwned) + BlocksIn(segment, BlockState::kQueued) +
         BlocksIn(segment, BlockState::kTaken) + BlocksIn(segment, BlockState::kReturning);
}

}  // namespace mp::test
