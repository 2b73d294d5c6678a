/// \file probe.h
/// Peak memory of one model, measured in a process of its own: this program, started again.
#pragma once

#include <string>

#include "cli/command.h"
#include "retort/model_bench.h"

namespace retort::cli {

/// Options for bench() as the common options and this program's path say.
BenchOptions bench_options(const Context& context);

}  // namespace retort::cli
