// Pipes whose tail lags behind what somebody has sent who is dead, or halted in between: killed and
// halted at every step.

#include <optional>

#include "pipe_step_acts.h"

using namespace mp;
using namespace mp::test;

namespace {

using Make = void (*)(QueueWorld&);
using Act = void (*)(QueueWorld&, MessageSpace&);

// Between the slot and the tail, of the last one that is there. Nobody has looked after it.
std::optional<Stepped> sender;
template <int kMessages, size_t kLength = kShort>
void MakeHeldUp(QueueWorld& world) {
  MakeGoneRound<kMessages, kLength>(world);
  sender.emplace([&] {
    auto space = JoinMessages(world.segment);
    EndPtr right = OpenEnd(*space, world.pipe.right->ref());
    const StagedMessage staged = StageNamed(*right->out(), std::to_string(kMessages), kLength);
    Status error;
    StepFromHere();
    right->out()->TryPut(staged.block, &error);
    StepToHere();
  });
  // Found once: to step to it takes longer than all the rest.
  static std::optional<StepPlace> behind_slot;
  if (behind_slot) {
    sender->RunTo(*behind_slot);
  } else {
    const auto is_in_slot = [&] { return world.queue->Size() > kMessages; };
    while (!is_in_slot()) sender->StepEffects(1, is_in_slot);
    behind_slot = sender->PlacesToHalt().back();
  }
  EXPECT(world.queue->Size() == kMessages + 1);
  there += 1;
  const auto* const place = world.segment->ObjectAt<SharedQueue>(world.queue->ref().offset);
  EXPECT(place->main.tail.load() == kGoneBy + kMessages);
}
template <int kMessages, size_t kLength = kShort>
void MakeLagging(QueueWorld& world) {
  MakeHeldUp<kMessages, kLength>(world);
  sender->Kill();
}

// Somebody dead, too, had been one that writes; it is looked after while the child is halted.
template <size_t kLength>
void Sends(const char* what, Make make, Act act) {
  KillEverywhere(Waking({what, make, act, SentOrNot, GiveUpWriter}));
  HaltEverywhere(Waking({what, make, act,
                         [](QueueWorld& world, bool over) {
                           world.reaper->reaper().Run();
                           MakeRoom<kLength>(world, over);
                         },
                         GiveUpWriter,
                         [](QueueWorld& world) {
                           ReapToTheEnd(world);
                           Sent(world);
                         },
                         true}));
}
// Behind somebody who is halted as well, and goes on when the child has come to its end.
void SendsBehindHalted(const char* what, Make make, Act act) {
  HaltEverywhere(Waking({what, make, act,
                         [](QueueWorld& world, bool) {
                           // To look for room does not tell: it does not see what the tail lags
                           // behind.
                           if (got.empty()) EXPECT(TakeAndRing(world, AsleepWord(world, false)));
                         },
                         GiveUpWriter,
                         [](QueueWorld& world) {
                           sender->Continue();
                           EXPECT(sender->Reap() == 0);
                           Sent(world);
                         }}));
}

// What the child has not seen is there, in order.
void Unseen(QueueWorld& world) {
  while (TakeOne(world)) {
  }
  const int first = there - static_cast<int>(got.size());
  EXPECT(first >= 0 && first <= world.seen->load());
  for (int i = first; i < there; i += 1) EXPECT(got[i - first] == std::to_string(i));
  EXPECT(world.queue->LookForRoom(4 * kQuarter) == SyncOutcome::kDone);
  EXPECT(TryPut(*world.queue, "after") == SyncOutcome::kDone);
  EXPECT(TryTake(*world.queue) == "after");
  world.Gone();
}
// Others send and receive meanwhile, until the ring has gone round.
void Receives(const char* what, Make make, Act act) {
  KillEverywhere({what, make, act, [](QueueWorld& world, bool) { Unseen(world); }});
  HaltEverywhere({what, make, act,
                  [](QueueWorld& world, bool over) {
                    world.reaper->reaper().Run();
                    LapGoesBy<2>(world, over);
                  },
                  NothingOf, EachOnce, true});
}

}  // namespace

TEST(SendSteps) {
  Sends<kShort>("send behind a tail that lags", MakeLagging<1>, ActSend<kShort>);
  Sends<kShort>("send behind nothing but what the tail lags behind", MakeLagging<0>,
                ActSend<kShort>);
  Sends<2 * kPipeBytes>("send what is longer than the bound behind a tail that lags",
                        MakeLagging<0>, ActSend<2 * kPipeBytes>);
}

// What fills the pipe is what the tail lags behind.
TEST(FullSteps) {
  Sends<kShort>("wait for room behind a tail that lags", MakeLagging<3, kQuarter>, ActSend<kShort>);
  Sends<kShort>("wait for room behind a tail that lags, in an event loop", MakeLagging<3, kQuarter>,
                ActSendInLoop<kShort>);
  Sends<kShort>("wait for one that is longer than the bound, and the tail lags behind it",
                MakeLagging<0, 2 * kPipeBytes>, ActSend<kShort>);
}

TEST(ReceiveSteps) {
  Receives("receive with a tail that lags", MakeLagging<1>, ActReceive<1>);
  Receives("receive all with a tail that lags", MakeLagging<1>, ActReceive<3>);
}

TEST(HeldUpHalted) {
  SendsBehindHalted("send behind somebody who is halted", MakeHeldUp<1>, ActSend<kShort>);
  SendsBehindHalted("wait for room behind somebody who is halted", MakeHeldUp<3, kQuarter>,
                    ActSend<kShort>);
  HaltEverywhere({"receive behind somebody who is halted", MakeHeldUp<1>, ActReceive<1>,
                  LapGoesBy<2>, NothingOf, [](QueueWorld& world) {
                    sender->Continue();
                    EXPECT(sender->Reap() == 0);
                    EachOnce(world);
                  }});
}

TEST_MAIN()
