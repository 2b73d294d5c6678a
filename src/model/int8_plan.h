/// \file int8_plan.h
/// What INT8 keeps of each value inside a network, learnt from images: static quantisation after training.
#pragma once

#include <set>
#include <span>
#include <string>
#include <vector>

#include "retort/data.h"
#include "retort/export.h"

namespace retort {

inline constexpr const char* kDefaultRange = "percentile";
inline constexpr int64_t kFewestCalibrationImages = 32, kCalibrationImages = 300;

/// [n, H, W, C], one after another. Throws Error on too few, and on images of one value or all the same, which tell
/// nothing of ranges. `data` opens the error.
std::vector<float> calibration_images(const std::string& data, const Samples& samples, const Preprocess& preprocess);

/// Values that layers read and whose range no training has given.
std::set<std::string> unknown_values(const OnnxFacts& facts);

/// Ranges of all values that layers read: those of training, the others by `range` (ranges.h) from what the ONNX file
/// of these facts, in float32, computes on `images`. No layer is skipped.
Int8Plan learn_plan(const OnnxFacts& facts, const std::filesystem::path& float32, const std::string& range,
                    std::span<const float> images, int threads);

}  // namespace retort
