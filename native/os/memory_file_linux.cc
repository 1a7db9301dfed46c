#include <fcntl.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <cerrno>
#include <cstdio>
#include <utility>

#include "os/memory_file.h"

namespace mp {
namespace {

// Headers older than the running kernel do not name these.
#ifndef MFD_CLOEXEC
#define MFD_CLOEXEC 1U
#endif
#ifndef MFD_ALLOW_SEALING
#define MFD_ALLOW_SEALING 2U
#endif
#ifndef MADV_POPULATE_WRITE
#define MADV_POPULATE_WRITE 23
#endif

constexpr int kSeals = F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_SEAL;

}  // namespace

Result<UniqueFd> MakeMemoryFile(const char* label, uint64_t size) {
  UniqueFd fd(static_cast<int>(syscall(SYS_memfd_create, label, MFD_CLOEXEC | MFD_ALLOW_SEALING)));
  if (!fd) return Status::Failed(errno, "memfd_create");
  if (ftruncate(fd.get(), static_cast<off_t>(size)) != 0) {
    return Status::Failed(errno, "ftruncate");
  }
  if (fcntl(fd.get(), F_ADD_SEALS, kSeals) != 0) return Status::Failed(errno, "fcntl");
  return fd;
}

Result<uint64_t> SealedSize(int fd) {
  struct stat info{};
  if (fstat(fd, &info) != 0) return Status::Failed(errno, "fstat");
  const int seals = fcntl(fd, F_GET_SEALS);
  if (seals < 0 || (seals & kSeals) != kSeals) return Status::Failed(EBADMSG, "fcntl");
  return static_cast<uint64_t>(info.st_size);
}

Result<UniqueFd> OpenMemoryFileOf(uint32_t pid, int fd) {
  char path[48];
  std::snprintf(path, sizeof path, "/proc/%u/fd/%d", pid, fd);
  // A handle on the file without opening it: opening a device may do something.
  const UniqueFd place(open(path, O_PATH | O_CLOEXEC));
  if (!place) return Status::Failed(errno, "open");
  struct stat info{};
  if (fstat(place.get(), &info) != 0) return Status::Failed(errno, "fstat");
  if (!S_ISREG(info.st_mode) || info.st_nlink != 0) return Status::Failed(EBADMSG, "open");
  // Root may open everybody's, but must not take part in what its user can write to.
  if (info.st_uid != geteuid()) return Status::Failed(EACCES, "open");
  std::snprintf(path, sizeof path, "/proc/self/fd/%d", place.get());
  UniqueFd opened(open(path, O_RDWR | O_CLOEXEC));
  if (!opened) return Status::Failed(errno, "open");
  return opened;
}

// Piece by piece: a call that a signal interrupts gives back all that it had got, so a large one
// would never be done under a timer that fires every few milliseconds.
Status ReserveMemory(int fd, uint64_t offset, uint64_t length) {
  constexpr uint64_t kPiece = uint64_t{4} << 20;
  while (length > 0) {
    const uint64_t piece = length < kPiece ? length : kPiece;
    if (fallocate(fd, 0, static_cast<off_t>(offset), static_cast<off_t>(piece)) != 0) {
      if (errno == EINTR) continue;
      return Status::Failed(errno, "fallocate");
    }
    offset += piece;
    length -= piece;
  }
  return Status::Ok();
}

Status DiscardMemory(int fd, uint64_t offset, uint64_t length) {
  const int result = fallocate(fd, FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE,
                               static_cast<off_t>(offset), static_cast<off_t>(length));
  return result == 0 ? Status::Ok() : Status::Failed(errno, "fallocate");
}

Result<Mapping> Mapping::Map(int fd, uint64_t size) {
  void* const data = mmap(nullptr, size, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_NORESERVE, fd, 0);
  if (data == MAP_FAILED) return Status::Failed(errno, "mmap");
  Mapping mapping;
  mapping.data_ = static_cast<std::byte*>(data);
  mapping.size_ = size;
  return mapping;
}

Mapping::~Mapping() {
  if (data_ != nullptr) munmap(data_, size_);
}

Mapping::Mapping(Mapping&& other) noexcept
    : data_(std::exchange(other.data_, nullptr)), size_(std::exchange(other.size_, 0)) {}

Mapping& Mapping::operator=(Mapping&& other) noexcept {
  std::swap(data_, other.data_);
  std::swap(size_, other.size_);
  return *this;
}

void Mapping::Prefault(uint64_t offset, uint64_t length) const {
  madvise(data_ + offset, length, MADV_POPULATE_WRITE);
}

void Mapping::LeaveOutOfDumps(uint64_t offset, uint64_t length) const {
  madvise(data_ + offset, length, MADV_DONTDUMP);
}

uint32_t PageSize() {
  return static_cast<uint32_t>(sysconf(_SC_PAGESIZE));
}

}  // namespace mp
