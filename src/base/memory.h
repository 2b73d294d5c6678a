/// \file memory.h
/// How a program keeps memory that it frees.
#pragma once

namespace retort {

/// Freed memory stays with the process and is given out again, instead of going back to the system and being cleared
/// page by page each time: a training step allocates the same sizes over and over. For programs, before they work; a
/// library does not decide it. Does nothing where the C library has no such choice.
void keep_freed_memory();

}  // namespace retort
