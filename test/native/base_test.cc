#include <fcntl.h>
#include <unistd.h>

#include <cerrno>
#include <limits>
#include <utility>

#include "base/deadline.h"
#include "base/status.h"
#include "base/unique_fd.h"
#include "harness.h"

using mp::Result;
using mp::Status;
using mp::UniqueFd;

TEST(StatusKeepsErrnoAndOperation) {
  const Status failed = Status::Failed(EAGAIN, "futex");
  EXPECT(!failed.ok());
  EXPECT(failed.error == EAGAIN);
  EXPECT(Status::Ok().ok());
}

TEST(ResultHoldsAValueOrAStatus) {
  Result<int> good = 7;
  REQUIRE(good.ok());
  EXPECT(good.value() == 7);
  const Result<int> bad = Status::Failed(ENOMEM, "mmap");
  EXPECT(!bad.ok());
  EXPECT(bad.status().error == ENOMEM);
}

TEST(ADeadlineIsNotBeforeItsTimeout) {
  const uint64_t before = mp::MonotonicNs();
  EXPECT(mp::DeadlineAfterMs(5) >= before + 5'000'000);
  EXPECT(mp::DeadlineAfterMs(std::numeric_limits<double>::infinity()) == mp::kNever);
}

TEST(ADescriptorIsClosedOnceByItsLastOwner) {
  UniqueFd first(::dup(STDERR_FILENO));
  const int fd = first.get();
  REQUIRE(fd >= 0);
  {
    const UniqueFd second = std::move(first);
    EXPECT(second.get() == fd);
    EXPECT(::fcntl(fd, F_GETFD) >= 0);
  }
  EXPECT(::fcntl(fd, F_GETFD) == -1);
}

TEST_MAIN()
