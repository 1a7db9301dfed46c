#include <linux/futex.h>
#include <pthread.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>

#include "os/death_token.h"
#include "os/thread_identity.h"

namespace mp {
namespace {

static_assert(sizeof(pthread_mutex_t) <= kDeathTokenSize);

pthread_mutex_t* AsMutex(DeathToken* token) {
  return reinterpret_cast<pthread_mutex_t*>(token->storage);
}

// The kernel knows a robust mutex by a word that holds its owner's number; where it lies is the C
// library's affair, so it is looked for.
Result<uint32_t> FindOwnerWord(const DeathToken& token) {
  const uint32_t tid = CurrentTid();
  for (uint32_t offset = 0; offset < sizeof(pthread_mutex_t); offset += sizeof(uint32_t)) {
    uint32_t value;
    std::memcpy(&value, token.storage + offset, sizeof value);
    if ((value & ~kDeathTokenWaiters) == tid) return offset;
  }
  return Status::Failed(ENOTSUP, "pthread_mutex_lock");
}

// glibc's fork empties the child's list of robust mutexes; a fork made without it leaves the
// parent's tokens on it. Taking another one would then write into the parent's token, in shared
// memory, and the parent would follow that pointer when it drops its own.
void ForgetInheritedTokens() {
  robust_list_head* head = nullptr;
  size_t length = 0;
  if (syscall(SYS_get_robust_list, 0, &head, &length) != 0 || head == nullptr) return;
  constexpr uintptr_t kPriorityInheritanceBit = 1;
  auto* const first = reinterpret_cast<robust_list*>(reinterpret_cast<uintptr_t>(head->list.next) &
                                                     ~kPriorityInheritanceBit);
  if (first == nullptr || first == &head->list) return;
  uint32_t owner;
  std::memcpy(&owner, reinterpret_cast<const std::byte*>(first) + head->futex_offset, sizeof owner);
  // Every mutex on the list of a thread is its own, unless the list was copied by a fork.
  if ((owner & FUTEX_TID_MASK) != CurrentTid()) head->list.next = &head->list;
}

}  // namespace

Result<uint32_t> TakeDeathToken(DeathToken* token) {
  ForgetInheritedTokens();
  std::memset(token->storage, 0, sizeof token->storage);
  pthread_mutexattr_t attributes;
  if (const int error = pthread_mutexattr_init(&attributes); error != 0) {
    return Status::Failed(error, "pthread_mutexattr_init");
  }
  int error = pthread_mutexattr_setpshared(&attributes, PTHREAD_PROCESS_SHARED);
  if (error == 0) error = pthread_mutexattr_setrobust(&attributes, PTHREAD_MUTEX_ROBUST);
  if (error == 0) error = pthread_mutex_init(AsMutex(token), &attributes);
  pthread_mutexattr_destroy(&attributes);
  if (error == 0) error = pthread_mutex_lock(AsMutex(token));
  if (error != 0) return Status::Failed(error, "pthread_mutex_lock");
  return FindOwnerWord(*token);
}

void DropDeathToken(DeathToken* token) {
  pthread_mutex_unlock(AsMutex(token));
  pthread_mutex_destroy(AsMutex(token));
}

MP_READS_DEATH_TOKEN uint32_t AskForDeathWake(std::atomic<uint32_t>* token_word) {
  uint32_t seen = token_word->load(std::memory_order_acquire);
  // Dropped or dead: there will be no wake-up, and none is needed.
  while ((seen & (kDeathTokenWaiters | kDeathTokenDied)) == 0 && seen != 0) {
    if (token_word->compare_exchange_weak(seen, seen | kDeathTokenWaiters)) {
      return seen | kDeathTokenWaiters;
    }
  }
  return seen;
}

uint32_t LibcFingerprint() {
#if defined(__GLIBC__)
  constexpr uint32_t kLibc = 1;
#else
  constexpr uint32_t kLibc = 2;
#endif
  return kLibc << 16 | static_cast<uint32_t>(sizeof(pthread_mutex_t));
}

}  // namespace mp
