#include "shm/bell_relay.h"

#include <unistd.h>

#include "base/deadline.h"
#include "os/doorbell.h"
#include "os/futex.h"
#include "os/library_thread.h"
#include "shm/wake.h"

namespace mp {

BellRelay::BellRelay(ParticipantRow* row, int doorbell)
    : row_(row), doorbell_(doorbell), maker_(getpid()) {}

Result<std::unique_ptr<BellRelay>> BellRelay::Start(ParticipantRow* row, int doorbell) {
  std::unique_ptr<BellRelay> relay(new BellRelay(row, doorbell));
  const Result<pthread_t> started = StartLibraryThread(&Run, relay.get());
  if (started.ok()) {
    relay->thread_ = started.value();
    return relay;
  }
  relay->maker_ = 0;
  return started.status();
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
