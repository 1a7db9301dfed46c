#pragma once
// For tests of shared memory: small segments, children, and a watchdog that turns a hang into a
// failure.

#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cstdio>
#include <memory>
#include <utility>

#include "base/deadline.h"
#include "harness.h"
#include "sync/sync_space.h"

namespace mp::test {

struct Watchdog {
  explicit Watchdog(unsigned seconds) { alarm(seconds); }
};
// Ends a test program that hangs, by SIGALRM; its children have one of their own.
inline const Watchdog kProgramWatchdog(110);

// Of the segments below: 0 where chunks are to come and go.
inline uint64_t chunks_to_keep = SegmentOptions{}.kept_chunks;

inline std::shared_ptr<Segment> SmallSegment(uint32_t participants = 8, uint64_t chunks = 64,
                                             uint64_t units = 256) {
  auto made = Segment::Create({participants, chunks, units, chunks_to_keep});
  if (!made.ok()) {
    std::fprintf(stderr, "Create: %s %d\n", made.status().operation, made.status().error);
    _exit(99);
  }
  return std::make_shared<Segment>(std::move(made.value()));
}

inline std::unique_ptr<SyncSpace> JoinSpace(const std::shared_ptr<Segment>& segment) {
  auto space = SyncSpace::Join(segment);
  if (!space.ok()) {
    std::fprintf(stderr, "Join: %s %d\n", space.status().operation, space.status().error);
    _exit(98);
  }
  return std::move(space.value());
}

template <typename Body>
pid_t Start(Body body) {
  std::fflush(stdout);
  const pid_t pid = fork();
  if (pid == 0) {
    alarm(60);
    body();
    _exit(0);
  }
  return pid;
}

inline int WaitStatus(pid_t pid) {
  int status = 0;
  while (waitpid(pid, &status, 0) < 0) {
  }
  return status;
}
inline bool EndedWell(pid_t pid) {
  return WaitStatus(pid) == 0;
}
inline void KillAndWait(pid_t pid) {
  kill(pid, SIGKILL);
  WaitStatus(pid);
}

// Until it holds; the watchdog ends what never does.
template <typename Condition>
void Until(Condition holds) {
  while (!holds()) usleep(200);
}

// So that a header that was changed is refused for what was changed, or for nothing.
inline void RefitChecksum(SegmentHeader* header) {
  const auto* const bytes = reinterpret_cast<const unsigned char*>(header);
  uint64_t hash = 0xcbf2'9ce4'8422'2325;
  for (size_t i = 0; i < offsetof(SegmentHeader, checksum); i += 1) {
    hash = (hash ^ bytes[i]) * 0x100'0000'01b3;
  }
  header->checksum = hash;
}

// Reaps until nothing is left to do.
inline uint32_t ReapAll(SyncSpace& space) {
  uint32_t recovered = 0;
  for (;;) {
    const Reaper::Report report = space.reaper().Run();
    recovered += report.recovered;
    if (report.pending == 0) return recovered;
    usleep(200);
  }
}

inline int64_t PlacesInUse(const Segment& segment) {
  int64_t used = 0;
  for (uint64_t i = 0; i < segment.chunks(); i += 1) used += segment.chunk(i).used.load();
  return used;
}

}  // namespace mp::test
