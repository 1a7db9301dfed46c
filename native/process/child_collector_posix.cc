#include "process/child_collector.h"

#include <poll.h>
#include <pthread.h>

#include <mutex>
#include <new>
#include <utility>

#include "os/library_thread.h"

namespace mp {
namespace {

// The children of one environment.
struct Batch {
  std::vector<Child> children;
  Batch* next = nullptr;
};

// Every batch that is waited for. Linked by hand: nothing is allocated under the mutex, so a thread
// that is stopped for a fork in the middle of it leaves a list that can be read.
struct Batches {
  std::mutex mutex;
  Batch* first = nullptr;
};

// Never destroyed: threads may be at work until the very end of the process.
Batches& TheBatches() {
  static Batches* batches = new Batches;
  return *batches;
}

void Add(Batch* batch) {
  Batches& batches = TheBatches();
  const std::lock_guard<std::mutex> lock(batches.mutex);
  batch->next = batches.first;
  batches.first = batch;
}

void Remove(const Batch* batch) {
  Batches& batches = TheBatches();
  const std::lock_guard<std::mutex> lock(batches.mutex);
  Batch** link = &batches.first;
  while (*link != batch) link = &(*link)->next;
  *link = batch->next;
}

// One that cannot be asked about any more is given up.
bool Gone(Child& child) {
  Result<WaitOutcome> outcome = child.Check();
  return !outcome.ok() || outcome.value().kind != WaitOutcome::Kind::kRunning;
}

void* Collect(void* argument) {
  auto* batch = static_cast<Batch*>(argument);
  std::vector<pollfd> ends;
  for (;;) {
    std::erase_if(batch->children, Gone);
    if (batch->children.empty()) break;
    ends.clear();
    for (const Child& child : batch->children) ends.push_back({child.handle(), POLLIN, 0});
    poll(ends.data(), ends.size(), -1);
  }
  Remove(batch);
  delete batch;
  return nullptr;
}

bool StartThread(Batch* batch) {
  const Result<pthread_t> started = StartLibraryThread(&Collect, batch);
  if (started.ok()) pthread_detach(started.value());
  return started.ok();
}

}  // namespace

void ChildCollector::Adopt(std::vector<Child> children) {
  for (Child& child : children) child.TakeOver();
  std::erase_if(children, Gone);
  if (children.empty()) return;
  auto* batch = new Batch{std::move(children)};
  Add(batch);
  if (StartThread(batch)) return;
  Remove(batch);
  delete batch;
}

void ChildCollector::AfterForkInChild() {
  Batches& batches = TheBatches();
  // A thread of the parent may have held it.
  new (&batches.mutex) std::mutex;
  while (batches.first != nullptr) delete std::exchange(batches.first, batches.first->next);
}

}  // namespace mp
