#pragma once
// What the functions of pipes have in common.

#include "bind/queue_call.h"
#include "queues/pipe_end.h"

namespace mp {

// The queue of one direction, or null with an error thrown.
inline MessageQueue* InputOf(SyncCall* call) {
  auto* const end = call->Object<PipeEnd>();
  if (end == nullptr) return nullptr;
  if (end->in() == nullptr) call->Refuse("this end does not read");
  return end->in();
}
inline MessageQueue* OutputOf(SyncCall* call) {
  auto* const end = call->Object<PipeEnd>();
  if (end == nullptr) return nullptr;
  if (end->out() == nullptr) call->Refuse("this end does not write");
  return end->out();
}

// A message that was received, in an array with the ends that came along: handle, offset and
// generation of each behind it. By itself when there were none.
napi_value WithEnds(SyncCall* call, napi_value message, const std::vector<ObjectRef>& carried);

void AddPipeTakes(napi_env env, napi_value target, SyncEnv* sync);

}  // namespace mp
