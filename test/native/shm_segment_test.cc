#include <fcntl.h>
#include <sys/mman.h>
#include <sys/syscall.h>

#include <cerrno>
#include <cstring>
#include <set>
#include <thread>
#include <type_traits>

#include "os/descriptor.h"
#include "os/thread_identity.h"
#include "shm_support.h"
#include "sync/lock.h"

using mp::Identity;
using mp::Lock;
using mp::ObjectKind;
using mp::Participant;
using mp::RowState;
using mp::Segment;
using namespace mp::test;

namespace {

RowState StateOf(const Segment& segment, uint32_t id) {
  return Identity::Unpack(segment.row(id).identity.load()).state;
}

}  // namespace

TEST(ASegmentIsSealedAndAttachedAgain) {
  auto segment = SmallSegment();
  const int fd = segment->fd();
  EXPECT((fcntl(fd, F_GETFD) & FD_CLOEXEC) != 0);
  EXPECT(ftruncate(fd, 4096) == -1);
  EXPECT(ftruncate(fd, off_t{1} << 40) == -1);
  EXPECT(fcntl(fd, F_ADD_SEALS, F_SEAL_WRITE) == -1);
  auto again = Segment::Attach(std::move(mp::DuplicateFd(fd).value()));
  REQUIRE(again.ok());
  EXPECT(again.value().participants() == segment->participants());
  EXPECT(again.value().chunks() == segment->chunks());
  again.value().header().deaths.store(17);
  EXPECT(segment->header().deaths.load() == 17);
}

TEST(WhatIsNoSegmentIsRefused) {
  mp::UniqueFd unsealed(static_cast<int>(syscall(SYS_memfd_create, "x", MFD_CLOEXEC)));
  EXPECT(ftruncate(unsealed.get(), 1 << 20) == 0);
  EXPECT(Segment::Attach(std::move(unsealed)).status().error == EBADMSG);
  EXPECT(Segment::Attach(std::move(mp::MakeMemoryFile("empty", 0).value())).status().error ==
         EBADMSG);
  EXPECT(Segment::Attach(std::move(mp::MakeMemoryFile("zeros", 1 << 20).value())).status().error ==
         EBADMSG);
  EXPECT(Segment::Attach(mp::UniqueFd()).status().error == EBADF);
  EXPECT(!Segment::Attach(std::move(mp::MakePipe().value().first)).ok());
  EXPECT(Segment::Create({1, 1}).status().error == EINVAL);
  EXPECT(Segment::Create({4096, 1}).status().error == EINVAL);
}

// One field is another, and the checksum fits: it is refused for that field alone.
TEST(ASegmentOfOthersIsRefused) {
  const auto segment = SmallSegment();
  mp::SegmentHeader& header = segment->header();
  const auto attach = [&] {
    RefitChecksum(&header);
    return Segment::Attach(std::move(mp::DuplicateFd(segment->fd()).value())).status().error;
  };
  const auto refused = [&](auto& field) {
    const auto good = field;
    std::set<int> errors;
    // More, less, and another in its highest bit.
    for (const auto bad : {good + 1, good - 1, good ^ decltype(good + 1){1} << 31}) {
      field = static_cast<std::remove_reference_t<decltype(field)>>(bad);
      errors.insert(attach());
    }
    field = good;
    EXPECT(errors.size() == 1 && attach() == 0);
    return *errors.begin();
  };
  EXPECT(attach() == 0);
  EXPECT(refused(header.magic) == EBADMSG);
  EXPECT(refused(header.layout_version) == EPROTO);
  EXPECT(refused(header.abi) == EPROTO);
  EXPECT(refused(header.pid_namespace) == EXDEV);
  EXPECT(refused(header.rows_offset) == EBADMSG);
  EXPECT(refused(header.chunk_table_offset) == EBADMSG);
  EXPECT(refused(header.unit_table_offset) == EBADMSG);
  EXPECT(refused(header.chunks_offset) == EBADMSG);
  EXPECT(refused(header.arena_offset) == EBADMSG);
  EXPECT(refused(header.size) == EBADMSG);
  // Without a checksum that fits, whatever else it says.
  header.session[0] ^= 1;
  EXPECT(Segment::Attach(std::move(mp::DuplicateFd(segment->fd()).value())).status().error ==
         EBADMSG);
  EXPECT(attach() == 0);
  header.state.store(static_cast<uint32_t>(mp::SegmentState::kInitialising));
  EXPECT(attach() == EBADMSG);
}

