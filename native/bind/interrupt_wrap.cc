#include "bind/interrupt_wrap.h"

#include "bind/args.h"
#include "bind/env_state.h"
#include "bind/stay_loaded.h"
#include "os/interrupt_notice.h"

namespace mp {
namespace {

struct EnvNotice final : ForkAware {
  void AfterForkInChild(bool) override { notice.AfterForkInChild(); }
  InterruptNotice notice;
};

void AnnounceInterrupt(const Napi::CallbackInfo& info) {
  Args args(info);
  const bool on = args.Boolean(0, "on");
  if (!args.ok()) return;
  static const bool stays_loaded = StayLoaded();
  InterruptNotice& notice = static_cast<EnvNotice*>(info.Data())->notice;
  if (!on) notice.Off();
  if (on && stays_loaded) notice.On();
}

}  // namespace

void InitInterrupt(Napi::Env env, Napi::Object exports) {
  auto* own = new EnvNotice;
  EnvState::Get(env).Add(own);
  env.AddCleanupHook([own] { delete own; });
  exports.Set("announceInterrupt",
              Napi::Function::New(env, AnnounceInterrupt, "announceInterrupt", own));
}

}  // namespace mp
