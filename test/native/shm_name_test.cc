// Joining by name: processes that are no relatives, have inherited nothing and were sent nothing
// but a text. Whoever plays one of them is this program again, by exec, adopted by init.

#include "shm/segment_name.h"

#include <fcntl.h>
#include <sys/inotify.h>
#include <sys/prctl.h>
#include <sys/stat.h>

#include <cerrno>
#include <cinttypes>
#include <cstdlib>
#include <cstring>
#include <string>

#include "os/descriptor.h"
#include "os/thread_identity.h"
#include "shm/bitmap.h"
#include "shm_support.h"
#include "sync/lock.h"

using namespace mp;
using namespace mp::test;

namespace {

std::string TextOf(const ObjectRef& ref) {
  return std::to_string(ref.offset) + "." + std::to_string(ref.generation);
}
ObjectRef LockOf(const char* text) {
  ObjectRef ref{0, 0, ObjectKind::kLock};
  std::sscanf(text, "%" SCNu64 ".%" SCNu32, &ref.offset, &ref.generation);
  return ref;
}

// The numbers of a stranger's row, for as long as there is one.
struct Member {
  pid_t pid = 0;
  Stamp stamp;
};
Member MemberIn(const Segment& segment, uint32_t id) {
  Member member;
  Until([&] {
    const Identity its = Identity::Unpack(segment.row(id).identity.load());
    member = {static_cast<pid_t>(segment.row(id).pid.load()),
              {static_cast<uint16_t>(id), its.generation}};
    return its.state == RowState::kLive;
  });
  return member;
}

// A grandchild whose parent has ended, of another session, after an exec: nobody's relative.
void StartStranger(const char* role, const std::string& first, const std::string& second) {
  EXPECT(EndedWell(Start([&] {
    setsid();
    if (fork() != 0) _exit(0);
    execl("/proc/self/exe", "stranger", role, first.c_str(), second.c_str(), nullptr);
    _exit(97);
  })));
}

// ---- what strangers do; `_exit` with anything but 0 shows as a lock that is never released

std::unique_ptr<SyncSpace> JoinByName(const char* name) {
  auto segment = AttachByName(name);
  if (!segment.ok()) {
    std::fprintf(stderr, "AttachByName %s: %d\n", name, segment.status().error);
    _exit(96);
  }
  return JoinSpace(std::make_shared<Segment>(std::move(segment.value())));
}

void HoldForEver(const char* name, const char* ref) {
  auto space = JoinByName(name);
  auto lock = space->Open<Lock>(LockOf(ref)).value();
  if (lock->AcquireSync(kNever) != SyncOutcome::kDone) _exit(1);
  for (;;) pause();
}

// Waits as an event loop does, and passes on what it was given.
void WaitForItsTurn(const char* name, const char* ref) {
  auto space = JoinByName(name);
  auto lock = space->Open<Lock>(LockOf(ref)).value();
  const int bell = space->participant().Doorbell().value();
  AsyncWaiter waiter;
  if (lock->AcquireAsync(&waiter) != SyncOutcome::kPending) _exit(1);
  std::vector<AsyncWaiter*> done;
  space->participant().ArmDoorbell();
  while (!space->Serve(&done)) {
    WaitForFd(bell, kReadable, kNever);
    space->participant().DisarmDoorbell();
    space->participant().ArmDoorbell();
  }
  if (!lock->Release().ok()) _exit(2);
}

// Makes a segment and a lock, and tells of them through a pipe of the file system.
void GiveAway(const char* path, const char*) {
  auto segment = SmallSegment();
  auto space = JoinSpace(segment);
  auto lock = space->Make<Lock>().value();
  lock->TryAcquire();
  const std::string told = NameOf(*segment) + " " + TextOf(lock->ref());
  const UniqueFd pipe(open(path, O_WRONLY));
  if (write(pipe.get(), told.data(), told.size()) != static_cast<ssize_t>(told.size())) _exit(1);
  for (;;) pause();
}

int PlayStranger(const char* const* arguments) {
  alarm(60);
  const std::string role = arguments[1];
  if (role == "hold") HoldForEver(arguments[2], arguments[3]);
  if (role == "wait") WaitForItsTurn(arguments[2], arguments[3]);
  if (role == "give") GiveAway(arguments[2], arguments[3]);
  return 0;
}

int ErrorOf(const std::string& name) {
  return AttachByName(name).status().error;
}

std::string With(std::string name, const std::string& pid) {
  return name.replace(0, name.find('.'), pid);
}

}  // namespace