TEST(ParticipantsJoinAndLeave) {
  auto segment = SmallSegment(3);
  auto first = Participant::Join(segment);
  auto second = std::thread([&] {
    auto other = Participant::Join(segment);
    EXPECT(other.ok() && other.value()->stamp().id == 2);
    EXPECT(Participant::Join(segment).status().error == EAGAIN);
    EXPECT(segment->IsAlive(other.value()->stamp()));
  });
  second.join();
  REQUIRE(first.ok());
  EXPECT(StateOf(*segment, 2) == RowState::kFree);
  const mp::Stamp before = first.value()->stamp();
  first.value()->Leave();
  EXPECT(!segment->IsAlive(before));
  auto again = Participant::Join(segment);
  EXPECT(again.value()->stamp().id == before.id);
  EXPECT(again.value()->stamp().generation != before.generation);
}

TEST(AForkedChildIsAnotherParticipant) {
  auto segment = SmallSegment();
  auto parent = Participant::Join(segment);
  const pid_t pid = Start([&] {
    if (parent.value()->IsMine()) _exit(1);
    parent.value()->Leave();
    if (!segment->IsAlive(parent.value()->stamp())) _exit(2);
    auto child = Participant::Join(segment);
    if (!child.ok() || child.value()->stamp() == parent.value()->stamp()) _exit(3);
    parent.value().reset();
    if (StateOf(*segment, 1) != RowState::kLive) _exit(4);
  });
  EXPECT(EndedWell(pid));
  EXPECT(parent.value()->IsMine());
  EXPECT(segment->IsAlive(parent.value()->stamp()));
}

// As a fork made without the C library's: the child's list of robust mutexes still names the
// parent's.
TEST(AnInheritedTokenIsForgotten) {
  auto segment = SmallSegment();
  auto parent = Participant::Join(segment);
  struct List {
    void* next;
    long offset;
    void* pending;
  };
  List* head = nullptr;
  size_t length = 0;
  syscall(SYS_get_robust_list, 0, &head, &length);
  void* const entry = head->next;
  EXPECT(entry != head);
  unsigned char before[sizeof(mp::DeathToken)];
  std::memcpy(before, &segment->row(1).token, sizeof before);
  const pid_t pid = Start([&] {
    head->next = entry;
    auto child = Participant::Join(segment);
    if (!child.ok()) _exit(1);
  });
  EXPECT(EndedWell(pid));
  EXPECT(std::memcmp(before, &segment->row(1).token, sizeof before) == 0);
  EXPECT(segment->IsAlive(parent.value()->stamp()));
}

TEST(ADeathIsSeenByItsTokenAndThenConfirmed) {
  auto segment = SmallSegment();
  auto self = JoinSpace(segment);
  const pid_t pid = Start([&] {
    auto child = Participant::Join(segment);
    for (;;) pause();
  });
  Until([&] { return StateOf(*segment, 2) == RowState::kLive; });
  const mp::Stamp stamp{2, Identity::Unpack(segment->row(2).identity.load()).generation};
  EXPECT(segment->IsAlive(stamp));
  EXPECT(self->reaper().Run().recovered == 0);
  kill(pid, SIGSTOP);
  usleep(1000);
  EXPECT(segment->IsAlive(stamp));
  EXPECT(self->reaper().Run().recovered == 0);
  kill(pid, SIGKILL);
  Until([&] { return !segment->IsAlive(stamp); });
  EXPECT(ReapAll(*self) == 1);
  EXPECT(StateOf(*segment, 2) == RowState::kFree);
  WaitStatus(pid);
}

TEST(AThreadThatEndsWithoutLeavingIsADeath) {
  auto segment = SmallSegment();
  auto self = JoinSpace(segment);
  std::unique_ptr<Participant> abandoned;
  std::thread([&] { abandoned = std::move(Participant::Join(segment).value()); }).join();
  Until([&] { return mp::HolderHasDied(segment->TokenWord(segment->row(2))); });
  EXPECT(ReapAll(*self) == 1);
  EXPECT(StateOf(*segment, 2) == RowState::kFree);
  EXPECT(StateOf(*segment, 1) == RowState::kLive);
}

