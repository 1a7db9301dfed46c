#pragma once
// Descriptors that the parent holds over a fork for what its child has to open before it can go on:
// where there are too few, it is the parent that hears of it, and there is no child.

#include "base/status.h"
#include "os/descriptor.h"

namespace mp {

class SpareDescriptors {
 public:
  // Two for a pipe of the loop's own at a time, one that stays in each clean child, one by which it
  // watches over its parent, and the null device on its way to number 0.
  Status Take() {
    for (FdPair& pair : pairs_) {
      Result<FdPair> pipe = MakePipe();
      if (!pipe.ok()) {
        Release();
        return pipe.status();
      }
      pair = std::move(pipe.value());
    }
    return Status::Ok();
  }

  void Release() {
    for (FdPair& pair : pairs_) pair = FdPair{};
  }

 private:
  FdPair pairs_[2];
};

}  // namespace mp