TEST(AStrangerJoinsByNameAndItsDeathIsSeen) {
  auto segment = SmallSegment();
  auto space = JoinSpace(segment);
  auto lock = space->Make<Lock>().value();
  const int64_t own = PlacesInUse(*segment);
  StartStranger("hold", NameOf(*segment), TextOf(lock->ref()));
  Until([&] { return lock->IsLocked(); });
  const Member stranger = MemberIn(*segment, 2);
  EXPECT(waitpid(stranger.pid, nullptr, WNOHANG) == -1 && errno == ECHILD);
  EXPECT(lock->TryAcquire() == SyncOutcome::kPending);
  kill(stranger.pid, SIGSTOP);
  EXPECT(segment->IsAlive(stranger.stamp));
  EXPECT(space->reaper().Run().recovered == 0);
  kill(stranger.pid, SIGKILL);
  // The kernel wakes this sleeper, by the token.
  EXPECT(lock->AcquireSync(kNever) == SyncOutcome::kAbandoned);
  EXPECT(lock->AbandonedPid() == static_cast<uint32_t>(stranger.pid));
  // Both stages: its row can be taken again although nobody here can wait for it.
  ReapAll(*space);
  EXPECT(Identity::Unpack(segment->row(2).identity.load()).state == RowState::kFree);
  EXPECT(PlacesInUse(*segment) == own);
}

TEST(StrangersRingEachOthersDoorbells) {
  auto segment = SmallSegment();
  auto space = JoinSpace(segment);
  auto lock = space->Make<Lock>().value();
  EXPECT(lock->TryAcquire() == SyncOutcome::kDone);
  StartStranger("wait", NameOf(*segment), TextOf(lock->ref()));
  const auto* const object = segment->ObjectAt<SharedObject>(lock->ref().offset);
  Until([&] {
    return HasBit(object->handover, 2) &&
           WakeStateOf(segment->row(2).wake.load()) == WakeState::kArmed;
  });
  // Its bell is rung by us, and ours by it.
  const int bell = space->participant().Doorbell().value();
  AsyncWaiter waiter;
  EXPECT(lock->AcquireAsync(&waiter) == SyncOutcome::kPending);
  space->participant().ArmDoorbell();
  EXPECT(lock->Release().ok());
  WaitForFd(bell, kReadable, kNever);
  space->participant().DisarmDoorbell();
  std::vector<AsyncWaiter*> done;
  EXPECT(space->Serve(&done) && done[0] == &waiter);
  EXPECT(lock->Release().ok());
}

TEST(AnyMembersNameWillDoAndNoneOutlivesItsGiver) {
  char directory[] = "/tmp/shm_name_test.XXXXXX";
  REQUIRE(mkdtemp(directory) != nullptr);
  const std::string path = std::string(directory) + "/pipe";
  REQUIRE(mkfifo(path.c_str(), 0600) == 0);
  StartStranger("give", path, "");
  char told[128] = {};
  {
    const UniqueFd pipe(open(path.c_str(), O_RDONLY));
    EXPECT(read(pipe.get(), told, sizeof told - 1) > 0);
  }
  unlink(path.c_str());
  rmdir(directory);
  char* const ref = std::strchr(told, ' ');
  REQUIRE(ref != nullptr);
  *ref = '\0';

  auto attached = AttachByName(told);
  REQUIRE(attached.ok());
  auto segment = std::make_shared<Segment>(std::move(attached.value()));
  EXPECT((fcntl(segment->fd(), F_GETFD) & FD_CLOEXEC) != 0);
  auto space = JoinSpace(segment);
  auto lock = space->Open<Lock>(LockOf(ref + 1)).value();
  EXPECT(lock->TryAcquire() == SyncOutcome::kPending);
  const Member giver = MemberIn(*segment, 1);
  kill(giver.pid, SIGKILL);
  EXPECT(lock->AcquireSync(kNever) == SyncOutcome::kAbandoned);
  LockRequest take;
  take.take_abandoned = true;
  EXPECT(lock->TryAcquire(take) == SyncOutcome::kDoneAbandoned);
  ReapAll(*space);
  EXPECT(ErrorOf(told) == ESTALE);
  // The segment goes on, and so does joining it.
  EXPECT(NameOf(*segment) != told);
  StartStranger("hold", NameOf(*segment), ref + 1);
  MemberIn(*segment, 1);
  EXPECT(lock->Release().ok());
  Until([&] { return lock->IsLocked(); });
  kill(MemberIn(*segment, 1).pid, SIGKILL);
  EXPECT(lock->AcquireSync(kNever) == SyncOutcome::kAbandoned);
}

