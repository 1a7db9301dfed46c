#pragma once
// The pipe by which this process's children notice its end: this process holds the write end until
// it is gone, and so does nobody else. It means the process, not one of its environments, hence the
// statics (the one exception to "no globals").

#include "base/status.h"
#include "base/unique_fd.h"

namespace mp {

class LivenessPipe {
 public:
  // The read end, for children; made on first use. Stays ours.
  static Result<int> ReadEnd();
  // This process dies with whoever made the pipe behind `read_end`, which is taken over and closed.
  static Status DieWith(UniqueFd read_end);
  // The parent's write end must not live on here, or the parent's other children would outlive it.
  // Its read end stays open for DieWith.
  static void AfterForkInChild();
};

}  // namespace mp
