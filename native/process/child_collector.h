#pragma once
// Children whose event loop is no more: those of a worker_thread that has ended before them. Nobody
// else would collect them before the process ends, and they would be zombies as long.

#include <vector>

#include "process/child.h"

namespace mp {

class ChildCollector {
 public:
  // Collects each when it ends, on a thread that ends with the last of them. The code must stay
  // loaded. Without a thread they are left as they are.
  static void Adopt(std::vector<Child> children);
  // They are the parent's, and so is the thread.
  static void AfterForkInChild();
};

}  // namespace mp
