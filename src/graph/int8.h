/// \file int8.h
/// Where INT8 rounds in a graph, and to which steps: one account for who writes it into files (export) and who trains
/// with it (network).
#pragma once

#include <algorithm>
#include <map>
#include <string>

#include "retort/graph.h"

namespace retort {

/// Per node: the batch norm that inference folds into it, a convolution that nobody else reads; -1: none.
std::vector<int> folded_norms(const Graph& graph);

/// A node that is computed in INT8: conv2d and linear with their weights, the add that ends a residual branch, where
/// OpenVINO's and ONNX Runtime's CPU kernels take INT8, and global_avg_pool.
struct Int8Site {
  int node = 0;
  std::vector<int> inputs;  ///< nodes whose values it reads rounded
};
/// In the order in which they run.
std::vector<Int8Site> int8_sites(const Graph& graph);

/// Whether an operation that is no site reads a rounded value as it was rounded: all but sums that carry a residual
/// stream along, where errors would add up.
bool reads_rounded(Op op);

/// Weights are -127 to 127, symmetric, one scale an output channel: its largest magnitude / 127, but of channels of
/// (nearly) nothing least_channel() / 127.
inline constexpr float kInt8Weights = 127;
/// `largest` of all channels; as in NNCF.
constexpr float least_channel(float largest) { return std::max(0.01F * largest, 8e-5F); }

/// What INT8 keeps of a value; what lies outside is clipped.
struct Int8Range {
  float low = 0, high = 0;
};
/// Values are uint8: q means scale * (q - zero), so that 0, which pads, is exact.
inline constexpr float kInt8Values = 255;
struct Int8Steps {
  float scale = 1;
  uint8_t zero = 0;
};
Int8Steps int8_steps(const Int8Range& range);

/// Ranges that a network was trained with, by the names of the nodes that give the values: as the metadata
/// `retort_int8` of its weights keeps them (docs/formats.md). Reading throws Error, opened by `where`, on damaged text.
using Int8Ranges = std::map<std::string, Int8Range>;
inline constexpr const char* kInt8Key = "retort_int8";
std::string int8_ranges_text(const Int8Ranges& ranges);
Int8Ranges parse_int8_ranges(const std::string& where, const std::string& text);

}  // namespace retort
