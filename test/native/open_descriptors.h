#pragma once
// How many descriptors this process has open, one more included.

#include <dirent.h>

namespace mp::test {

inline int OpenDescriptors() {
  int count = 0;
  DIR* directory = opendir("/proc/self/fd");
  while (readdir(directory) != nullptr) count++;
  closedir(directory);
  return count;
}

}  // namespace mp::test
