// Headers of every kind of damage: attaching fails cleanly, or what was attached works within its
// bounds. Seeded, so that every run is the same:
//
//   shm_fuzz_test [rounds] [first round]

#include <sys/mman.h>

#include <cerrno>
#include <cstdlib>
#include <cstring>
#include <random>

#include "block_support.h"
#include "os/descriptor.h"
#include "sync/lock.h"
#include "sync/semaphore.h"

using namespace mp;
using namespace mp::test;

namespace {

int rounds = 1;
int first_round = 0;
// For whoever looks for the reason of an end by a signal.
volatile int current_round = 0;

// Runs it as often as was asked for; a round always gets the same random numbers.
void EachRound(uint64_t seed, void (*body)(std::mt19937_64&)) {
  for (int round = first_round; round < first_round + rounds; round += 1) {
    current_round = round;
    std::mt19937_64 random(seed + static_cast<uint64_t>(round));
    const int before = failures_in_case;
    body(random);
    if (failures_in_case > before) std::fprintf(stderr, "in round %d\n", round);
  }
}

// Of the words that mean something: what is between them is there to separate them.
size_t WordToDamage(std::mt19937_64& random) {
  static constexpr size_t kLater[] = {
      offsetof(SegmentHeader, state),      offsetof(SegmentHeader, lease),
      offsetof(SegmentHeader, deaths),     offsetof(SegmentHeader, rows_used),
      offsetof(SegmentHeader, units_used), offsetof(SegmentHeader, orphans)};
  constexpr size_t kWritten = offsetof(SegmentHeader, checksum) + 8;
  if (random() % 2 == 0) return kLater[random() % std::size(kLater)];
  return random() % (kWritten / 8) * 8;
}

// Some damage anywhere in the header, and mostly a checksum that fits it.
void Damage(std::mt19937_64& random, SegmentHeader* damaged) {
  static constexpr uint64_t kLikely[] = {
      0,    1,    2,    7,           8,           63,           64,
      1023, 1024, 1025, 0x7fff'ffff, 0xffff'ffff, ~uint64_t{0}, uint64_t{1} << 40};
  auto* const header = reinterpret_cast<unsigned char*>(damaged);
  const size_t changes = 1 + random() % 3;
  for (size_t i = 0; i < changes; i += 1) {
    const size_t at = WordToDamage(random);
    switch (random() % 3) {
      case 0:
        header[at + random() % 8] ^= static_cast<unsigned char>(1 + random() % 255);
        break;
      case 1:
        std::memcpy(header + at, &kLikely[random() % std::size(kLikely)], 8);
        break;
      default: {
        const uint64_t value = random();
        std::memcpy(header + at, &value, 4);
      }
    }
  }
  if (random() % 4 != 0) RefitChecksum(damaged);
}

// Whatever the participants, chunks and objects say, nothing is touched outside the mapping.
void Use(Segment segment) {
  auto shared = std::make_shared<Segment>(std::move(segment));
  auto space = SyncSpace::Join(shared);
  if (!space.ok()) return;
  space.value()->reaper().Run();
  auto lock = space.value()->Make<Lock>();
  if (!lock.ok()) return;
  if (lock.value()->TryAcquire() == SyncOutcome::kDone) lock.value()->Release();
}

// The same of the arena.
void UseArena(const std::shared_ptr<Segment>& segment) {
  std::mt19937_64 random(7);
  auto participant = Participant::Join(segment);
  if (!participant.ok()) return;
  BlockPool pool(participant.value().get());
  std::vector<BlockRef> taken;
  for (const uint64_t size : {10, 500, 9'000, 70'000, 300'000, 2'000'000}) {
    auto ref = pool.Allocate(size);
    if (!ref.ok()) continue;
    const Block block = pool.At(ref.value());
    if (block) std::memset(block.payload, 0x55, block.capacity);
    taken.push_back(ref.value());
  }
  for (int i = 0; i < 1'000; i += 1) {
    const Block block = pool.At(random() % (segment->units() * kRefsPerUnit + 99));
    if (block) block.payload[block.capacity - 1] = std::byte{1};
  }
  TestJudge judge;
  for (uint32_t id = 1; id < segment->participants(); id += 1) {
    segment->row(id).uses.store(kHoldsSpans | kKeepsBlocks);
    BlockPool::Recover(*participant.value(), {static_cast<uint16_t>(id), 1}, judge);
  }
  pool.Trim();
  for (const BlockRef ref : taken) pool.Free(ref, 1);
  pool.Release();
}

}  // namespace

TEST(DamagedHeadersAreRefusedOrHarmless) {
  EachRound(20261121, [](std::mt19937_64& random) {
    auto segment = SmallSegment(4, 2);
    unsigned char good[sizeof(SegmentHeader)];
    std::memcpy(good, static_cast<const void*>(&segment->header()), sizeof good);
    int refused = 0;
    int used = 0;
    for (int damage = 0; damage < 4'000; damage += 1) {
      std::memcpy(static_cast<void*>(&segment->header()), good, sizeof good);
      Damage(random, &segment->header());
      auto attached = Segment::Attach(std::move(DuplicateFd(segment->fd()).value()));
      if (attached.ok()) {
        Use(std::move(attached.value()));
        used += 1;
        continue;
      }
      const int error = attached.status().error;
      EXPECT(error == EBADMSG || error == EPROTO || error == EXDEV);
      refused += 1;
    }
    // Some of the damage is stopped at the door, and some is let in.
    EXPECT(refused > 1'000 && used > 500);
  });
}

TEST(FilesOfEverySizeAreRefused) {
  auto segment = SmallSegment(4, 2);
  for (const uint64_t size : {1, 8, 95, 96, 128, 511, 512, 4096, 5000, 8192, 1 << 20}) {
    auto fd = MakeMemoryFile("short", size);
    REQUIRE(fd.ok());
    auto mapping = Mapping::Map(fd.value().get(), size);
    REQUIRE(mapping.ok());
    std::memcpy(mapping.value().data(), static_cast<const void*>(&segment->header()),
                size < sizeof(SegmentHeader) ? size : sizeof(SegmentHeader));
    EXPECT(Segment::Attach(std::move(fd.value())).status().error == EBADMSG);
  }
}

// A sound header over rows, chunk table and objects of random bytes.
TEST(DamagedContentsAreHarmless) {
  EachRound(3, [](std::mt19937_64& random) {
    for (int damage = 0; damage < 200; damage += 1) {
      // So that chunks whose memory comes and goes are damaged as well.
      chunks_to_keep = random() % 2;
      auto segment = SmallSegment(4, 2);
      {
        auto space = JoinSpace(segment);
        auto lock = space->Make<Lock>();
      }
      // Not the tokens: pointers of this very process, never read for what somebody else wrote
      // there.
      for (uint32_t id = 1; id < segment->participants(); id += 1) {
        ParticipantRow& row = segment->row(id);
        row.token_word.store(static_cast<uint32_t>(random()));
        row.overflow.store(random());
        row.announced.store(random());
        row.identity.store(random() & 0xffff'ff04);
        for (auto& entry : row.ledger) entry.store(random());
      }
      for (uint64_t chunk = 0; chunk < segment->chunks(); chunk += 1) {
        ChunkWord word = ChunkWord::Unpack(random());
        if (random() % 2 == 0) word.size = static_cast<PlaceSize>(1 + random() % 4);
        if (random() % 2 == 0) word.state = static_cast<ChunkState>(random() % 7);
        if (random() % 2 == 0) segment->chunk(chunk).state.store(word.packed());
        segment->chunk(chunk).used.store(static_cast<int64_t>(random()));
      }
      auto* const object = segment->ObjectAt<SharedObject>(segment->chunks_offset());
      auto* const words = reinterpret_cast<std::atomic<uint64_t>*>(object);
      for (size_t i = 0; i < sizeof(SharedObject) / 8; i += 1) words[i].store(random());
      auto again = Segment::Attach(std::move(DuplicateFd(segment->fd()).value()));
      REQUIRE(again.ok());
      Use(std::move(again.value()));
    }
  });
}

// Units and blocks that say anything, and marks above or below the truth.
TEST(DamagedArenasAreHarmless) {
  EachRound(11, [](std::mt19937_64& random) {
    for (int damage = 0; damage < 300; damage += 1) {
      auto segment = SmallSegment(4, 2, 48);
      for (uint64_t at = 0; at < segment->units(); at += 1) {
        UnitWord word = UnitWord::Unpack(random());
        word.state = static_cast<UnitState>(random() % 6);
        if (random() % 2 == 0) word.count = static_cast<uint32_t>(random() % 50);
        if (random() % 2 == 0) word.size_class = static_cast<uint8_t>(random() % 11);
        if (random() % 2 == 0) word.owner = {static_cast<uint16_t>(random() % 4), 1};
        if (random() % 3 == 0) word.owner = {};
        if (random() % 4 != 0) segment->unit(at).state.store(word.packed());
        for (uint64_t block = 0; block < kUnitSize; block += kBlockAlignment) {
          auto* const header = reinterpret_cast<BlockHeader*>(segment->UnitMemory(at) + block);
          header->state.store(random() % 3 == 0 ? 0 : random() & ~uint64_t{8});
        }
      }
      segment->header().units_used.store(random() % 2 == 0 ? random() : random() % 60);
      segment->header().orphans.store(random());
      UseArena(segment);
    }
  });
}

int main(int argc, char** argv) {
  if (argc > 1) {
    rounds = std::atoi(argv[1]);
    alarm(0);
  }
  if (argc > 2) first_round = std::atoi(argv[2]);
  return RunAll();
}
