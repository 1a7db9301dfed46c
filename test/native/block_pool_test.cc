// The arena and its pool: what is handed out is whole, alone and comes back.

#include <sys/time.h>

#include <cerrno>
#include <map>
#include <random>

#include "block_support.h"

using namespace mp;
using namespace mp::test;

TEST(EverySizeHasABlockThatFits) {
  auto segment = SmallSegment(4, 4, 4096);
  Member one(segment);
  for (uint64_t size = 0; size < 40'000; size += size < 300 ? 1 : 7) {
    const BlockRef ref = one.Take(size);
    const Block block = one.pool.At(ref);
    REQUIRE(block.header != nullptr);
    EXPECT(ref > 1 && block.capacity >= size);
    EXPECT(size > 300 ? block.capacity < 2 * size + 64 : block.capacity < size + 256);
    EXPECT(reinterpret_cast<uintptr_t>(block.header) % kBlockAlignment == 0);
    EXPECT(one.StateAt(ref) == PackBlockState(BlockState::kOwned, GenerationOf(one.StateAt(ref)),
                                              one.participant->stamp()));
    std::memset(block.payload, 0xff, block.capacity);
    EXPECT(one.Free(ref));
  }
  for (const uint64_t size : {65'488, 65'489, 1 << 20, 5'000'000, 100'000'000}) {
    const BlockRef ref = one.Take(size);
    EXPECT(one.pool.At(ref).capacity >= size);
    EXPECT(one.pool.At(ref).capacity < size + kUnitSize);
    std::memset(one.pool.At(ref).payload, 0xff, size);
    EXPECT(one.Free(ref));
  }
  one.pool.Trim();
  EXPECT(UnitsTaken(*segment) == 0 && one.pool.UnitsHeld() == 0);
  EXPECT(FreeUnitsAreZeros(*segment));
}

