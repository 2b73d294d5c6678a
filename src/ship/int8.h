/// \file int8.h
/// Post-training static quantisation: ranges from calibration images, layers left in float32 where that loses too much.
#pragma once

#include "retort/model.h"
#include "retort/ship.h"

namespace retort {

struct Int8Task {
  const ShipOptions& options;
  const OnnxExport& source;
  Model& original;
  /// The ONNX file in float32, which agrees with the original; files on the way are put beside it.
  Model& reference;
  const DataSet& data;
  const Samples& samples;  ///< of the check
  const Monitor& monitor;
};

/// Throws a usage error.
void check_int8_options(const Int8Options& options);

struct Int8Search {
  Int8Plan plan;
  Predictions val;  ///< the reference's
};
/// Throws Error on too few or constant calibration images, and where more accuracy on val is lost than allowed with
/// half of the layers in float32.
Int8Search find_int8_plan(const Int8Task& task);

/// What `file`, quantised by what was found, answers and runs in. Where the original was trained for INT8, it is
/// rounded from now on. Throws Error where the file then decides otherwise in more than one in twenty.
Int8Report report_int8(const Int8Task& task, const Int8Search& found, const std::filesystem::path& file);

}  // namespace retort
