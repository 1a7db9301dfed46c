// Memory of chunks that nothing lives in any more goes back to the system, and they are used again.

#include <sys/stat.h>

#include <cerrno>
#include <random>
#include <thread>

#include "chunk_support.h"
#include "step_world.h"

using namespace mp;
using namespace mp::test;

namespace {

int64_t MemoryOf(const Segment& segment) {
  struct stat info{};
  fstat(segment.fd(), &info);
  return static_cast<int64_t>(info.st_blocks) * 512;
}

std::shared_ptr<Segment> KeepingFew(uint64_t kept, uint64_t chunks) {
  const uint64_t before = std::exchange(chunks_to_keep, kept);
  auto segment = SmallSegment(8, chunks, 16);
  chunks_to_keep = before;
  return segment;
}

enum class Order { kFirstFirst, kLastFirst, kAny };

void DropIn(Order order, SyncSpace& space, std::vector<ObjectRef>* made) {
  std::mt19937_64 random(7);
  if (order == Order::kLastFirst) std::reverse(made->begin(), made->end());
  if (order == Order::kAny) std::shuffle(made->begin(), made->end(), random);
  for (const ObjectRef& ref : *made) space.store().Detach(ref);
}

}  // namespace

TEST(MemoryGoesBack) {
  constexpr int64_t kQueues = 400;
  constexpr int64_t kTheirs = kQueues * int64_t{sizeof(HugeObject)};
  auto segment = KeepingFew(2, 2 * kQueues / 4);
  auto space = JoinSpace(segment);
  const int64_t before = MemoryOf(*segment);
  std::vector<ObjectRef> old;
  for (const Order order : {Order::kFirstFirst, Order::kLastFirst, Order::kAny}) {
    std::vector<ObjectRef> made;
    MakePlaces(*space, kQueues, &made);
    EXPECT(MemoryOf(*segment) >= before + kTheirs);
    for (const ObjectRef& ref : old) {
      EXPECT(std::find(made.begin(), made.end(), ref) == made.end());
      EXPECT(space->store().Attach(ref).error == ESTALE);
    }
    old.insert(old.end(), made.begin(), made.end());
    DropIn(order, *space, &made);
    // What is kept, an empty one, and the first of the ledger's.
    EXPECT(MemoryOf(*segment) <= before + 4 * int64_t{kChunkSize} + int64_t{kChunkSize} * 2);
    for (const ObjectRef& ref : old) EXPECT(space->store().Attach(ref).error == ESTALE);
  }
}

