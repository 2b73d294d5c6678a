/// \file registry.h
/// What a file in this folder defines: a maker that reads its settings and returns the loss. The loss is called with
/// logits that were checked: of one shape, not empty, float32 or float64, the teacher's detached.
#pragma once

#include "retort/losses.h"

namespace retort {

#define LOSS(name, help) Loss make_##name(Settings& settings);
#include "losses/losses.def"
#undef LOSS

}  // namespace retort
