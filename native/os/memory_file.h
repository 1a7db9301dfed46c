#pragma once
// Memory without a name, shared by whoever holds its descriptor: sized once and sealed, so that no
// holder can pull pages from under another (SIGBUS).

#include <cstddef>
#include <cstdint>

#include "base/status.h"
#include "base/unique_fd.h"

namespace mp {

// Zero-filled, close-on-exec, sealed against shrinking, growing and further seals. Takes no memory
// until pages are reserved or touched.
Result<UniqueFd> MakeMemoryFile(const char* label, uint64_t size);
// The size of a file made by MakeMemoryFile; fails with EBADMSG when it could still change size.
Result<uint64_t> SealedSize(int fd);
// Another process's, under its number there, on a descriptor of our own. Only files without a name
// are ever opened, so that a number that has come to mean something else does nothing. Fails with
// ENOENT or ESRCH when there is no such process or descriptor, EBADMSG when it is none of such a
// file, EACCES when the process, or the file, is not this user's.
Result<UniqueFd> OpenMemoryFileOf(uint32_t pid, int fd);
// Backs a range with memory now: ENOSPC or ENOMEM here rather than SIGBUS at the first write.
Status ReserveMemory(int fd, uint64_t offset, uint64_t length);
// Gives a range back; it reads as zeros.
Status DiscardMemory(int fd, uint64_t offset, uint64_t length);

// A shared mapping of a whole file. Unmapped once.
class Mapping {
 public:
  static Result<Mapping> Map(int fd, uint64_t size);
  Mapping() = default;
  ~Mapping();
  Mapping(Mapping&& other) noexcept;
  Mapping& operator=(Mapping&& other) noexcept;
  Mapping(const Mapping&) = delete;
  Mapping& operator=(const Mapping&) = delete;

  std::byte* data() const { return data_; }
  uint64_t size() const { return size_; }
  // Makes the page tables of a range now instead of fault by fault. Only a hint.
  void Prefault(uint64_t offset, uint64_t length) const;
  void LeaveOutOfDumps(uint64_t offset, uint64_t length) const;

 private:
  std::byte* data_ = nullptr;
  uint64_t size_ = 0;
};

uint32_t PageSize();

}  // namespace mp
