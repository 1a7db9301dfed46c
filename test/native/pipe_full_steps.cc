// Pipes that are full, in messages or in bytes, or have gone round: whoever sends, waits for room
// or is woken for it, killed and halted at every step.

#include "pipe_step_acts.h"

using namespace mp;
using namespace mp::test;

namespace {

constexpr size_t kLonger = 2 * kPipeBytes;  // than there ever is room for, but in an empty pipe
constexpr int kAlmostFull = static_cast<int>(kPipeMessages) - 1;
constexpr int kFull = static_cast<int>(kPipeMessages);

using Make = void (*)(QueueWorld&);
using Act = void (*)(QueueWorld&, MessageSpace&);

// Nobody else writes. Killed, it has sent or not; halted, others make room, and it has sent in the
// end.
template <size_t kLength>
void Sends(const char* what, Make make, Act act) {
  KillEverywhere({what, make, act, SentOrNot, GiveUpWriter});
  HaltEverywhere({what, make, act, MakeRoom<kLength>, GiveUpWriter, Sent});
}
// The same when others take as often as it falls asleep: it is stepped on from there.
template <size_t kLength>
void IsWoken(const char* what, Make make, Act act) {
  KillEverywhere(Waking({what, make, act, SentOrNot, GiveUpWriter}));
  HaltEverywhere(Waking({what, make, act, MakeRoom<kLength>, GiveUpWriter, Sent}));
}

void AnotherWaits(QueueWorld& world) {
  world.waiting.wanted.length = kShort;
  world.WaitAt(*world.pipe.right->out(), QueueRequest::Kind::kRoom);
}
void OtherSends(QueueWorld& world) {
  OtherHasRoom(world);
  EXPECT(PutOfLength(*world.pipe.right->out(), "mine", kShort) == SyncOutcome::kDone);
}

}  // namespace

TEST(SendSteps) {
  Sends<kShort>("send the last message for which there is room", MakeFilled<kAlmostFull>,
                ActSend<kShort>);
  Sends<kQuarter>("send the last bytes for which there is room", MakeFilled<3, kQuarter>,
                  ActSend<kQuarter>);
  Sends<kShort>("send into a pipe that has gone round", MakeGoneRound<2>, ActSend<kShort>);
  Sends<kLonger>("send what is longer than the bound into an empty pipe", MakeGoneRound<0>,
                 ActSend<kLonger>);
  Sends<kShort>("send where the ring ends", MakeFilled<kRingSlots - 1>, ActSend<kShort>);
}

// Up to sleeping.
TEST(WaitSteps) {
  Sends<kShort>("wait for room for one more message", MakeFilled<kFull>, ActSend<kShort>);
  Sends<kShort>("wait for room for one more byte", MakeFilled<4, kQuarter>, ActSend<kShort>);
  Sends<kShort>("wait behind one that is longer than the bound", MakeFilled<1, kLonger>,
                ActSend<kShort>);
  Sends<kLonger>("wait until the pipe is empty", MakeGoneRound<2>, ActSend<kLonger>);
  Sends<kShort>("wait for room in an event loop", MakeFilled<4, kQuarter>, ActSendInLoop<kShort>);
}

TEST(WokenSteps) {
  IsWoken<kShort>("woken for room for one more message", MakeFilled<kFull>, ActSend<kShort>);
  IsWoken<2 * kQuarter>("woken for room, in vain at first", MakeGoneRound<4, kQuarter>,
                        ActSend<2 * kQuarter>);
  IsWoken<kLonger>("woken as often as a message goes, until the pipe is empty", MakeFilled<2>,
                   ActSend<kLonger>);
  IsWoken<kShort>("woken for room in an event loop", MakeFilled<kFull>, ActSendInLoop<kShort>);
  IsWoken<2 * kQuarter>("woken for room in an event loop, in vain at first",
                        MakeGoneRound<4, kQuarter>, ActSendInLoop<2 * kQuarter>);
}

TEST(BesideAnother) {
  for (const Act act : {ActSend<kShort>, ActSendInLoop<kShort>}) {
    WokenBesideAnother<OtherSends>(MakeFilled<4, kQuarter>, act, AnotherWaits);
  }
}

TEST_MAIN()