TEST(WhatCannotBeABlockIsNull) {
  auto segment = SmallSegment(4, 4, 64);
  Member one(segment);
  uint64_t blocks = 0;
  for (const SizeClass& its : kSizeClasses) {
    one.Take(its.capacity());
    blocks += its.blocks;
  }
  one.Take(200'000);
  uint64_t found = 0;
  for (BlockRef ref = 0; ref < 70 * kRefsPerUnit; ref += 1) found += bool{one.pool.At(ref)};
  EXPECT(found == blocks + 1);
  std::mt19937_64 random(1);
  for (int i = 0; i < 100'000; i += 1) EXPECT(!one.pool.At(random() | uint64_t{1} << 30));
  EXPECT(!one.pool.At(0) && !one.pool.At(1) && !one.pool.Free(1, 0));
}

TEST(ABlockIsFreedOnce) {
  auto segment = SmallSegment();
  Member one(segment);
  Member other(segment);
  const BlockRef ref = one.Take(100);
  const uint64_t seen = one.StateAt(ref);
  EXPECT(other.pool.Free(ref, seen));
  EXPECT(!other.pool.Free(ref, seen));
  EXPECT(StateOf(one.StateAt(ref)) == BlockState::kFree && !OwnerOf(one.StateAt(ref)));
  EXPECT(GenerationOf(one.StateAt(ref)) == ((GenerationOf(seen) + 1) & kBlockGenerationMask));
}

// A generation does not begin anew where a span was before.
TEST(AWordOfAnEarlierSpanIsOld) {
  auto segment = SmallSegment();
  Member one(segment);
  std::map<uint64_t, int> words;
  for (int round = 0; round < 1'000; round += 1) {
    const BlockRef ref = one.Take(100);
    words[one.StateAt(ref)] += 1;
    one.Free(ref);
    one.pool.Trim();
  }
  EXPECT(words.size() > 990);
}

TEST(SteadyTrafficTakesNoMore) {
  auto segment = SmallSegment(4, 4, 4096);
  Member one(segment);
  std::vector<BlockRef> queue(1'000);
  std::mt19937 random(2);
  uint64_t most = 0;
  for (int i = 0; i < 400'000; i += 1) {
    BlockRef& slot = queue[static_cast<size_t>(i) % queue.size()];
    if (slot != 0) one.Free(slot);
    slot = one.Take(random() % 100 == 0 ? 100'000 : random() % 2'000);
    if (i == 50'000) most = one.pool.UnitsHeld();
  }
  EXPECT(one.pool.UnitsHeld() <= most + most / 4);
}

// Every hundredth is never freed. Memory goes by what is taken, and an allocation does not get
// slower: a look at a bounded number of slabs.
TEST(BlocksThatStayDoNotWasteTheRest) {
  auto segment = SmallSegment(4, 4, 4096);
  Member one(segment);
  uint64_t stay = 0;
  for (int i = 0; i < 3'000'000; i += 1) {
    const BlockRef ref = one.Take(64);
    if (i % 100 != 0) {
      one.Free(ref);
    } else {
      stay += 1;
    }
  }
  const uint64_t needed = stay / 512;
  EXPECT(one.pool.UnitsHeld() < 3 * needed + 16);
}

// What comes in waves of more than is kept for certain finds its memory again, but for a little.
TEST(WavesFindTheirMemoryAgain) {
  auto segment = SmallSegment(4, 4, 4096);
  Member one(segment);
  constexpr int kWaves = 6;
  std::vector<BlockRef> wave(60);
  uint64_t least = 0;
  uint64_t unit = 0;
  for (int i = 0; i < kWaves; i += 1) {
    for (BlockRef& ref : wave) {
      ref = one.Take(1 << 20);
      if (unit == 0) unit = one.pool.UnitsHeld();
      if (i > 0) least = std::min(least, one.pool.UnitsHeld());
    }
    least = i == 0 ? one.pool.UnitsHeld() : least;
    for (const BlockRef ref : wave) one.Free(ref);
  }
  EXPECT(least >= (wave.size() - 2) * unit);
}

TEST(ABurstIsGivenBackInTheEnd) {
  auto segment = SmallSegment(4, 4, 16'384);
  Member one(segment);
  for (const uint64_t size : {uint64_t{64}, uint64_t{10'000}, uint64_t{1} << 20}) {
    std::vector<BlockRef> burst;
    while (one.pool.UnitsHeld() < 4'000) burst.push_back(one.Take(size));
    for (const BlockRef ref : burst) one.Free(ref);
    for (int i = 0; i < 4'000'000 && one.pool.UnitsHeld() > 400; i += 1) one.Free(one.Take(size));
    EXPECT(one.pool.UnitsHeld() <= 400);
  }
}

TEST(NoTwoBlocksOverlap) {
  auto segment = SmallSegment(4, 4, 16'384);
  Member one(segment);
  std::mt19937_64 random(4);
  struct Live {
    BlockRef ref;
    uint64_t size;
    uint64_t mark;
  };
  std::vector<Live> live;
  std::map<uintptr_t, uintptr_t> places;
  const auto words = [&](const Live& each, auto visit) {
    std::byte* const payload = one.pool.At(each.ref).payload;
    for (uint64_t at = 0; at + 16 <= each.size; at += 2'048) visit(payload + at);
    if (each.size >= 8) visit(payload + (each.size - 8));
  };
  for (int round = 0; round < 10'000; round += 1) {
    if (live.size() > 60 || (!live.empty() && random() % 3 == 0)) {
      const size_t which = random() % live.size();
      const Live gone = live[which];
      words(gone, [&](std::byte* at) { EXPECT(std::memcmp(at, &gone.mark, 8) == 0); });
      places.erase(reinterpret_cast<uintptr_t>(one.pool.At(gone.ref).header));
      EXPECT(one.Free(gone.ref));
      live[which] = live.back();
      live.pop_back();
    }
    const uint64_t size = random() % (uint64_t{1} << (2 + random() % 21));
    const Live made{one.Take(size), size, random()};
    const Block block = one.pool.At(made.ref);
    const auto begin = reinterpret_cast<uintptr_t>(block.header);
    const auto end = reinterpret_cast<uintptr_t>(block.payload + block.capacity);
    const auto after = places.lower_bound(begin);
    EXPECT(after == places.end() || after->first >= end);
    EXPECT(after == places.begin() || std::prev(after)->second <= begin);
    places[begin] = end;
    words(made, [&](std::byte* at) { std::memcpy(at, &made.mark, 8); });
    live.push_back(made);
  }
  for (const Live& each : live) one.Free(each.ref);
  one.pool.Trim();
  EXPECT(UnitsTaken(*segment) == 0);
}

TEST(AFullArenaSaysSoAndIsUsableAgain) {
  auto segment = SmallSegment(4, 4, 64);
  Member one(segment);
  Member other(segment);
  EXPECT(one.pool.Allocate(64 * kUnitSize).status().error == ENOSPC);
  EXPECT(one.pool.Allocate(~uint64_t{0}).status().error == ENOSPC);
  EXPECT(one.pool.Allocate(~uint64_t{0} - 47).status().error == ENOSPC);
  std::mt19937 random(5);
  for (int round = 0; round < 20; round += 1) {
    std::vector<BlockRef> taken;
    for (int failed = 0; failed < 20;) {
      Member& member = random() % 2 == 0 ? one : other;
      auto ref = member.pool.Allocate(random() % (1U << (4 + random() % 18)));
      if (ref.ok()) taken.push_back(ref.value());
      if (ref.ok()) continue;
      EXPECT(ref.status().error == ENOSPC);
      failed += 1;
    }
    for (const BlockRef ref : taken) EXPECT(other.Free(ref));
    one.pool.Trim();
    // All but unit 0, in one piece: what the other one holds it gives back when it needs more.
    const BlockRef all = other.Take(63 * kUnitSize - sizeof(BlockHeader));
    EXPECT(one.pool.Allocate(1).status().error == ENOSPC);
    EXPECT(other.Free(all));
    other.pool.Trim();
    EXPECT(UnitsTaken(*segment) == 0 && FreeUnitsAreZeros(*segment));
  }
}

TEST(ABlockOfAGibibyte) {
  auto segment = std::make_shared<Segment>(std::move(Segment::Create({8, 4}).value()));
  EXPECT(segment->units() * kUnitSize >= (uint64_t{1} << 30) + (uint64_t{64} << 20));
  Member one(segment);
  constexpr uint64_t kSize = uint64_t{1} << 30;
  const BlockRef ref = one.Take(kSize);
  const Block block = one.pool.At(ref);
  EXPECT(block.capacity >= kSize);
  block.payload[0] = block.payload[kSize - 1] = std::byte{1};
  EXPECT(one.Free(ref));
  one.pool.Trim();
  EXPECT(UnitsTaken(*segment) == 0);
}

// An interrupted fallocate begins anew.
TEST(ATimerDoesNotKeepMemoryAway) {
  auto segment = SmallSegment(4, 4, 4096);
  Member one(segment);
  struct sigaction ignore{};
  ignore.sa_handler = [](int) {};
  sigaction(SIGPROF, &ignore, nullptr);
  const itimerval often{{0, 10'000}, {0, 10'000}};
  setitimer(ITIMER_PROF, &often, nullptr);
  const BlockRef ref = one.Take(uint64_t{200} << 20);
  const itimerval never{};
  setitimer(ITIMER_PROF, &never, nullptr);
  EXPECT(one.Free(ref));
}

TEST_MAIN()
