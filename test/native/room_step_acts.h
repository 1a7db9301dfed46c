#pragma once
// Whoever waits for room and whoever makes it, for queues and for pipes, and what is there and what
// becomes of it, in order.

#include <poll.h>

#include "queue_step_acts.h"

namespace mp::test {

constexpr size_t kShort = 4;

// That many are there before the child begins; `got` has those that others have taken since.
inline int there = 0;
inline uint64_t taken_bytes = 0;

// A message of that length of which nothing is written but what it is called: its bytes would be
// copied step by step.
inline StagedMessage StageNamed(MessageQueue& queue, const std::string& name, size_t length) {
  const StagedMessage staged = queue.Stage(length, 0).value();
  std::memset(staged.bytes, ' ', std::min<size_t>(length, 8));
  std::memcpy(staged.bytes, name.data(), std::min(length, name.size()));
  return staged;
}
inline SyncOutcome PutOfLength(MessageQueue& queue, const std::string& name, size_t length) {
  const StagedMessage staged = StageNamed(queue, name, length);
  Status error;
  const SyncOutcome outcome = queue.TryPut(staged.block, &error);
  if (outcome != SyncOutcome::kDone) queue.Drop(staged);
  return outcome;
}
inline std::string NameOf(const std::byte* bytes, uint64_t length) {
  return Short({reinterpret_cast<const char*>(bytes), std::min<uint64_t>(length, 8)});
}

// ---- in the child

// In an event loop, which really sleeps at its doorbell.
inline void SleepUntilServed(MessageSpace& space, const QueueWaiter& waiter) {
  pollfd bell{space.participant().Doorbell().value(), POLLIN, 0};
  std::vector<AsyncWaiter*> done;
  while (waiter.outcome == SyncOutcome::kPending) {
    space.participant().ArmDoorbell();
    if (!space.Serve(&done)) poll(&bell, 1, -1);
    space.participant().DisarmDoorbell();
    space.Serve(&done);
  }
}

// ---- meanwhile, and afterwards

inline bool TakeOne(QueueWorld& world) {
  return world.queue->TryTake(1, [](const std::byte* bytes, uint64_t length) {
    got.push_back(NameOf(bytes, length));
    taken_bytes += length;
  }) != 0;
}
// The wake word of the child, if it says that it sleeps.
inline std::atomic<uint32_t>* AsleepWord(QueueWorld& world, bool in_loop_too) {
  for (uint32_t id = 3; id < world.segment->participants(); id += 1) {
    std::atomic<uint32_t>& wake = world.segment->row(id).wake;
    const WakeState state = WakeStateOf(wake.load());
    if (state == WakeState::kAsleep || (in_loop_too && state == WakeState::kArmed)) return &wake;
  }
  return nullptr;
}
// Whoever sleeps is rung by that.
inline bool TakeAndRing(QueueWorld& world, std::atomic<uint32_t>* word) {
  const uint32_t asleep = word != nullptr ? word->load() : 0;
  if (!TakeOne(world)) return false;
  EXPECT(word == nullptr || word->load() != asleep);
  return true;
}
// While the child is asleep, and waits for room.
inline bool TakeForSleeper(QueueWorld& world) {
  std::atomic<uint32_t>* const word = AsleepWord(world, true);
  EXPECT(word != nullptr);
  return TakeAndRing(world, word);
}
inline QueueScenario Waking(QueueScenario scenario) {
  scenario.when_asleep = TakeForSleeper;
  return scenario;
}
// As many as it takes until a message of that length would go. In an event loop the child may be
// armed, and have been served.
template <size_t kLength>
void MakeRoom(QueueWorld& world, bool) {
  while (world.queue->LookForRoom(kLength) == SyncOutcome::kPending) {
    if (!EXPECT(TakeAndRing(world, AsleepWord(world, false)))) return;
  }
}

// Those that were there come first, all of them, and then the child's, or not; and there never were
// more than there may be.
inline bool InOrder(QueueWorld& world) {
  const QueueShape shape = world.queue->shape();
  EXPECT(shape.max_size == 0 || world.queue->Size() <= shape.max_size);
  const size_t before = got.size();
  taken_bytes = 0;
  while (TakeOne(world)) {
  }
  const bool is_alone = shape.of_pipe && got.size() == before + 1;
  EXPECT(shape.max_bytes == 0 || taken_bytes <= shape.max_bytes || is_alone);
  Texts expected;
  for (int i = 0; i < there; i += 1) expected.push_back(std::to_string(i));
  const bool sent = got.size() > expected.size();
  if (sent) expected.emplace_back("new");
  EXPECT(got == expected);
  return sent;
}

// Another one waits in the getter's event loop, until there is room for a short message.
inline void OtherHasRoom(QueueWorld& world) {
  if (world.queue->LookForRoom(kShort) == SyncOutcome::kPending) {
    EXPECT(world.Woken() == SyncOutcome::kPending);
    world.Sleep();
    EXPECT(TakeOne(world));
  }
  EXPECT(world.Woken() == SyncOutcome::kDone);
}
// And has put what is called so, before the child's or behind it.
inline bool InOrderWithOther(QueueWorld& world) {
  while (TakeOne(world)) {
  }
  EXPECT(std::erase(got, "mine") == 1);
  return InOrder(world);
}
// Once, so that there is room for one of two.
inline bool TakeOnceForSleeper(QueueWorld& world) {
  return got.empty() && TakeForSleeper(world);
}
// Another one has waited for longer, which `kOtherPuts` waits for and sees done. Room for one of
// the two comes once: the child fills it, or the other one is told.
template <void (*kOtherPuts)(QueueWorld&)>
void WokenBesideAnother(void (*make)(QueueWorld&), void (*act)(QueueWorld&, MessageSpace&),
                        void (*another_waits)(QueueWorld&)) {
  QueueScenario scenario{"woken for room that another waits for as well", make, act,
                         [](QueueWorld& world, bool over) {
                           kOtherPuts(world);
                           EXPECT(InOrderWithOther(world) || !over);
                           world.Gone();
                         },
                         another_waits};
  scenario.when_asleep = TakeOnceForSleeper;
  KillEverywhere(scenario);
  scenario.check = [](QueueWorld& world, bool over) {
    kOtherPuts(world);
    MakeRoom<kShort>(world, over);
  };
  scenario.afterwards = [](QueueWorld& world) {
    EXPECT(InOrderWithOther(world));
    world.Gone();
  };
  HaltEverywhere(scenario);
}

}  // namespace mp::test
