#pragma once
// The bytes of a segment, as every process sees them. docs/design/002-shared-memory-core.md draws
// the whole. Fixed-width fields, offsets instead of pointers; a change of any of this is a new
// kLayoutVersion.
//
//   header | participant rows | chunk table | unit table | chunk 0 | … | unit 0 | …
//
// What one process writes while others read it lies kSeparation bytes from everything else.

#include <atomic>
#include <cstddef>
#include <cstdint>

#include "os/death_token.h"

namespace mp {

constexpr size_t kSeparation = 128;
constexpr uint64_t kSegmentMagic = 0x3147'4553'504d'4f4e;  // "NOMPSEG1"
constexpr uint32_t kLayoutVersion = 10;
// Ids of participants fit bitmaps of this many bits. Id 0 is nobody.
constexpr uint32_t kMaxParticipants = 1024;
constexpr uint32_t kBitmapWords = kMaxParticipants / 64;
constexpr uint64_t kChunkSize = 64 * 1024;
// The arena of messages (ring/) is divided into these; unit 0 is never used.
constexpr uint64_t kUnitSize = 64 * 1024;
constexpr uint64_t kMaxUnits = uint64_t{1} << 24;
constexpr uint32_t kInlineLedgerEntries = 24;

static_assert(std::atomic<uint64_t>::is_always_lock_free);
static_assert(std::atomic<uint32_t>::is_always_lock_free);

enum class SegmentState : uint32_t { kInitialising = 0, kReady = 1 };

struct SegmentHeader {
  // Written once, before the state becomes ready, and covered by the checksum.
  uint64_t magic;
  uint32_t layout_version;
  uint32_t participants;  // rows, that of id 0 included
  uint64_t abi;
  uint64_t size;
  uint64_t pid_namespace;
  uint64_t session[2];
  uint64_t rows_offset;
  uint64_t chunk_table_offset;
  uint64_t chunks_offset;
  uint64_t chunks;
  uint64_t kept_chunks;  // the first ones, whose memory stays
  uint64_t unit_table_offset;
  uint64_t arena_offset;
  uint64_t units;
  uint64_t checksum;

  alignas(kSeparation) std::atomic<uint32_t> state;

  // Stamp of the participant that recovers the dead, or 0; and how many have died.
  alignas(kSeparation) std::atomic<uint64_t> lease;
  std::atomic<uint64_t> deaths;
  // One more than the highest row that was ever taken: nobody looks at those above.
  std::atomic<uint32_t> rows_used;
  // Of each size (shm/chunk_word.h) a chunk that is empty and stays as it is; a hint.
  std::atomic<uint32_t> spare_chunks[5];

  // One more than the highest unit that was ever claimed: those above are zeros.
  alignas(kSeparation) std::atomic<uint64_t> units_used;
  // A bit for each class of which there may be spans without an owner 16, times set 48.
  std::atomic<uint64_t> orphans;
};
static_assert(offsetof(SegmentHeader, checksum) == 120);
static_assert(offsetof(SegmentHeader, state) == 128);
static_assert(offsetof(SegmentHeader, lease) == 256);
static_assert(sizeof(SegmentHeader) == 512);

struct ParticipantRow {
  // State, generation and thread number in one word (shm/stamp.h): no row is ever taken without a
  // name on it.
  std::atomic<uint64_t> identity;
  // The rest of the identity, written before the state becomes live.
  std::atomic<uint64_t> start_time;
  std::atomic<uint32_t> pid;
  std::atomic<uint32_t> token_word;  // offset of the kernel's word in `token`
  std::atomic<int32_t> doorbell;
  // By a forked child: it has opened everything that its parent had open.
  std::atomic<uint32_t> settled;
  // What a reaper has to look for in the arena (RowUse); 0 before the row is free again.
  std::atomic<uint64_t> uses;
  uint64_t unused[3];
  DeathToken token;
  uint64_t unused_token[1];

  // Written by whoever wakes this participant (shm/wake.h).
  alignas(kSeparation) std::atomic<uint32_t> wake;
  // The number of its last step, and whether others know that it was made (shm/step.h).
  std::atomic<uint32_t> step;
  // When a sleeper was rung last (base/deadline.h): it then knows how long it would have had to
  // spin. A hint. kNever, by itself, where it never spins: who rings need not look at the clock.
  std::atomic<uint64_t> rung_ns;
  // How often somebody has called who may not ring (shm/bell_relay.h). Not 0: such there are.
  std::atomic<uint32_t> relay_calls;

