#pragma once
// Whose code is where: what the others ask about a stopped thread, by its program counter or by the
// function that it was started with.

namespace mp {

// Tells thread_position_linux.h and thread_roles_linux.h. Once, before the first thread is stopped.
void LearnProgramText();

}  // namespace mp