// One of each kind at a time, beside what stays.
TEST(WhatComesAndGoesBesideWhatStaysTakesNoMemory) {
  auto segment = KeepingFew(0, 64);
  auto space = JoinSpace(segment);
  std::vector<ObjectRef> stay;
  MakePlaces(*space, 4, &stay);
  space->store().Detach(MakePlace(*space));
  const int64_t before = MemoryOf(*segment);
  const uint64_t word = segment->chunk(1).state.load();
  for (int i = 0; i < 1'000; i += 1) space->store().Detach(MakePlace(*space));
  // It is the only one that is empty, and has not come and gone each time.
  EXPECT(MemoryOf(*segment) == before && segment->chunk(1).state.load() == word);
}

TEST(ChunksThatAreKeptKeepTheirMemory) {
  auto segment = KeepingFew(8, 16);
  auto space = JoinSpace(segment);
  std::vector<ObjectRef> made;
  MakePlaces(*space, 24, &made);
  const int64_t full = MemoryOf(*segment);
  DropPlaces(*space, &made);
  EXPECT(MemoryOf(*segment) >= full);
}

// They begin again behind the latest of the whole chunk, and come round.
TEST(GenerationsGoOn) {
  auto segment = KeepingFew(1, 4);
  auto space = JoinSpace(segment);
  std::vector<ObjectRef> stay;
  MakePlaces(*space, 4, &stay);
  std::vector<ObjectRef> seen;
  for (int round = 0; round < 12; round += 1) {
    std::vector<ObjectRef> made;
    MakePlaces(*space, 4, &made);
    // One of them more often than the others.
    for (int more = 0; more < round % 3; more += 1) {
      space->store().Detach(made.back());
      made.back() = MakePlace(*space);
    }
    for (const ObjectRef& ref : made) {
      EXPECT(ref.generation != 0 && ChunkOf(*segment, ref) == 1);
      EXPECT(std::find(seen.begin(), seen.end(), ref) == seen.end());
      seen.push_back(ref);
    }
    DropPlaces(*space, &stay);
    DropPlaces(*space, &made);
    const ChunkWord bare = WordOf(*segment, 1);
    EXPECT(bare.state == ChunkState::kBare && !HasMemory(*segment, 1));
    if (round == 0) {
      seen.clear();
      ChunkWord late = bare;
      late.generation = kObjectGenerationMask - 6;
      segment->chunk(1).state.store(late.packed());
    }
    MakePlaces(*space, 4, &stay);
  }
}

// Of different sizes, which chunks keep.
TEST(AChunkStaysDividedAsItWas) {
  auto segment = KeepingFew(0, 2);
  auto space = JoinSpace(segment);
  std::vector<ObjectRef> queues;
  MakePlaces(*space, 8, &queues);
  DropPlaces(*space, &queues);
  EXPECT(WordOf(*segment, 1).state == ChunkState::kBare);
  EXPECT(MakePlace(*space, ObjectKind::kLock).kind == ObjectKind::kNone);
  MakePlaces(*space, 8, &queues);
  DropPlaces(*space, &queues);
}

// Threads as participants, each with some objects at a time, in which nobody else may write.
TEST(ManyComeAndGoAtOnce) {
  auto segment = KeepingFew(1, 24);
  std::vector<std::thread> threads;
  std::atomic<int> wrong = 0;
  for (uint64_t id = 1; id <= 4; id += 1) {
    threads.emplace_back([&, id] {
      auto space = JoinSpace(segment);
      std::mt19937_64 random(id);
      std::vector<ObjectRef> made;
      for (int i = 0; i < 4'000; i += 1) {
        if (made.size() < 12 && random() % 2 == 0) {
          const ObjectRef ref = MakePlace(*space);
          SharedObject* const object = space->store().Find(ref);
          if (object == nullptr || object->word.exchange(id) != 0) wrong += 1;
          if (object == nullptr) return;
          made.push_back(ref);
        } else if (!made.empty()) {
          std::swap(made[random() % made.size()], made.back());
          SharedObject* const object = space->store().Find(made.back());
          if (object == nullptr || object->word.load() != id) wrong += 1;
          space->store().Detach(made.back());
          made.pop_back();
        }
      }
      DropPlaces(*space, &made);
    });
  }
  for (std::thread& thread : threads) thread.join();
  EXPECT(wrong == 0);
  EXPECT(PlacesTaken(*segment) == 0);
  for (uint64_t chunk = 0; chunk < segment->chunks(); chunk += 1) {
    EXPECT(!WordOf(*segment, chunk).owner);
  }
}

// And some are killed.
TEST(ManyComeAndGoAndDie) {
  auto segment = KeepingFew(1, 24);
  auto space = JoinSpace(segment);
  const auto come_and_go = [&](uint64_t seed) {
    auto mine = JoinSpace(segment);
    std::mt19937_64 random(seed);
    std::vector<ObjectRef> made;
    for (;;) {
      if (made.size() < 10 && random() % 2 == 0) {
        const ObjectRef ref = MakePlace(*mine);
        SharedObject* const object = mine->store().Find(ref);
        if (object == nullptr || object->word.exchange(seed) != 0) _exit(1);
        made.push_back(ref);
      } else if (!made.empty()) {
        std::swap(made[random() % made.size()], made.back());
        SharedObject* const object = mine->store().Find(made.back());
        if (object == nullptr || object->word.load() != seed) _exit(2);
        mine->store().Detach(made.back());
        made.pop_back();
      }
    }
  };
  std::mt19937_64 random(5);
  std::vector<pid_t> children;
  uint64_t seed = 0;
  for (int death = 0; death < 200; death += 1) {
    while (children.size() < 3) {
      seed += 1;
      children.push_back(Start([&] { come_and_go(seed); }));
    }
    usleep(static_cast<useconds_t>(random() % 4'000));
    std::swap(children[random() % children.size()], children.back());
    kill(children.back(), SIGKILL);
    EXPECT(WIFSIGNALED(WaitStatus(children.back())));
    children.pop_back();
    ReapAll(*space);
  }
  for (const pid_t child : children) KillAndWait(child);
  ReapAll(*space);
  EXPECT(PlacesTaken(*segment) == 0);
  int ready = 0;
  for (uint64_t chunk = 1; chunk < segment->chunks(); chunk += 1) {
    const ChunkWord word = WordOf(*segment, chunk);
    EXPECT(!word.owner);
    ready += word.state == ChunkState::kReady && word.IsOf(PlaceSize::kHuge);
  }
  EXPECT(ready <= 1);
}

TEST_MAIN()
