// Blocks between participants: passed on, left behind, taken over from the dead.

#include <mutex>
#include <thread>

#include "block_support.h"

using namespace mp;
using namespace mp::test;

namespace {

void Fill(const Block& block, uint64_t size, uint64_t seed) {
  for (uint64_t at = 0; at + 8 <= size; at += 8, seed += 1) {
    std::memcpy(block.payload + at, &seed, 8);
  }
}
bool IsFilled(const Block& block, uint64_t size, uint64_t seed) {
  for (uint64_t at = 0; at + 8 <= size; at += 8, seed += 1) {
    if (std::memcmp(block.payload + at, &seed, 8) != 0) return false;
  }
  return true;
}

struct Message {
  BlockRef ref = 0;
  uint64_t size = 0;
  uint64_t seed = 0;
};
uint64_t SizeOf(uint64_t seed) {
  return seed % 50 == 0 ? 100'000 : seed * 37 % 3'000;
}

}  // namespace

TEST(ThreadsPassBlocksOn) {
  auto segment = SmallSegment(8, 4, 4096);
  std::mutex mutex;
  std::vector<Message> messages;
  std::vector<std::thread> threads;
  for (uint64_t index = 0; index < 4; index += 1) {
    threads.emplace_back([&, index] {
      Member member(segment);
      for (uint64_t i = 0; i < 5'000; i += 1) {
        const uint64_t seed = index << 32 | i;
        const Message sent{member.Take(SizeOf(seed)), SizeOf(seed), seed};
        Fill(member.pool.At(sent.ref), sent.size, seed);
        member.Mark(sent.ref, BlockState::kQueued);
        Message taken;
        {
          const std::lock_guard<std::mutex> lock(mutex);
          messages.push_back(sent);
          if (messages.size() > 100) {
            taken = messages[i % messages.size()];
            messages[i % messages.size()] = messages.back();
            messages.pop_back();
          }
        }
        if (i % 1'000 == 999) member.pool.Trim();
        if (taken.ref == 0) continue;
        EXPECT(IsFilled(member.pool.At(taken.ref), taken.size, taken.seed));
        EXPECT(member.Free(taken.ref));
      }
    });
  }
  for (auto& thread : threads) thread.join();
  // Their makers have left.
  Member last(segment);
  EXPECT(BlocksIn(*segment, BlockState::kQueued) == messages.size());
  for (const Message& each : messages) {
    EXPECT(IsFilled(last.pool.At(each.ref), each.size, each.seed));
    EXPECT(last.Free(each.ref));
  }
  last.pool.Trim();
  EXPECT(UnitsTaken(*segment) == 0 && FreeUnitsAreZeros(*segment));
}

TEST(ProcessesPassBlocksOn) {
  auto segment = SmallSegment(8, 4, 4096);
  int ends[2];
  REQUIRE(pipe(ends) == 0);
  constexpr uint64_t kMessages = 30'000;
  const pid_t pid = Start([&] {
    Member child(segment);
    for (uint64_t seed = 0; seed < kMessages; seed += 1) {
      const Message sent{child.Take(SizeOf(seed)), SizeOf(seed), seed};
      Fill(child.pool.At(sent.ref), sent.size, seed);
      child.Mark(sent.ref, BlockState::kQueued);
      if (write(ends[1], &sent, sizeof sent) != sizeof sent) _exit(1);
    }
    if (child.pool.UnitsHeld() > 3'000) _exit(2);
  });
  Member parent(segment);
  for (uint64_t i = 0; i < kMessages; i += 1) {
    Message taken;
    REQUIRE(read(ends[0], &taken, sizeof taken) == sizeof taken);
    EXPECT(IsFilled(parent.pool.At(taken.ref), taken.size, taken.seed));
    EXPECT(parent.Free(taken.ref));
  }
  // _exit runs no destructor: the child is one of the dead.
  EXPECT(EndedWell(pid));
  parent.Reap();
  parent.pool.Trim();
  EXPECT(UnitsTaken(*segment) == 0);
  close(ends[0]);
  close(ends[1]);
}

TEST(WhoLeavesLeavesMessagesBehind) {
  auto segment = SmallSegment(8, 4, 256);
  Member one(segment);
  std::vector<BlockRef> queued;
  {
    Member gone(segment);
    for (const uint64_t size : {64, 64, 5'000, 20'000, 300'000}) {
      queued.push_back(gone.Take(size));
      gone.Mark(queued.back(), BlockState::kQueued);
      gone.Take(size);
    }
    gone.pool.Release();
    EXPECT(gone.pool.UnitsHeld() == 0);
    EXPECT(gone.participant->Leave());
  }
  EXPECT(BlocksIn(*segment, BlockState::kQueued) == 5);
  EXPECT(BlocksIn(*segment, BlockState::kOwned) == 0);
  // Adopted rather than new.
  const uint64_t before = UnitsTaken(*segment);
  one.Take(64);
  one.Take(5'000);
  EXPECT(UnitsTaken(*segment) == before);
  for (const BlockRef ref : queued) EXPECT(one.Free(ref));
  one.pool.Release();
  one.pool.Trim();
  EXPECT(UnitsTaken(*segment) == 0);
}

TEST(WhoLeavesWithoutReleasingIsAsDead) {
  auto segment = SmallSegment(8, 4, 256);
  Member one(segment);
  std::thread([&] {
    auto gone = Member::Joined(segment);
    BlockPool pool(gone.get());
    EXPECT(pool.Allocate(100).ok());
    EXPECT(!gone->Leave());
  }).join();
  one.Reap();
  EXPECT(UnitsTaken(*segment) == 0);
  EXPECT(Identity::Unpack(segment->row(2).identity.load()).state == RowState::kFree);
}

TEST(TheDeadAreRecovered) {
  auto segment = SmallSegment(8, 4, 256);
  Member one(segment);
  const BlockRef message = one.Take(1'000);
  const BlockRef returning = one.Take(1'000);
  WaitStatus(Start([&] {
    Member gone(segment);
    for (int i = 0; i < 1'000; i += 1) gone.Take(100);
    gone.Take(1'000'000);
    gone.Mark(gone.Take(100), BlockState::kQueued);
    gone.Mark(gone.Take(200'000), BlockState::kQueued);
    gone.pool.At(gone.Take(2'000)).header->queue.store(kPart);
    gone.pool.SetKeepsBlocks(true);
    gone.Mark(message, BlockState::kTaken);
    gone.Mark(returning, BlockState::kReturning);
    kill(getpid(), SIGKILL);
  }));
  one.Reap();
  EXPECT(segment->row(2).uses.load() == 0);
  EXPECT(BlocksIn(*segment, BlockState::kOwned) == 0);
  EXPECT(BlocksIn(*segment, BlockState::kTaken) == 0);
  EXPECT(BlocksIn(*segment, BlockState::kReturning) == 0);
  EXPECT(BlocksIn(*segment, BlockState::kQueued) == 2);
  EXPECT(BlocksIn(*segment, BlockState::kAttached) == 1);
  BlockPool::ForEachBlock(*segment, [&](BlockRef, const Block& block, uint64_t seen) {
    EXPECT(BlockPool::Free(block, seen));
  });
  one.pool.Trim();
  EXPECT(UnitsTaken(*segment) == 0);
}

// A row that uses the arena is not freed by who cannot look after it.
TEST(AReaperWithoutTheArenaLeavesTheRow) {
  auto segment = SmallSegment(8, 4, 256);
  Member one(segment);
  WaitStatus(Start([&] {
    Member gone(segment);
    gone.Take(100);
    kill(getpid(), SIGKILL);
  }));
  Reaper without(one.participant.get(), &one.store, RecoverNoObject);
  EXPECT(without.Run().pending == 1);
  EXPECT(UnitsTaken(*segment) == 1);
  one.Reap();
  EXPECT(UnitsTaken(*segment) == 0);
}

TEST(AForkedChildLetsItsParentsBlocksAlone) {
  auto segment = SmallSegment(8, 4, 256);
  auto one = std::make_unique<Member>(segment);
  const BlockRef ref = one->Take(100);
  const uint64_t seen = one->StateAt(ref);
  EXPECT(EndedWell(Start([&] { one.reset(); })));
  EXPECT(one->StateAt(ref) == seen);
  EXPECT(UnitsTaken(*segment) == 1);
}

// Spans of very many dead are used again rather than new ones.
TEST(ManyDeathsTakeNoMoreMemory) {
  auto segment = SmallSegment(8, 4, 256);
  Member one(segment);
  for (int round = 0; round < 60; round += 1) {
    WaitStatus(Start([&] {
      Member gone(segment);
      for (int i = 0; i < 600; i += 1) {
        const BlockRef ref = gone.Take(100);
        if (i % 300 == 0) gone.Mark(ref, BlockState::kQueued);
      }
      gone.Mark(gone.Take(100'000), BlockState::kQueued);
      kill(getpid(), SIGKILL);
    }));
    one.Reap();
    EXPECT(BlocksIn(*segment, BlockState::kQueued) == 3);
    BlockPool::ForEachBlock(*segment, [&](BlockRef, const Block& block, uint64_t seen) {
      if (StateOf(seen) == BlockState::kQueued) EXPECT(BlockPool::Free(block, seen));
    });
  }
  EXPECT(segment->units_used() <= 20);
  one.pool.Trim();
  EXPECT(UnitsTaken(*segment) == 0);
}

TEST_MAIN()
