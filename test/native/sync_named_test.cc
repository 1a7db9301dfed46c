// A named semaphore, shared with waiters that know nothing of this package.

#include <cstring>
#include <string>

#include "os/named_semaphore.h"
#include "shm_support.h"

using namespace mp;
using namespace mp::test;

namespace {

bool Sleeps(pid_t pid) {
  char text[256] = {};
  std::FILE* const file = std::fopen(("/proc/" + std::to_string(pid) + "/stat").c_str(), "r");
  if (file == nullptr) return false;
  const bool read = std::fgets(text, sizeof text, file) != nullptr;
  std::fclose(file);
  const char* const end = read ? std::strrchr(text, ')') : nullptr;
  return end != nullptr && end[2] == 'S';
}

}  // namespace

// A post wakes one sleeper. Here it is one that gives up in that moment, and takes no permit.
TEST(AWakeUpThatIsNotUsedGoesOn) {
  const std::string name = "/mp-test-native-" + std::to_string(getpid());
  NamedSemaphoreOptions options;
  options.create = options.exclusive = true;
  options.mode = 0600;
  const auto semaphore = NamedSemaphore::Open(name, options).value();
  EXPECT(NamedSemaphore::Unlink(name).ok());
  if (semaphore->word() == nullptr) return;  // nobody waits there by means of our own
  // Of glibc's word: the value below, the waiters above.
  auto* const word = reinterpret_cast<std::atomic<uint64_t>*>(
      const_cast<std::atomic<uint32_t>*>(semaphore->word()));
  semaphore->BeginWait();
  const pid_t other = Start([&] {
    const auto taken = semaphore->TakeUntil(kNever);
    if (!taken.ok() || !taken.value()) _exit(1);
  });
  Until([&] { return word->load() == uint64_t{2} << 32 && Sleeps(other); });
  // As sem_post, whose wake-up comes to us.
  word->fetch_add(1);
  semaphore->EndWait();
  EXPECT(EndedWell(other));
  EXPECT(word->load() == 0);
}

TEST_MAIN()
