/// \file run_version.h
/// The version of run.json, which training writes and reports read (docs/formats.md).
#pragma once

#include <cstdint>

namespace retort {

inline constexpr int64_t kRunVersion = 1;

}  // namespace retort
