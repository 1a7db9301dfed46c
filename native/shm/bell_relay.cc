#include "shm/bell_relay.h"

#include <signal.h>
#include <unistd.h>

#include <cerrno>

#include "base/deadline.h"
#include "os/doorbell.h"
#include "os/futex.h"
#include "shm/wake.h"

namespace mp {

BellRelay::BellRelay(ParticipantRow* row, int doorbell)
    : row_(row), doorbell_(doorbell), maker_(getpid()) {}

Result<std::unique_ptr<BellRelay>> BellRelay::Start(ParticipantRow* row, int doorbell) {
  std::unique_ptr<BellRelay> relay(new BellRelay(row, doorbell));
  // The program's signals are not for this thread. Real-time ones stay open: one of them stops it
  // for a fork.
  sigset_t blocked;
  sigset_t before;
  sigfillset(&blocked);
  for (int signal = SIGRTMIN; signal <= SIGRTMAX; signal += 1) sigdelset(&blocked, signal);
  pthread_sigmask(SIG_SETMASK, &blocked, &before);
  pthread_attr_t attributes;
  pthread_attr_init(&attributes);
  pthread_attr_setstacksize(&attributes, size_t{256} << 10);
  const int error = pthread_create(&relay->thread_, &attributes, &Run, relay.get());
  pthread_attr_destroy(&attributes);
  pthread_sigmask(SIG_SETMASK, &before, nullptr);
  if (error == 0) return relay;
  relay->maker_ = 0;
  return Status::Failed(error, "pthread_create");
}

BellRelay::~BellRelay() {
  if (maker_ != getpid()) return;
  must_end_.store(true);
  Call(row_);
  pthread_join(thread_, nullptr);
}

void BellRelay::Call(ParticipantRow* row) {
  row->relay_calls.fetch_add(1, std::memory_order_seq_cst);
  FutexWake(row->relay_calls, 1);
}

// As Participant::RingDoorbellOf does it. A call that came before this thread was there is answered
// by its first look.
void* BellRelay::Run(void* self) {
  const auto& relay = *static_cast<BellRelay*>(self);
  ParticipantRow& row = *relay.row_;
  for (;;) {
    const uint32_t calls = row.relay_calls.load(std::memory_order_seq_cst);
    if (relay.must_end_.load()) return nullptr;
    uint32_t seen = row.wake.load(std::memory_order_seq_cst);
    if (WakeStateOf(seen) == WakeState::kArmed && RingDoorbell(relay.doorbell_).ok()) {
      row.wake.compare_exchange_strong(seen, WithWakeState(seen, WakeState::kRungArmed));
    }
    FutexWait(row.relay_calls, calls, kNever);
  }
}

}  // namespace mp