TEST(ATextThatIsNoNameIsRefused) {
  auto segment = SmallSegment();
  const std::string name = NameOf(*segment);
  EXPECT(AttachByName(name).ok());
  const std::string session = name.substr(name.rfind('.') + 1);
  EXPECT(session.size() == 32);
  const std::string wrong[] = {
      "",
      ".",
      "..",
      "/name",
      "1.2",
      name + " ",
      " " + name,
      name + "0",
      name.substr(0, name.size() - 1),
      std::string(name) + '\0',
      "0" + name,
      "+" + name,
      With(name, "-1"),
      With(name, "0"),
      With(name, ""),
      With(name, "4294967296"),
      With(name, "1/../1"),
      "1.-1." + session,
      "1.2147483648." + session,
      "1.1.1." + session,
      "1.1." + std::string(31, '0') + "g",
      "1.1." + std::string(31, '0') + "A",
      "1.1.-" + std::string(31, '0'),
      "1.1.0x" + std::string(30, '0'),
      "1.1." + std::string(32, '\0'),
      std::string(100'000, '9'),
  };
  for (const std::string& text : wrong) {
    if (!EXPECT(ErrorOf(text) == EINVAL)) std::fprintf(stderr, "  of %.60s\n", text.c_str());
  }
}

TEST(ANameWhoseNumbersMeanSomethingElseIsStale) {
  auto segment = SmallSegment();
  auto other = SmallSegment();
  const std::string name = NameOf(*segment);
  const std::string session = name.substr(name.rfind('.'));
  const auto at = [&](int fd) { return std::to_string(getpid()) + "." + std::to_string(fd); };
  // A process that has ended.
  const pid_t pid = Start([] {});
  EXPECT(EndedWell(pid));
  EXPECT(ErrorOf(With(name, std::to_string(pid))) == ESTALE);
  EXPECT(ErrorOf(at(other->fd()) + session) == ESTALE);
  EXPECT(ErrorOf(at(1'000'000) + session) == ESTALE);
  const auto pipe = MakePipe();
  EXPECT(ErrorOf(at(pipe.value().first.get()) + session) == ESTALE);
  const UniqueFd file(open("/proc/self/exe", O_RDONLY | O_CLOEXEC));
  EXPECT(ErrorOf(at(file.get()) + session) == ESTALE);
  const UniqueFd zeros = std::move(MakeMemoryFile("zeros", 1 << 20).value());
  EXPECT(ErrorOf(at(zeros.get()) + session) == ESTALE);
  // One that was let go of.
  segment.reset();
  EXPECT(ErrorOf(name) == ESTALE);
}

// Opening a terminal, a device or a pipe may do something, so nothing is opened that has a name.
TEST(WhatHasANameIsNotEvenOpened) {
  char path[] = "/tmp/shm_name_test.XXXXXX";
  const UniqueFd file(mkostemp(path, O_CLOEXEC));
  REQUIRE(file.get() >= 0);
  const UniqueFd opens(inotify_init1(IN_CLOEXEC | IN_NONBLOCK));
  REQUIRE(inotify_add_watch(opens.get(), path, IN_OPEN) >= 0);
  auto segment = SmallSegment();
  const std::string name = NameOf(*segment);
  const std::string session = name.substr(name.rfind('.'));
  EXPECT(ErrorOf(std::to_string(getpid()) + "." + std::to_string(file.get()) + session) == ESTALE);
  inotify_event event;
  EXPECT(read(opens.get(), &event, sizeof event) == -1 && errno == EAGAIN);
  const UniqueFd again(open(path, O_RDWR | O_CLOEXEC));
  EXPECT(read(opens.get(), &event, sizeof event) > 0);
  unlink(path);
}

// Who may not look into a process may not join it. Root is let in by the kernel, into anybody's: it
// plays another user, and is nobody's guest.
TEST(AnotherUsersSegmentStaysClosed) {
  auto segment = SmallSegment();
  const std::string name = NameOf(*segment);
  const bool root = geteuid() == 0;
  constexpr uid_t kNobody = 65534;
  prctl(PR_SET_DUMPABLE, 0, 0, 0, 0);
  EXPECT(EndedWell(Start([&] {
    if (root && setuid(kNobody) != 0) _exit(1);
    if (ErrorOf(name) != EACCES) _exit(2);
  })));
  prctl(PR_SET_DUMPABLE, 1, 0, 0, 0);
  if (!root) return;
  REQUIRE(fchown(segment->fd(), kNobody, kNobody) == 0);
  EXPECT(ErrorOf(name) == EACCES);
}

int main(int count, const char* const* arguments) {
  return count == 4 ? PlayStranger(arguments) : RunAll();
}
