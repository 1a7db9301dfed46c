#pragma once
// A word in shared memory that the kernel changes when the thread that holds it ends, in whatever
// way (exit, SIGKILL, exec), tens of microseconds after the fact. It is a robust mutex held for
// life.
//
// The C library keeps pointers of the holder in it and follows them when the thread ends: nothing
// but these functions may write there. Its layout differs between C libraries, so participants of
// one segment must use the same one (LibcFingerprint).

#include <atomic>
#include <cstddef>
#include <cstdint>

#include "base/status.h"

namespace mp {

constexpr size_t kDeathTokenSize = 56;

struct alignas(8) DeathToken {
  std::byte storage[kDeathTokenSize];
};

// Takes a token that nobody uses. Returns where in it the kernel's word lies.
Result<uint32_t> TakeDeathToken(DeathToken* token);
// By the thread that took it, and no other.
void DropDeathToken(DeathToken* token);

constexpr uint32_t kDeathTokenWaiters = 0x80000000;
constexpr uint32_t kDeathTokenDied = 0x40000000;

// The word is written by the kernel and the C library, which ThreadSanitizer takes for an unordered
// write whenever a token is made or dropped; what the word says is never relied on beyond the
// moment.
#if defined(__SANITIZE_THREAD__)
#define MP_READS_DEATH_TOKEN __attribute__((noinline, no_sanitize_thread))
#else
#define MP_READS_DEATH_TOKEN
#endif

// True when the thread that took it has begun to end. One load.
MP_READS_DEATH_TOKEN inline bool HolderHasDied(const std::atomic<uint32_t>& token_word) {
  return (token_word.load(std::memory_order_acquire) & kDeathTokenDied) != 0;
}
// Asks the kernel to wake one sleeper on the word when the holder dies. The value to sleep on.
MP_READS_DEATH_TOKEN uint32_t AskForDeathWake(std::atomic<uint32_t>* token_word);

// C library and layout of its mutex.
uint32_t LibcFingerprint();

}  // namespace mp
