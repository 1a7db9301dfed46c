#include "shm/tree_segment.h"

#include <fcntl.h>

#include <mutex>
#include <new>
#include <utility>

namespace mp {
namespace {

struct State {
  std::mutex mutex;
  std::shared_ptr<Segment> segment;
  // Given by the parent and not mapped yet.
  UniqueFd given;
};

// Never destroyed: threads may end after the destructors of this program have run.
State& TheState() {
  static auto* state = new State;
  return *state;
}

Result<std::shared_ptr<Segment>> GetLocked(State& state) {
  if (state.segment == nullptr) {
    auto found = state.given ? Segment::Attach(std::move(state.given)) : Segment::Create({});
    if (!found.ok()) return found.status();
    state.segment = std::make_shared<Segment>(std::move(found.value()));
  }
  return state.segment;
}

}  // namespace

Result<std::shared_ptr<Segment>> TreeSegment::Get() {
  State& state = TheState();
  const std::lock_guard<std::mutex> lock(state.mutex);
  return GetLocked(state);
}

std::shared_ptr<Segment> TreeSegment::Existing() {
  State& state = TheState();
  const std::lock_guard<std::mutex> lock(state.mutex);
  if (state.segment == nullptr && !state.given) return nullptr;
  auto existing = GetLocked(state);
  return existing.ok() ? existing.value() : nullptr;
}

Result<int> TreeSegment::Descriptor() {
  State& state = TheState();
  const std::lock_guard<std::mutex> lock(state.mutex);
  if (state.given) return state.given.get();
  auto segment = GetLocked(state);
  if (!segment.ok()) return segment.status();
  return segment.value()->fd();
}

void TreeSegment::Adopt(UniqueFd fd) {
  State& state = TheState();
  const std::lock_guard<std::mutex> lock(state.mutex);
  fcntl(fd.get(), F_SETFD, FD_CLOEXEC);
  if (state.segment == nullptr) state.given = std::move(fd);
}

void TreeSegment::AfterForkInChild() {
  new (&TheState().mutex) std::mutex;
}

}  // namespace mp
