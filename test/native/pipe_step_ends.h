#pragma once
// Ends of pipes, and ends in messages, for the step tests of pipes.

#include "queue_step_world.h"

namespace mp::test {

using EndPtr = std::shared_ptr<PipeEnd>;

inline EndPtr OpenEnd(MessageSpace& space, const ObjectRef& ref) {
  auto opened = PipeEnd::Open(&space, ref);
  if (!opened.ok()) _exit(95);
  return opened.value();
}
inline void MakePipe(QueueWorld& world) {
  world.pipe = PipeEnd::MakePair(world.getter.get(), true).value();
}
inline void MakePipes(QueueWorld& world) {
  MakePipe(world);
  world.other = PipeEnd::MakePair(world.getter.get(), true).value();
}
inline void ActCloseEnd(QueueWorld& world, MessageSpace& space) {
  EndPtr right = OpenEnd(space, world.pipe.right->ref());
  StepFromHere();
  right.reset();
  StepToHere();
}
inline StagedMessage StageEnd(MessageQueue& queue, const ObjectRef& end) {
  const StagedMessage staged = queue.Stage(0, 1).value();
  *staged.carried = {end.offset, end.generation, static_cast<uint32_t>(end.kind)};
  return staged;
}
// What a receiver does (bind/pipe_take_linux.cc), with the ends of one message.
inline uint32_t TakeEnds(MessageSpace& space, MessageQueue& queue, std::vector<EndPtr>* ends) {
  std::vector<ObjectRef> refs;
  const uint32_t taken = queue.TryTake(1, [&refs](const std::byte*, uint64_t, const Block& block) {
    for (const ObjectRef& ref : CarriedBy(block)) refs.push_back(ref);
  });
  for (const ObjectRef& ref : refs) {
    std::shared_ptr<SyncObject> end;
    if (space.TakeReceived(ref, &end)) ends->push_back(std::static_pointer_cast<PipeEnd>(end));
  }
  return taken;
}
inline void EverythingGone(QueueWorld& world) {
  world.pipe = {};
  world.other = {};
  world.CleanedUp();
  EXPECT(MessagesIn(*world.segment) == 0);
  EXPECT(BlocksIn(*world.segment, BlockState::kAttached) == 0);
  EXPECT(PlacesInUse(*world.segment) <= 0);
}

}  // namespace mp::test
