#pragma once
// Joining a segment without being related to anybody in it, and without a socket: by a text that
// any member gives and that may go through a file, a command line or a network connection.
//
// Nothing is registered anywhere, so that a name can be left behind by nobody. It says where the
// descriptor is to be found, in its giver, and which segment it must lead to. It opens nothing to
// anybody but the giver's own user, whoever gets to see it.

#include <string>
#include <string_view>

#include "base/status.h"
#include "shm/segment.h"

namespace mp {

// Good as long as this process has the segment: joiners stay when it ends, but nobody else comes in
// by its name. A forked child gives a name of its own.
std::string NameOf(const Segment& segment);

// Fails with EINVAL for a text that is no name, EACCES where the giver belongs to another user,
// ESTALE when it has ended or has let go of the segment, whoever has its numbers by now; and as
// Segment::Attach does: EPROTO for another layout or machine, EXDEV for another pid namespace.
Result<Segment> AttachByName(std::string_view name);

}  // namespace mp
