// Who is woken, and how often; and who spins before it sleeps.

#include <linux/filter.h>
#include <linux/seccomp.h>
#include <sched.h>
#include <sys/prctl.h>
#include <sys/syscall.h>

#include <cstddef>

#include "open_descriptors.h"
#include "os/futex.h"
#include "queue_support.h"
#include "sync/semaphore.h"
#include "sync/spinner.h"

namespace mp::test {
namespace {

// From here on a futex call kills the process.
void ForbidFutexCalls() {
  sock_filter filter[] = {
      BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(seccomp_data, nr)),
      BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, SYS_futex, 0, 1),
      BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_KILL_PROCESS),
      BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW),
  };
  const sock_fprog program{sizeof filter / sizeof filter[0], filter};
  if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) != 0) _exit(95);
  if (prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &program) != 0) _exit(94);
}

// What becomes of a process that rings somebody whose wake word says this.
int RingWhere(WakeState state) {
  const auto segment = SmallSegment();
  const auto one = JoinSpace(segment);
  const auto two = JoinSpace(segment);
  ArmWakeWord(&two->participant().wake(), state);
  const int status = WaitStatus(Start([&] {
    ForbidFutexCalls();
    one->participant().Ring(two->stamp().id);
  }));
  DisarmWakeWord(&two->participant().wake());
  return status;
}

}  // namespace

TEST(OneThatHasBeenWokenIsNotWokenAgain) {
  EXPECT(WIFSIGNALED(RingWhere(WakeState::kAsleep)));
  EXPECT(WIFSIGNALED(RingWhere(WakeState::kBeingRung)));
  EXPECT(RingWhere(WakeState::kRungAsleep) == 0);
  EXPECT(RingWhere(WakeState::kRungArmed) == 0);
  EXPECT(RingWhere(WakeState::kAwake) == 0);
}

TEST(WhoRingsItselfOpensNothing) {
  const auto segment = SmallSegment();
  const auto space = JoinSpace(segment);
  Participant& self = space->participant();
  const Result<int> bell = self.Doorbell();
  EXPECT(bell.ok());
  self.ArmDoorbell();
  const int before = OpenDescriptors();
  self.Ring(space->stamp().id);
  EXPECT(OpenDescriptors() == before);
  EXPECT(self.DisarmDoorbell());
}

TEST(OneWhoseWakerHasDiedIsWokenByTheNext) {
  const auto segment = SmallSegment();
  const auto one = JoinSpace(segment);
  const auto two = JoinSpace(segment);
  std::atomic<uint32_t>& word = two->participant().wake();
  const uint32_t ringing = ArmWakeWord(&word, WakeState::kBeingRung);
  const pid_t sleeper = Start([&] { FutexWait(word, ringing, kNever); });
  one->participant().Ring(two->stamp().id);
  EXPECT(WaitStatus(sleeper) == 0);
  EXPECT(WakeStateOf(word.load()) == WakeState::kRungAsleep);
  EXPECT(DisarmWakeWord(&word));
}

TEST(ASleeperIsToldWhenItWasRung) {
  const auto segment = SmallSegment();
  const auto one = JoinSpace(segment);
  const auto two = JoinSpace(segment);
  // With one CPU it would not ask.
  two->participant().row().rung_ns.store(0);
  ArmWakeWord(&two->participant().wake(), WakeState::kAsleep);
  const uint64_t before = MonotonicNs();
  one->participant().Ring(two->stamp().id);
  const uint64_t rung_ns = two->participant().row().rung_ns.load();
  EXPECT(rung_ns >= before && rung_ns <= MonotonicNs());
  EXPECT(WakeStateOf(two->participant().wake().load()) == WakeState::kRungAsleep);
  // The first ring counts.
  one->participant().Ring(two->stamp().id);
  EXPECT(two->participant().row().rung_ns.load() == rung_ns);
  DisarmWakeWord(&two->participant().wake());
}

