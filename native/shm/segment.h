#pragma once
// A segment: nameless shared memory with a checked header. The descriptor is passed on by
// inheritance or over a socket; when the last process has let go of it, nothing is left.

#include <cstdint>

#include "base/status.h"
#include "base/unique_fd.h"
#include "os/memory_file.h"
#include "shm/layout.h"
#include "shm/stamp.h"

namespace mp {

struct SegmentOptions {
  uint32_t participants = kMaxParticipants;
  // Room to grow. Address space, not memory: a chunk takes memory when it is first needed.
  uint64_t chunks = 16 * 1024;
  // Of the arena, for messages. 0: as much as this process may use of memory, 1 GiB at least, or
  // less where so much address space is not to be had.
  uint64_t units = 0;
  // The first chunks keep the memory that they have got, 4 MiB: a small program pays for none that
  // comes and goes.
  uint64_t kept_chunks = 64;
};

class Segment {
 public:
  static Result<Segment> Create(const SegmentOptions& options);
  // Anything but a sound segment of this very layout and machine is refused: EBADMSG for bytes that
  // are no segment, EPROTO for another layout or machine, EXDEV for another pid namespace.
  static Result<Segment> Attach(UniqueFd fd);

  int fd() const { return fd_.get(); }
  SegmentHeader& header() const { return *At<SegmentHeader>(0); }
  uint32_t participants() const { return participants_; }
  // Rows that have ever been taken; there is nothing in the others. At most participants().
  uint32_t rows_used() const {
    const uint32_t used = header().rows_used.load(std::memory_order_seq_cst);
    return used < participants_ ? used : participants_;
  }
  uint64_t chunks() const { return chunks_; }
  uint64_t kept_chunks() const { return kept_chunks_; }
  uint64_t chunks_offset() const { return chunks_offset_; }
  uint64_t units() const { return units_; }
  // Units that have ever been claimed; the others are zeros. At most units().
  uint64_t units_used() const {
    const uint64_t used = header().units_used.load(std::memory_order_acquire);
    return used < units_ ? used : units_;
  }

  // `id` must be below participants().
  ParticipantRow& row(uint32_t id) const { return At<ParticipantRow>(rows_offset_)[id]; }
  ChunkEntry& chunk(uint64_t index) const { return At<ChunkEntry>(chunk_table_offset_)[index]; }
  UnitEntry& unit(uint64_t index) const { return At<UnitEntry>(unit_table_offset_)[index]; }
  // `index` must be below units().
  std::byte* UnitMemory(uint64_t index) const {
    return mapping_.data() + arena_offset_ + index * kUnitSize;
  }
  // Memory for units, so that a want of it is told here; touched already where the kernel can.
  Status ReserveUnits(uint64_t first, uint64_t count) const;
  // They read as zeros afterwards.
  Status DiscardUnits(uint64_t first, uint64_t count) const;
  // The same for entries of the table.
  Status ReserveUnitEntries(uint64_t first, uint64_t count) const;

  // The same for a chunk.
  Status ReserveChunk(uint64_t index) const;
  Status DiscardChunk(uint64_t index) const;

  // Null unless a T fits there, among the chunks and aligned as objects are.
  template <typename T>
  T* ObjectAt(uint64_t offset) const {
    const bool fits = offset >= chunks_offset_ && offset % sizeof(SharedObject) == 0 &&
                      offset <= arena_offset_ && arena_offset_ - offset >= sizeof(T);
    return fits ? At<T>(offset) : nullptr;
  }

  std::atomic<uint32_t>& TokenWord(const ParticipantRow& row) const;
  // False for participants that have died or left, as far as the kernel has told. Two loads.
  bool IsAlive(Stamp stamp) const;

 private:
  friend struct SegmentTestAccess;
  template <typename T>
  T* At(uint64_t offset) const {
    return reinterpret_cast<T*>(mapping_.data() + offset);
  }
  static Result<Segment> Make(SegmentHeader* plan);
  Status Adopt();

  UniqueFd fd_;
  Mapping mapping_;
  // Of the header, kept apart from it: what was checked must be what is used.
  uint32_t participants_ = 0;
  uint64_t chunks_ = 0;
  uint64_t kept_chunks_ = 0;
  uint64_t rows_offset_ = 0;
  uint64_t chunk_table_offset_ = 0;
  uint64_t chunks_offset_ = 0;
  uint64_t units_ = 0;
  uint64_t unit_table_offset_ = 0;
  uint64_t arena_offset_ = 0;
};

}  // namespace mp
