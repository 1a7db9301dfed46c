#include "shm/segment.h"

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <utility>

#include "os/entropy.h"
#include "os/memory_bound.h"
#include "os/thread_identity.h"

namespace mp {
namespace {

constexpr uint64_t kLargestRegion = uint64_t{1} << 40;
constexpr uint64_t kLargestSegment = 3 * kLargestRegion;
static_assert(kMaxUnits * kUnitSize == kLargestRegion);
// Of an arena whose size nobody has named.
constexpr uint64_t kLeastArena = (uint64_t{1} << 30) + (uint64_t{64} << 20);
constexpr uint64_t kLeastMappedArena = uint64_t{64} << 20;

// Whatever two programs must agree on to use the same bytes.
uint64_t AbiFingerprint() {
#if defined(__x86_64__)
  constexpr uint64_t kMachine = 1;
#elif defined(__aarch64__)
  constexpr uint64_t kMachine = 2;
#else
  constexpr uint64_t kMachine = 0;
#endif
  const uint16_t one = 1;
  uint8_t first_byte;
  std::memcpy(&first_byte, &one, 1);
  return kMachine << 56 | uint64_t{first_byte} << 48 | uint64_t{sizeof(void*)} << 44 |
         uint64_t{PageSize() >> 10} << 24 | LibcFingerprint();
}

uint64_t RoundUp(uint64_t value, uint64_t unit) {
  return (value + unit - 1) / unit * unit;
}

// FNV-1a over everything before the checksum.
uint64_t Checksum(const SegmentHeader& header) {
  uint64_t hash = 0xcbf2'9ce4'8422'2325;
  const auto* bytes = reinterpret_cast<const unsigned char*>(&header);
  for (size_t i = 0; i < offsetof(SegmentHeader, checksum); i += 1) {
    hash = (hash ^ bytes[i]) * 0x100'0000'01b3;
  }
  return hash;
}

// The places follow from the counts; a header that says otherwise is not one of ours.
void Place(SegmentHeader* header) {
  header->rows_offset = RoundUp(sizeof(SegmentHeader), PageSize());
  header->chunk_table_offset =
      header->rows_offset + uint64_t{header->participants} * sizeof(ParticipantRow);
  // A page of its own: what is before it has memory from the start, it has not.
  header->unit_table_offset =
      RoundUp(header->chunk_table_offset + header->chunks * sizeof(ChunkEntry), PageSize());
  header->chunks_offset =
      RoundUp(header->unit_table_offset + header->units * sizeof(UnitEntry), kChunkSize);
  header->arena_offset = header->chunks_offset + header->chunks * kChunkSize;
  header->size = header->arena_offset + header->units * kUnitSize;
}

bool InRange(const SegmentHeader& header) {
  return header.participants >= 2 && header.participants <= kMaxParticipants &&
         header.chunks >= 1 && header.chunks <= kLargestRegion / kChunkSize && header.units >= 2 &&
         header.units <= kMaxUnits;
}

// A bound that is stated, not memory that is taken. Address space is left for others where it is
// limited.
uint64_t DefaultUnits() {
  const uint64_t memory = std::max(MemoryBound(), kLeastArena);
  const uint64_t bound = std::min({memory, AddressSpaceBound() / 4, kLargestRegion});
  return std::max(bound, kLeastMappedArena) / kUnitSize;
}

}  // namespace

Result<Segment> Segment::Create(const SegmentOptions& options) {
  auto self = CurrentThread();
  if (!self.ok()) return self.status();
  SegmentHeader plan{};
  plan.magic = kSegmentMagic;
  plan.layout_version = kLayoutVersion;
  plan.participants = options.participants;
  plan.abi = AbiFingerprint();
  plan.pid_namespace = self.value().pid_namespace;
  plan.chunks = options.chunks;
  plan.kept_chunks = options.kept_chunks;
  plan.units = options.units == 0 ? DefaultUnits() : options.units;
  if (!InRange(plan)) return Status::Failed(EINVAL, "Create");
  if (const Status status = FillWithEntropy(plan.session, sizeof plan.session); !status.ok()) {
    return status;
  }
  for (;;) {
    auto made = Make(&plan);
    const bool smaller = made.status().error == ENOMEM && options.units == 0 &&
                         plan.units * kUnitSize > kLeastMappedArena;
    if (!smaller) return made;
    plan.units /= 2;
  }
}

Result<Segment> Segment::Make(SegmentHeader* plan) {
  Place(plan);
  plan->checksum = Checksum(*plan);
  auto fd = MakeMemoryFile("multiprocessing", plan->size);
  if (!fd.ok()) return fd.status();
  // All before the unit table, at once: later writes cannot fail for want of memory. That table
  // may be of megabytes and gets its pages as the arena is used, like the chunks.
  const Status reserved = ReserveMemory(fd.value().get(), 0, plan->unit_table_offset);
  if (!reserved.ok()) return reserved;
  auto mapping = Mapping::Map(fd.value().get(), plan->size);
  if (!mapping.ok()) return mapping.status();
  mapping.value().Prefault(0, plan->chunk_table_offset);

  Segment segment;
  segment.fd_ = std::move(fd.value());
  segment.mapping_ = std::move(mapping.value());
  // Nobody else has the descriptor yet. Memory of a new file is zero: every row free, no chunk.
  std::memcpy(static_cast<void*>(&segment.header()), plan, offsetof(SegmentHeader, state));
  segment.header().state.store(static_cast<uint32_t>(SegmentState::kReady),
                               std::memory_order_release);
  const Status adopted = segment.Adopt();
  if (!adopted.ok()) return adopted;
  return segment;
}

Result<Segment> Segment::Attach(UniqueFd fd) {
  auto size = SealedSize(fd.get());
  if (!size.ok()) return size.status();
  if (size.value() < sizeof(SegmentHeader) || size.value() > kLargestSegment + kLargestRegion) {
    return Status::Failed(EBADMSG, "Attach");
  }
  auto mapping = Mapping::Map(fd.get(), size.value());
  if (!mapping.ok()) return mapping.status();
  Segment segment;
  segment.fd_ = std::move(fd);
  segment.mapping_ = std::move(mapping.value());
  const Status adopted = segment.Adopt();
  if (!adopted.ok()) return adopted;
  return segment;
}

// Copies the header once and checks the copy: it cannot change between the check and the use.
Status Segment::Adopt() {
  if (header().state.load(std::memory_order_acquire) !=
      static_cast<uint32_t>(SegmentState::kReady)) {
    return Status::Failed(EBADMSG, "Attach");
  }
  SegmentHeader copy{};
  std::memcpy(static_cast<void*>(&copy), &header(), offsetof(SegmentHeader, state));
  if (copy.magic != kSegmentMagic) return Status::Failed(EBADMSG, "Attach");
  if (copy.layout_version != kLayoutVersion || copy.abi != AbiFingerprint()) {
    return Status::Failed(EPROTO, "Attach");
  }
  if (copy.checksum != Checksum(copy) || !InRange(copy)) {
    return Status::Failed(EBADMSG, "Attach");
  }
  SegmentHeader placed{};
  placed.participants = copy.participants;
  placed.chunks = copy.chunks;
  placed.units = copy.units;
  Place(&placed);
  const bool same = placed.rows_offset == copy.rows_offset &&
                    placed.chunk_table_offset == copy.chunk_table_offset &&
                    placed.unit_table_offset == copy.unit_table_offset &&
                    placed.chunks_offset == copy.chunks_offset &&
                    placed.arena_offset == copy.arena_offset && placed.size == copy.size &&
                    copy.size == mapping_.size();
  if (!same) return Status::Failed(EBADMSG, "Attach");
  auto self = CurrentThread();
  if (!self.ok()) return self.status();
  // Numbers of processes would mean others here.
  if (copy.pid_namespace != self.value().pid_namespace) return Status::Failed(EXDEV, "Attach");
  participants_ = copy.participants;
  chunks_ = copy.chunks;
  kept_chunks_ = copy.kept_chunks;
  rows_offset_ = copy.rows_offset;
  chunk_table_offset_ = copy.chunk_table_offset;
  chunks_offset_ = copy.chunks_offset;
  units_ = copy.units;
  unit_table_offset_ = copy.unit_table_offset;
  arena_offset_ = copy.arena_offset;
  // A dump would go through all of it, and give it memory while it looks.
  mapping_.LeaveOutOfDumps(arena_offset_, units_ * kUnitSize);
  return Status::Ok();
}

Status Segment::ReserveUnits(uint64_t first, uint64_t count) const {
  const uint64_t offset = arena_offset_ + first * kUnitSize;
  const Status reserved = ReserveMemory(fd_.get(), offset, count * kUnitSize);
  if (reserved.ok()) mapping_.Prefault(offset, count * kUnitSize);
  return reserved;
}

Status Segment::DiscardUnits(uint64_t first, uint64_t count) const {
  return DiscardMemory(fd_.get(), arena_offset_ + first * kUnitSize, count * kUnitSize);
}

Status Segment::ReserveUnitEntries(uint64_t first, uint64_t count) const {
  return ReserveMemory(fd_.get(), unit_table_offset_ + first * sizeof(UnitEntry),
                       count * sizeof(UnitEntry));
}

Status Segment::ReserveChunk(uint64_t index) const {
  return ReserveMemory(fd_.get(), chunks_offset_ + index * kChunkSize, kChunkSize);
}

Status Segment::DiscardChunk(uint64_t index) const {
  return DiscardMemory(fd_.get(), chunks_offset_ + index * kChunkSize, kChunkSize);
}

std::atomic<uint32_t>& Segment::TokenWord(const ParticipantRow& row) const {
  // Range-checked: the row is shared memory.
  const uint32_t offset = row.token_word.load(std::memory_order_relaxed) % kDeathTokenSize /
                          sizeof(uint32_t) * sizeof(uint32_t);
  return *reinterpret_cast<std::atomic<uint32_t>*>(
      const_cast<std::byte*>(row.token.storage + offset));
}

bool Segment::IsAlive(Stamp stamp) const {
  if (stamp.id == 0 || stamp.id >= participants_) return false;
  const ParticipantRow& its = row(stamp.id);
  const Identity identity = Identity::Unpack(its.identity.load(std::memory_order_acquire));
  if (identity.generation != stamp.generation || identity.state != RowState::kLive) return false;
  return !HolderHasDied(TokenWord(its));
}

}  // namespace mp
