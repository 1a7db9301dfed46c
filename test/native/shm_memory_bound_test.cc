#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <limits>
#include <string>

#include "harness.h"
#include "os/memory_bound.h"

using mp::AddressSpaceBound;
using mp::ControlGroupBound;
using mp::MemoryBound;

namespace {

constexpr uint64_t kNone = std::numeric_limits<uint64_t>::max();

// A file system of its own, as far as control groups are concerned.
class Root {
 public:
  Root() {
    char name[] = "/tmp/mp-groups-XXXXXX";
    path_ = mkdtemp(name);
  }
  ~Root() { std::filesystem::remove_all(path_); }
  Root(const Root&) = delete;
  Root& operator=(const Root&) = delete;

  // What /proc/self/cgroup says.
  Root& IsIn(const std::string& groups) { return Has("/proc/self/cgroup", groups); }
  Root& Bounds(const std::string& group, const std::string& bound) {
    return Has("/sys/fs/cgroup" + group + "/memory.max", bound);
  }
  // In the old hierarchy.
  Root& BoundsOld(const std::string& group, const std::string& bound) {
    return Has("/sys/fs/cgroup/memory" + group + "/memory.limit_in_bytes", bound);
  }
  uint64_t Bound() const { return ControlGroupBound(path_); }

 private:
  Root& Has(const std::string& path, const std::string& text) {
    const std::filesystem::path file = path_ + path;
    std::filesystem::create_directories(file.parent_path());
    std::ofstream(file) << text;
    return *this;
  }

  std::string path_;
};

}  // namespace

TEST(TheSmallestBoundOfAGroupAndThoseAboveCounts) {
  Root own;
  own.IsIn("0::/slice/service\n");
  own.Bounds("/slice", "max\n").Bounds("/slice/service", "5000\n");
  EXPECT(own.Bound() == 5000);
  own.Bounds("/slice", "3000\n");
  EXPECT(own.Bound() == 3000);
  own.Bounds("/slice/service", "max\n");
  EXPECT(own.Bound() == 3000);
  own.Bounds("/slice", "max\n");
  EXPECT(own.Bound() == kNone);
}

// The group of a container is the root there, under whatever name the host has for it.
TEST(InAContainerTheMountSaysIt) {
  Root inside;
  inside.IsIn("0::/\n").Bounds("", "7000\n");
  EXPECT(inside.Bound() == 7000);
  inside.IsIn("0::/docker/0123456789ab\n");
  EXPECT(inside.Bound() == 7000);
}

TEST(TheOldHierarchyOfMemoryIsFoundAmongTheOthers) {
  Root old;
  old.IsIn("12:cpuset:/a\n5:cpu,memory,pids:/job\n1:name=systemd:/b\n0::/c\n");
  old.BoundsOld("", "9223372036854771712\n");
  old.BoundsOld("/job", "4000\n");
  old.BoundsOld("/a", "1\n").BoundsOld("/b", "1\n");
  old.BoundsOld("/c", "1\n");
  EXPECT(old.Bound() == 4000);
  // Of both, where both are mounted.
  old.Bounds("/c", "2000\n");
  EXPECT(old.Bound() == 2000);
  // A hierarchy whose name only has the word in it.
  old.IsIn("5:name=memory:/job\n4:memoryless:/job\n");
  EXPECT(old.Bound() == kNone);
}

TEST(WhatIsNoneOfItSaysNothing) {
  Root other;
  EXPECT(other.Bound() == kNone);
  other.Bounds("", "1\n").BoundsOld("", "1\n");
  for (const char* text : {"", "\n", "0", "0:", ":", "4:memory", "nothing of the kind\n"}) {
    other.IsIn(text);
    EXPECT(other.Bound() == kNone);
  }
  other.Bounds("", "").IsIn("0::/gone/and/gone");
  EXPECT(other.Bound() == kNone);
}

TEST(ThisMachineHasABound) {
  EXPECT(MemoryBound() > 0);
  EXPECT(MemoryBound() <= ControlGroupBound());
  EXPECT(MemoryBound() < uint64_t{1} << 60);
}

TEST(TheLimitOfTheAddressSpaceIsABound) {
  rlimit limit{};
  REQUIRE(getrlimit(RLIMIT_AS, &limit) == 0);
  EXPECT(AddressSpaceBound() == (limit.rlim_cur == RLIM_INFINITY ? kNone : limit.rlim_cur));
  const pid_t child = fork();
  if (child == 0) {
    limit.rlim_cur = rlim_t{1} << 45;
    const bool bound = setrlimit(RLIMIT_AS, &limit) == 0 && AddressSpaceBound() == limit.rlim_cur;
    _exit(bound ? 0 : 1);
  }
  int status = -1;
  REQUIRE(waitpid(child, &status, 0) == child);
  EXPECT(WIFEXITED(status) && WEXITSTATUS(status) == 0);
}

TEST_MAIN()
