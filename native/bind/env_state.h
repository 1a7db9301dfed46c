#pragma once
// What the addon keeps for one Node environment (the main thread, or one worker_thread). Created
// when the addon is loaded there, destroyed by Node when that environment ends; everything else
// hangs off it.

#include <napi.h>
#include <uv.h>

#include <functional>

namespace mp {

// Something with a libuv handle or a descriptor that a forked child must let go of or re-create, or
// with something that the process must not take along when it ends.
// Members of the environment's intrusive list; the list never owns them.
class ForkAware {
 public:
  // Runs in the child with every revived thread live again, before any JavaScript. May use malloc
  // and libuv; must not call into JavaScript. `twin` is true for fork(), where the child goes on
  // with everything.
  virtual void AfterForkInChild(bool twin) = 0;
  // Before _exit, and as the process of the main thread's environment ends by exit(3), where Node
  // does not end that environment. What others could use is given back. No JavaScript runs any
  // more.
  virtual void Exiting() {}

 protected:
  ForkAware() = default;
  virtual ~ForkAware() { Unlink(); }
  ForkAware(const ForkAware&) = delete;
  ForkAware& operator=(const ForkAware&) = delete;

  void Unlink() {
    if (next_ == nullptr) return;
    previous_->next_ = next_;
    next_->previous_ = previous_;
    next_ = previous_ = nullptr;
  }

 private:
  friend class EnvState;
  friend class ForkAwareList;
  ForkAware* next_ = nullptr;
  ForkAware* previous_ = nullptr;
};

class SafePoint;

// Who wants to know what becomes of this process and its children.
class ProcessObserver {
 public:
  // Answers where the child's number is to be written before the child runs, or null.
  virtual int* BeforeFork() = 0;
  // In the parent. One of the two.
  virtual void Forked(int pid) = 0;
  virtual void NotForked() = 0;
  // At the first sign of it, and once for each child.
  virtual void ChildEnded(int pid, bool killed) = 0;

 protected:
  ~ProcessObserver() = default;
};

class EnvState {
 public:
  // Makes the state and hands it to Node (napi_set_instance_data), which deletes it with the
  // environment.
  static EnvState* Create(Napi::Env env);
  static EnvState& Get(Napi::Env env) { return *env.GetInstanceData<EnvState>(); }

  explicit EnvState(uv_loop_t* loop);
  ~EnvState();

  uv_loop_t* loop() const { return loop_; }

  // Made on first use; deletes itself when the environment ends.
  SafePoint* safe_point = nullptr;
  // At most one; null where there are no shared objects.
  ProcessObserver* observer = nullptr;

  void Add(ForkAware* object);
  void Remove(ForkAware* object) { object->Unlink(); }
  void NotifyForkInChild(bool twin);
  void NotifyExiting();

 private:
  class Anchor : public ForkAware {
   public:
    void AfterForkInChild(bool) override {}
  };

  uv_loop_t* loop_;
  Anchor anchor_;
};

}  // namespace mp
