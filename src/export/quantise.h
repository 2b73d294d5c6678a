/// \file quantise.h
/// An OnnxGraph in float32 becomes one in INT8: pairs of QuantizeLinear and DequantizeLinear around what is computed in
/// it, placed where OpenVINO's and ONNX Runtime's CPU kernels see them.
#pragma once

#include <vector>

#include "export/onnx_graph.h"
#include "retort/export.h"

namespace retort {

/// Quantises those of `layers` that the plan does not skip. Activations are uint8 with a zero point, one scale a value;
/// weights are int8 of -127 to 127 without one, one scale an output channel: with a zero point OpenVINO would compute
/// in float32. Where the plan has means, biases take back what rounding the weights adds to each channel's mean (Nagel
/// et al. 2019, eq. 17). Throws a usage error on a layer to skip that is not there, Error on one without a range.
void quantise(OnnxGraph& graph, const std::vector<Int8Layer>& layers, const Int8Plan& plan);

}  // namespace retort
