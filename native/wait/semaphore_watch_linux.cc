#include <pthread.h>
#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <mutex>
#include <vector>

#include "base/deadline.h"
#include "os/futex.h"
#include "os/library_thread.h"
#include "wait/semaphore_watch.h"

namespace mp {
namespace {

// Where the kernel (before 5.16) or the C library does not let one thread sleep for several
// semaphores, it looks this often while somebody waits.
constexpr uint64_t kLookAgainNs = 2'000'000;

struct Watch {
  std::mutex mutex;
  // Those of which something is wanted, or that the thread has not left yet.
  std::vector<std::shared_ptr<WantedPermits>> entries;
  std::atomic<uint32_t> kicks{0};  // the thread's own word: changed whenever there is something new
  bool has_thread = false;
  bool must_end = false;
  pthread_t thread{};
  int environments = 0;
};

// Never destroyed: in a forked child the parent's is left as it lies, whoever held its mutex.
Watch* watch = new Watch();
int watch_pid = getpid();

// With the mutex held. All that can be had now; then, in or out of the semaphore's waiters.
void Look(const std::shared_ptr<WantedPermits>& entry) {
  NamedSemaphore& semaphore = *entry->semaphore;
  const bool waits = entry->given < entry->wanted;
  // Registered first, then looked: see BeginWait.
  if (waits && !entry->registered) semaphore.BeginWait();
  entry->registered = entry->registered || waits;
  const uint32_t before = entry->given;
  while (entry->given < entry->wanted && semaphore.TryTake()) entry->given += 1;
  // Killed or cancelled from here on: permits of a process that has died are lost; SetWanted gives
  // back the others.
  if (entry->given > before) entry->notify();
  if (entry->registered && entry->given == entry->wanted) {
    semaphore.EndWait();
    entry->registered = false;
  }
}

// The thread holds nothing here: this is where it is when the process forks.
void Sleep(Watch* self, const std::vector<FutexWatch>& words, bool all_words) {
  const FutexWatch own{&self->kicks, words.front().expected};
  if (words.size() == 1 && all_words) {
    FutexWait(*own.word, own.expected, kNever);
  } else if (!all_words || !FutexWaitAny(words)) {
    FutexWait(*own.word, own.expected, MonotonicNs() + kLookAgainNs);
  }
}

void* Run(void* context) {
  auto* self = static_cast<Watch*>(context);
  std::vector<FutexWatch> words;
  // Keeps what is slept on mapped.
  std::vector<std::shared_ptr<WantedPermits>> asleep;
  for (;;) {
    words.assign(1, {&self->kicks, self->kicks.load()});
    bool all_words = true;
    asleep.clear();
    {
      const std::lock_guard<std::mutex> lock(self->mutex);
      for (const auto& entry : self->entries) Look(entry);
      std::erase_if(self->entries, [](const auto& entry) { return !entry->registered; });
      if (self->must_end) return nullptr;
      for (const auto& entry : self->entries) {
        const std::atomic<uint32_t>* word = entry->semaphore->word();
        all_words = all_words && word != nullptr && words.size() < kMostFutexWatches;
        if (all_words) words.push_back({word, 0});
      }
      asleep = self->entries;
    }
    Sleep(self, words, all_words);
  }
}

// With the mutex held.
void Kick() {
  watch->kicks.fetch_add(1);
  FutexWake(watch->kicks, 1);
}

// With the mutex held.
Status StartThread() {
  if (watch->has_thread) return Status::Ok();
  watch->must_end = false;
  const Result<pthread_t> started = StartLibraryThread(&Run, watch);
  if (!started.ok()) return started.status();
  watch->thread = started.value();
  watch->has_thread = true;
  return Status::Ok();
}

// The child has one environment at most, the forking thread's, which may not have been in yet.
void ForgetIfForked() {
  if (watch_pid == getpid()) return;
  watch_pid = getpid();
  watch = new Watch();
}

}  // namespace

void SemaphoreWatch::Enter() {
  ForgetIfForked();
  const std::lock_guard<std::mutex> lock(watch->mutex);
  watch->environments += 1;
}

void SemaphoreWatch::Leave() {
  {
    const std::lock_guard<std::mutex> lock(watch->mutex);
    watch->environments -= 1;
    if (watch->environments > 0 || !watch->has_thread) return;
    watch->must_end = true;
    watch->has_thread = false;
    Kick();
  }
  pthread_join(watch->thread, nullptr);
}

void SemaphoreWatch::ForgetAfterFork() {
  ForgetIfForked();
  watch->environments = 1;
}

Status SemaphoreWatch::SetWanted(const std::shared_ptr<WantedPermits>& permits, uint32_t wanted) {
  const std::lock_guard<std::mutex> lock(watch->mutex);
  permits->wanted = wanted;
  if (permits->given > wanted) {
    permits->semaphore->Release(permits->given - wanted);
    permits->given = wanted;
  }
  const bool waits = permits->given < wanted;
  if (waits) {
    if (const Status status = StartThread(); !status.ok()) return status;
    auto& entries = watch->entries;
    if (std::find(entries.begin(), entries.end(), permits) == entries.end()) {
      entries.push_back(permits);
    }
  }
  // One more of a semaphore that the thread waits for already is no news to it.
  if (waits != permits->registered) Kick();
  return Status::Ok();
}

uint32_t SemaphoreWatch::TakeGiven(const std::shared_ptr<WantedPermits>& permits) {
  const std::lock_guard<std::mutex> lock(watch->mutex);
  const uint32_t given = permits->given;
  permits->given = 0;
  permits->wanted -= given;
  return given;
}

}  // namespace mp