TEST(AnExecIsADeath) {
  auto segment = SmallSegment();
  auto self = JoinSpace(segment);
  const pid_t pid = Start([&] {
    auto child = Participant::Join(segment);
    execl("/bin/sleep", "sleep", "30", nullptr);
  });
  Until([&] { return mp::HolderHasDied(segment->TokenWord(segment->row(2))); });
  EXPECT(self->reaper().Run().recovered == 1);
  KillAndWait(pid);
  ReapAll(*self);
  EXPECT(StateOf(*segment, 2) == RowState::kFree);
}

TEST(ObjectsComeAndGoWithoutATrace) {
  auto segment = SmallSegment(8, 4);
  auto space = JoinSpace(segment);
  mp::ObjectRef old;
  for (int i = 0; i < 50'000; i += 1) {  // a million in shm_core_steps.cc
    auto lock = space->Make<Lock>();
    REQUIRE(lock.ok());
    old = lock.value()->ref();
  }
  EXPECT(PlacesInUse(*segment) == 0);
  EXPECT(space->Open<Lock>(old).status().error == ESTALE);
}

TEST(AReferenceThatCannotBeOneIsRefused) {
  auto segment = SmallSegment();
  auto space = JoinSpace(segment);
  auto lock = space->Make<Lock>();
  mp::ObjectRef ref = lock.value()->ref();
  const auto refused = [&](uint64_t offset, uint32_t generation) {
    const int error = space->Open<Lock>({offset, generation, ObjectKind::kLock}).status().error;
    return error == ESTALE || error == EINVAL;
  };
  EXPECT(refused(ref.offset, ref.generation + 1));
  EXPECT(refused(ref.offset + 8, ref.generation));
  EXPECT(refused(ref.offset + 512, ref.generation));
  EXPECT(refused(0, 0));
  EXPECT(refused(~uint64_t{0}, 1));
  EXPECT(refused(~uint64_t{0} - 511, 1));
  EXPECT(refused(segment->chunks_offset() + segment->chunks() * mp::kChunkSize, 1));
  EXPECT(refused(segment->chunks_offset() + 20 * mp::kChunkSize, 0));
  ref.kind = ObjectKind::kLedgerBlock;
  EXPECT(space->store().Attach(ref).error == EINVAL);
}

TEST(AFullSegmentSaysSo) {
  auto segment = SmallSegment(4, 2);
  auto space = JoinSpace(segment);
  std::vector<std::shared_ptr<Lock>> locks;
  for (;;) {
    auto lock = space->Make<Lock>();
    if (!lock.ok()) {
      EXPECT(lock.status().error == ENOSPC);
      break;
    }
    locks.push_back(lock.value());
  }
  EXPECT(locks.size() == 128);
  locks.clear();
  EXPECT(space->Make<Lock>().ok());
}

TEST(TenThousandLocksOfAKilledProcessAreRecovered) {
  constexpr uint64_t kLocks = 10'000;
  auto segment = SmallSegment(8, 512);
  auto space = JoinSpace(segment);
  std::vector<std::shared_ptr<Lock>> locks;
  for (uint64_t i = 0; i < kLocks; i += 1) locks.push_back(space->Make<Lock>().value());
  const int64_t own = PlacesInUse(*segment);
  const pid_t pid = Start([&] {
    auto child = JoinSpace(segment);
    std::vector<std::shared_ptr<Lock>> held;
    for (const auto& lock : locks) {
      held.push_back(child->Open<Lock>(lock->ref()).value());
      if (held.back()->TryAcquire() != mp::SyncOutcome::kDone) _exit(1);
    }
    for (uint64_t i = 0; i < kLocks; i += 1) held.push_back(child->Make<Lock>().value());
    kill(getpid(), SIGKILL);
  });
  EXPECT(WIFSIGNALED(WaitStatus(pid)));
  EXPECT(ReapAll(*space) == 1);
  uint64_t abandoned = 0;
  uint64_t taken = 0;
  for (const auto& lock : locks) {
    abandoned += lock->TryAcquire() == mp::SyncOutcome::kAbandoned &&
                 lock->AbandonedPid() == static_cast<uint32_t>(pid);
    mp::LockRequest request;
    request.take_abandoned = true;
    taken += lock->TryAcquire(request) == mp::SyncOutcome::kDoneAbandoned;
  }
  EXPECT(abandoned == kLocks);
  EXPECT(taken == kLocks);
  EXPECT(PlacesInUse(*segment) == own);
}

TEST_MAIN()
