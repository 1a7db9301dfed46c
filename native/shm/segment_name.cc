#include "shm/segment_name.h"

#include <unistd.h>

#include <cerrno>
#include <charconv>
#include <cinttypes>
#include <cstdio>
#include <cstring>
#include <optional>
#include <utility>

#include "os/memory_file.h"
#include "os/thread_identity.h"

namespace mp {
namespace {

struct Parts {
  uint32_t pid = 0;
  int fd = -1;
  uint64_t session[2] = {};
};

std::string Text(const Parts& parts) {
  char text[64];
  std::snprintf(text, sizeof text, "%" PRIu32 ".%d.%016" PRIx64 "%016" PRIx64, parts.pid, parts.fd,
                parts.session[0], parts.session[1]);
  return text;
}

// Reads up to `stop`, or to the end for '\0'; what is left begins after it.
template <typename Number>
bool Take(std::string_view* text, char stop, Number* number, int base = 10) {
  const size_t length = stop == '\0' ? text->size() : text->find(stop);
  if (length == std::string_view::npos) return false;
  const char* const end = text->data() + length;
  const auto read = std::from_chars(text->data(), end, *number, base);
  text->remove_prefix(stop == '\0' ? length : length + 1);
  return read.ec == std::errc() && read.ptr == end;
}

std::optional<Parts> Parse(std::string_view name) {
  Parts parts;
  std::string_view rest = name;
  constexpr size_t kHalf = 16;
  const bool read =
      Take(&rest, '.', &parts.pid) && Take(&rest, '.', &parts.fd) && rest.size() == 2 * kHalf;
  if (!read) return std::nullopt;
  std::string_view first = rest.substr(0, kHalf);
  std::string_view second = rest.substr(kHalf);
  if (!Take(&first, '\0', &parts.session[0], 16) || !Take(&second, '\0', &parts.session[1], 16)) {
    return std::nullopt;
  }
  // Written in this one way: no leading zeros, no capitals, no pid 0, which would be nobody.
  if (parts.pid == 0 || parts.fd < 0 || Text(parts) != name) return std::nullopt;
  return parts;
}

// What another has under the number of one that has ended is none of ours. One that nobody has
// waited for yet is root's, and closed to others for that.
bool IsStale(int error, uint32_t pid) {
  if (error == EACCES) return HasEnded({pid, pid, 0, 0});
  return error == ENOENT || error == ESRCH || error == EBADMSG;
}

}  // namespace

std::string NameOf(const Segment& segment) {
  Parts parts;
  parts.pid = static_cast<uint32_t>(getpid());
  parts.fd = segment.fd();
  std::memcpy(parts.session, segment.header().session, sizeof parts.session);
  return Text(parts);
}

Result<Segment> AttachByName(std::string_view name) {
  const std::optional<Parts> parts = Parse(name);
  if (!parts) return Status::Failed(EINVAL, "AttachByName");
  auto fd = OpenMemoryFileOf(parts->pid, parts->fd);
  auto segment = fd.ok() ? Segment::Attach(std::move(fd.value())) : Result<Segment>(fd.status());
  if (!segment.ok()) {
    return IsStale(segment.status().error, parts->pid) ? Status::Failed(ESTALE, "AttachByName")
                                                       : segment.status();
  }
  const void* const session = segment.value().header().session;
  if (std::memcmp(session, parts->session, sizeof parts->session) != 0) {
    return Status::Failed(ESTALE, "AttachByName");
  }
  return segment;
}

}  // namespace mp