  // Written by the participant alone, and read by its reaper, who writes when it is dead.
  alignas(kSeparation) std::atomic<uint64_t> announced;
  std::atomic<uint64_t> overflow;
  std::atomic<uint64_t> ring_announced[4];  // by the queues (queues/announcement.h)
  std::atomic<uint64_t> step_announced[2];  // which reference is being counted (queues/carried.h)
  std::atomic<uint64_t> ledger[kInlineLedgerEntries];

  // Whether there is anything of it in the arena, when it is dead.
  bool UsesArena() const {
    bool used = uses.load(std::memory_order_acquire) != 0;
    for (const auto& word : ring_announced) used = used || word.load() != 0;
    used = used || step_announced[0].load() != 0;
    return used;
  }
};
static_assert(offsetof(ParticipantRow, token) == 64);
static_assert(offsetof(ParticipantRow, wake) == 128);
static_assert(offsetof(ParticipantRow, step) == 132);
static_assert(offsetof(ParticipantRow, rung_ns) == 136);
static_assert(offsetof(ParticipantRow, announced) == 256);
static_assert(sizeof(ParticipantRow) == 512);

// ParticipantRow::uses, set before the fact.
enum RowUse : uint64_t {
  kHoldsSpans = 1,   // units carry its stamp
  kKeepsBlocks = 2,  // blocks anywhere may be taken or returning in its name
};

struct ChunkEntry {
  std::atomic<uint64_t> state;  // shm/chunk_word.h
  std::atomic<int64_t> used;    // never above the truth
};
static_assert(sizeof(ChunkEntry) == 16);

// Units make spans: slabs of blocks, and runs of one block (ring/unit_table.h).
struct UnitEntry {
  std::atomic<uint64_t> state;
  std::atomic<uint64_t> spans;  // how many have begun here; the generations of blocks go by it
};
static_assert(sizeof(UnitEntry) == 16);

enum class ObjectKind : uint8_t {
  kNone = 0,
  kLedgerBlock,
  kLock,
  kSemaphore,
  kBoundedSemaphore,
  kCondition,
  kEvent,
  kBarrier,
  kQueue,
  kPipeEnd,
};
constexpr uint8_t kLastObjectKind = static_cast<uint8_t>(ObjectKind::kPipeEnd);

// A bit for each participant.
struct Bitmap {
  std::atomic<uint64_t> words[kBitmapWords];
};

// One synchronization object. What the words mean is told by the files of sync/.
struct SharedObject {
  std::atomic<uint64_t> header;  // state, kind, generation, owner (shm/object_store.h)
  std::atomic<uint64_t> word;
  std::atomic<uint64_t> parameter;
  std::atomic<uint32_t> cursor;         // where the search for the next waiter begins; a hint
  std::atomic<uint32_t> abandoned_pid;  // who died holding it
  // References that are in no process, and who has last changed how many (shm/step.h).
  std::atomic<uint64_t> travelling;
  // Other objects that keep this one, a bit for each: a queue has the ends of its pipe here. Set
  // while those are made, and only ever cleared from then on.
  std::atomic<uint64_t> kept_by;
  uint64_t unused[10];

  // It lives as long as a bit is set, a reference travels, or something keeps it.
  alignas(kSeparation) Bitmap attached;
  alignas(kSeparation) Bitmap waiting;
  alignas(kSeparation) Bitmap handover;  // those of `waiting` that must be given what they wait for
};
static_assert(offsetof(SharedObject, attached) == 128);
static_assert(offsetof(SharedObject, waiting) == 256);
static_assert(offsetof(SharedObject, handover) == 384);
static_assert(sizeof(SharedObject) == 512);

// Objects with a word per permit or per participant.
constexpr uint32_t kCells = 1024;
struct LargeObject {
  SharedObject object;
  std::atomic<uint64_t> cells[kCells];
};
static_assert(sizeof(LargeObject) == 8704);

// A queue (queues/queue_layout.h). Four of them fill a chunk.
struct HugeObject {
  SharedObject object;
  std::atomic<uint64_t> rest[1984];
};
static_assert(sizeof(HugeObject) == 16384);

// More ledger, in the place of an object.
constexpr uint32_t kBlockLedgerEntries = 62;
struct LedgerBlock {
  std::atomic<uint64_t> header;
  std::atomic<uint64_t> next;
  std::atomic<uint64_t> entries[kBlockLedgerEntries];
};
static_assert(sizeof(LedgerBlock) == sizeof(SharedObject));

}  // namespace mp
