#include "bind/env_state.h"

#include <cstdlib>

namespace mp {

namespace {

// For the end of the process by exit(3), where Node ends the environments of worker_threads but not
// that of the main thread.
EnvState* main_environment = nullptr;

void TellOfExit() {
  if (main_environment != nullptr) main_environment->NotifyExiting();
}

}  // namespace

EnvState* EnvState::Create(Napi::Env env) {
  uv_loop_t* loop = nullptr;
  napi_get_uv_event_loop(env, &loop);
  auto* state = new EnvState(loop);
  env.SetInstanceData<EnvState>(state);
  return state;
}

EnvState::EnvState(uv_loop_t* loop) : loop_(loop) {
  anchor_.next_ = anchor_.previous_ = &anchor_;
  if (loop != uv_default_loop()) return;
  main_environment = this;
  std::atexit(TellOfExit);
}

EnvState::~EnvState() {
  if (main_environment == this) main_environment = nullptr;
  // Objects may outlive the state during teardown: leave each of them unlinked.
  while (anchor_.next_ != &anchor_) anchor_.next_->Unlink();
  anchor_.next_ = anchor_.previous_ = nullptr;
}

void EnvState::Add(ForkAware* object) {
  object->previous_ = anchor_.previous_;
  object->next_ = &anchor_;
  anchor_.previous_->next_ = object;
  anchor_.previous_ = object;
}

void EnvState::NotifyForkInChild(bool twin) {
  // An object may unlink itself while it is told.
  for (ForkAware* object = anchor_.next_; object != &anchor_;) {
    ForkAware* next = object->next_;
    object->AfterForkInChild(twin);
    object = next;
  }
}

void EnvState::NotifyExiting() {
  for (ForkAware* object = anchor_.next_; object != &anchor_;) {
    ForkAware* next = object->next_;
    object->Exiting();
    object = next;
  }
}

}  // namespace mp
