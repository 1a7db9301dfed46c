#include <fcntl.h>
#include <sys/resource.h>
#include <unistd.h>

#include <algorithm>
#include <cstdlib>
#include <limits>
#include <string>
#include <string_view>

#include "base/unique_fd.h"
#include "os/memory_bound.h"

namespace mp {
namespace {

constexpr uint64_t kNone = std::numeric_limits<uint64_t>::max();

std::string ReadSmallFile(const std::string& path) {
  const UniqueFd fd(open(path.c_str(), O_RDONLY | O_CLOEXEC));
  char text[4096];
  const ssize_t length = fd ? read(fd.get(), text, sizeof text) : -1;
  return length > 0 ? std::string(text, static_cast<size_t>(length)) : std::string();
}

// "max" and an unlimited number of the old hierarchy are larger than any machine.
uint64_t ReadBound(const std::string& path) {
  const std::string text = ReadSmallFile(path);
  const bool number = !text.empty() && text[0] >= '0' && text[0] <= '9';
  return number ? std::strtoull(text.c_str(), nullptr, 10) : kNone;
}

// Of a group and all above it. Inside a container the path is often the host's and leads nowhere;
// then the mount shows the container's own group as its root.
uint64_t BoundUpwards(const std::string& mount, std::string_view group, const char* file) {
  uint64_t bound = ReadBound(mount + "/" + file);
  while (group.size() > 1) {
    bound = std::min(bound, ReadBound(mount + std::string(group) + "/" + file));
    group = group.substr(0, group.rfind('/'));
  }
  return bound;
}

// A line of /proc/self/cgroup: `0::/path`, or `4:cpu,memory:/path` of the old hierarchies.
uint64_t BoundOfLine(const std::string& root, std::string_view line) {
  const size_t first = line.find(':');
  const size_t second = line.find(':', first + 1);
  if (first == line.npos || second == line.npos) return kNone;
  const std::string_view controllers = line.substr(first + 1, second - first - 1);
  const std::string_view group = line.substr(second + 1);
  if (controllers.empty()) return BoundUpwards(root + "/sys/fs/cgroup", group, "memory.max");
  const std::string listed = std::string(",").append(controllers).append(",");
  if (listed.find(",memory,") == listed.npos) return kNone;
  return BoundUpwards(root + "/sys/fs/cgroup/memory", group, "memory.limit_in_bytes");
}

}  // namespace

uint64_t ControlGroupBound(const std::string& root) {
  uint64_t bound = kNone;
  const std::string groups = ReadSmallFile(root + "/proc/self/cgroup");
  for (size_t at = 0; at < groups.size();) {
    const size_t end = std::min(groups.find('\n', at), groups.size());
    bound = std::min(bound, BoundOfLine(root, std::string_view(groups).substr(at, end - at)));
    at = end + 1;
  }
  return bound;
}

uint64_t MemoryBound() {
  const auto pages = static_cast<uint64_t>(sysconf(_SC_PHYS_PAGES));
  return std::min(pages * static_cast<uint64_t>(sysconf(_SC_PAGESIZE)), ControlGroupBound());
}

uint64_t AddressSpaceBound() {
  rlimit limit{};
  if (getrlimit(RLIMIT_AS, &limit) != 0 || limit.rlim_cur == RLIM_INFINITY) return kNone;
  return limit.rlim_cur;
}

}  // namespace mp
