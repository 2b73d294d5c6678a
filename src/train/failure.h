/// \file failure.h
/// What went wrong in a training, whoever threw it.
#pragma once

#include <string>

#include "retort/base.h"

namespace retort {

/// The exception that is being handled, as an Error of `verb`. Call it in a catch block.
Error present_failure(const std::string& verb);

}  // namespace retort