namespace {

const WakeUpCost cost(10'000);

// Whether it looks at all, when nothing comes.
bool Looks(Spinner* spinner) {
  bool looked = false;
  const auto ready = [&] {
    looked = true;
    return false;
  };
  EXPECT(!spinner->Spin(ready, MonotonicNs()));
  return looked;
}
int LooksIn(Spinner* spinner, int waits) {
  int looked = 0;
  for (int i = 0; i < waits; i += 1) looked += Looks(spinner) ? 1 : 0;
  return looked;
}

}  // namespace

TEST(NobodySpinsWithOneCpu) {
  WakeUpCost nothing(0);
  nothing.Learn(50'000);
  Spinner spinner(&nothing);
  EXPECT(LooksIn(&spinner, 100) == 0);
}

// As the spaces make it: by the CPUs that this process may use, and not by those of the machine.
TEST(OneCpuIsWhatThisProcessMayUse) {
  const pid_t one = Start([] {
    cpu_set_t cpus;
    CPU_ZERO(&cpus);
    CPU_SET(sched_getcpu(), &cpus);
    if (sched_setaffinity(0, sizeof cpus, &cpus) != 0) _exit(1);
    if (WakeUpCost().ns() != 0) _exit(2);
    const auto segment = SmallSegment();
    auto space = JoinSpace(segment);
    if (space->wake_up_cost().ns() != 0) _exit(3);
    // Nobody reads the clock for it.
    const auto other = JoinSpace(segment);
    ArmWakeWord(&space->participant().wake(), WakeState::kAsleep);
    other->participant().Ring(space->stamp().id);
    if (WakeStateOf(space->participant().wake().load()) != WakeState::kRungAsleep) _exit(4);
    if (space->participant().row().rung_ns.load() != kNever) _exit(5);
    // Not too early, though it goes by a clock that is late.
    auto semaphore = space->Make<Semaphore>(0U, 1U).value();
    const uint64_t deadline = MonotonicNs() + 30'000'000;
    if (semaphore->AcquireSync(deadline) != SyncOutcome::kTimedOut) _exit(6);
    if (MonotonicNs() < deadline) _exit(7);
    // Whoever has the row next may want to know.
    semaphore.reset();
    const uint32_t id = space->stamp().id;
    space.reset();
    const auto next = Participant::Join(segment);
    if (next.value()->stamp().id != id || next.value()->row().rung_ns.load() != 0) _exit(8);
  });
  EXPECT(WaitStatus(one) == 0);
  cpu_set_t cpus;
  EXPECT(sched_getaffinity(0, sizeof cpus, &cpus) == 0);
  EXPECT((WakeUpCost().ns() > 0) == (CPU_COUNT(&cpus) > 1));
}

TEST(WakingUpIsAsDearAsItWasLately) {
  WakeUpCost learnt(30'000);
  for (int i = 0; i < 50; i += 1) learnt.Learn(60'000);
  EXPECT(learnt.ns() > 55'000 && learnt.ns() <= 60'000);
  for (int i = 0; i < 50; i += 1) learnt.Learn(3'000);
  EXPECT(learnt.ns() < 4'000);
  // Of a machine that was busy, and of one who was not asleep yet: that tells nothing.
  for (int i = 0; i < 50; i += 1) learnt.Learn(20'000'000);
  for (int i = 0; i < 50; i += 1) learnt.Learn(300);
  EXPECT(learnt.ns() > 2'500 && learnt.ns() < 4'000);
}

TEST(NobodySpinsForLongerThanWakingUpCostsOrThanItMay) {
  const auto spun_ns = [](Spinner* spinner, uint64_t most_ns) {
    const uint64_t start = MonotonicNs();
    EXPECT(!spinner->Spin([] { return false; }, start, most_ns));
    return MonotonicNs() - start;
  };
  const WakeUpCost dear(1'000'000);
  Spinner all(&dear);
  EXPECT(spun_ns(&all, UINT64_MAX) >= dear.ns());
  // Longer than this program may run: it comes back from the limit or not at all.
  const WakeUpCost endless(3'600'000'000'000);
  Spinner brief(&endless);
  EXPECT(spun_ns(&brief, 8'000) >= 8'000);
  // Also when it looks again whether it would pay by now.
  Spinner resting(&endless);
  for (int i = 0; i < 10; i += 1) resting.Learn(1'000'000'000);
  uint64_t all_of_them = 0;
  for (int i = 0; i < 64; i += 1) all_of_them += spun_ns(&resting, 8'000);
  EXPECT(all_of_them >= 16'000);
}

TEST(WhoSleepsLearnsWhatItCostsToBeWoken) {
  const auto segment = SmallSegment();
  const auto one = JoinMessages(segment);
  const WakeUpCost before = one->wake_up_cost();
  // Rung before it went to sleep: that tells nothing.
  one->participant().row().rung_ns.store(1'000);
  one->LearnWakeUp(2'000);
  EXPECT(one->wake_up_cost().ns() == before.ns());
  for (int i = 0; i < 50; i += 1) {
    one->participant().row().rung_ns.store(MonotonicNs() - 70'000);
    one->LearnWakeUp(2'000);
  }
  EXPECT(before.ns() == 0 || one->wake_up_cost().ns() > 60'000);
}

TEST(WhatComesLateIsNotSpunForButNowAndThen) {
  Spinner spinner(&cost);
  EXPECT(Looks(&spinner));
  for (int i = 0; i < 10; i += 1) spinner.Learn(1'000'000);
  EXPECT(LooksIn(&spinner, 64) == 2);
  // Having slept all the time.
  for (int i = 0; i < 6; i += 1) spinner.Learn(1'000);
  EXPECT(Looks(&spinner));
}

TEST(WhatSpinningKeepsFromComingIsNotSpunFor) {
  Spinner spinner(&cost);
  // It comes at once when this one sleeps, and never while it spins.
  for (int i = 0; i < 4; i += 1) EXPECT(Looks(&spinner));
  for (int i = 0; i < 10; i += 1) spinner.Learn(100);
  EXPECT(LooksIn(&spinner, 64) == 2);
  // Until it has come once.
  for (int i = 0; i < 32; i += 1) spinner.Spin([] { return true; }, MonotonicNs());
  EXPECT(Looks(&spinner));
}

namespace {

struct Into final : MessageTarget {
  uint64_t longest = 0;
  std::vector<std::string> got;
  uint32_t RoomFor(uint64_t length) const override { return length <= longest ? 1 : 0; }
  bool Add(const std::byte* bytes, uint64_t length) override {
    if (length <= longest) got.emplace_back(reinterpret_cast<const char*>(bytes), length);
    return length <= longest;
  }
  void AddElsewhere() override { got.emplace_back("elsewhere"); }
};

}  // namespace

TEST(WhoeverIsBlockedHasItsMessagesPutWhereItWantsThem) {
  const auto segment = SmallSegment();
  const auto one = JoinMessages(segment);
  const QueuePtr queue = MakeQueue(*one);
  Into into;
  into.longest = 4;
  QueueRequest request;
  request.kind = QueueRequest::Kind::kGet;
  request.most = 10;
  request.target = &into;
  EXPECT(queue->TakeOnce(&request) == SyncOutcome::kPending);
  const pid_t child = Start([&] {
    const auto two = JoinMessages(segment);
    const QueuePtr theirs = OpenQueue(*two, queue->ref());
    for (const char* text : {"a", "b", "c", "too long"}) TryPut(*theirs, text);
  });
  while (into.got.size() < 3) {
    const size_t before = into.got.size();
    EXPECT(queue->RunSync(&request, kNever) == SyncOutcome::kDone);
    if (!EXPECT(request.taken == 1 && into.got.size() == before + 1)) break;
  }
  EXPECT((into.got == std::vector<std::string>{"a", "b", "c"}));
  // What there is no room for stays where it is.
  EXPECT(queue->RunSync(&request, kNever) == SyncOutcome::kDone && request.taken == 0);
  EXPECT(WaitStatus(child) == 0);
  EXPECT(TryTake(*queue) == "too long");
}

}  // namespace mp::test

TEST_MAIN()
