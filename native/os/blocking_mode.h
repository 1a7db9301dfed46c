#pragma once
// The O_NONBLOCK mark of an open file description, to be put back as it was.

#include <fcntl.h>

namespace mp {

class BlockingMode {
 public:
  static BlockingMode Of(int fd) { return BlockingMode(fcntl(fd, F_GETFL)); }
  void Restore(int fd) const {
    if (flags_ >= 0 && !(flags_ & O_NONBLOCK)) fcntl(fd, F_SETFL, flags_);
  }

 private:
  explicit BlockingMode(int flags) : flags_(flags) {}
  int flags_;
};

}  // namespace mp
