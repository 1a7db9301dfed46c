#include "process/liveness_pipe.h"

#include <mutex>

#include "os/descriptor.h"
#include "os/liveness.h"

namespace mp {
namespace {

struct Ends {
  UniqueFd read;
  UniqueFd write;
  // Of the parent's pipe, after a fork.
  UniqueFd inherited_read;
  // By which this process dies with another.
  UniqueFd leash;
};

// Never destroyed: the write end must stay open until the very end of the process, after all
// destructors.
Ends& TheEnds() {
  static Ends* ends = new Ends;
  return *ends;
}

// worker_threads may ask at the same time. Only the main thread forks, and it holds this in no call
// that forks.
std::mutex& TheMutex() {
  static std::mutex* mutex = new std::mutex;
  return *mutex;
}

}  // namespace

Result<int> LivenessPipe::ReadEnd() {
  const std::lock_guard<std::mutex> lock(TheMutex());
  Ends& ends = TheEnds();
  if (!ends.write) {
    Result<FdPair> pipe = MakePipe();
    if (!pipe.ok()) return pipe.status();
    const Status opened = OpenToChildren(pipe.value().first.get());
    if (!opened.ok()) return opened;
    ends.inherited_read.Reset();
    ends.read = std::move(pipe.value().first);
    ends.write = std::move(pipe.value().second);
  }
  return ends.read.get();
}

Status LivenessPipe::DieWith(UniqueFd read_end) {
  const std::lock_guard<std::mutex> lock(TheMutex());
  Ends& ends = TheEnds();
  if (ends.inherited_read.get() == read_end.get()) ends.inherited_read.Release();
  Result<UniqueFd> leash = DieWhenWritersClose(read_end.get());
  if (!leash.ok()) return leash.status();
  ends.leash = std::move(leash.value());
  return Status::Ok();
}

void LivenessPipe::AfterForkInChild() {
  // Another thread of the parent may have held the mutex; it does not exist here.
  new (&TheMutex()) std::mutex;
  Ends& ends = TheEnds();
  ends.write.Reset();
  ends.inherited_read = std::move(ends.read);
  // It signals the parent, whose process number it carries.
  ends.leash.Reset();
}

}  // namespace mp
