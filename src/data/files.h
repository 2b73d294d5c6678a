/// \file files.h
/// Pictures that are files.
#pragma once

#include <string>

#include "retort/data.h"

namespace retort {

/// The picture in a file; its errors name the file. Throws Error where it cannot be read or is no image.
Picture read_picture(const std::string& path);

}  // namespace retort
