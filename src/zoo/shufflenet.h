/// \file shufflenet.h
/// What both ShuffleNets are made of: convolutions with PyTorch's initial weights, and a stem of one 1x1 convolution.
#pragma once

#include "retort/graph.h"

namespace retort {

/// Convolution conv<i> and norm bn<i> of the block whose names begin with `name`.
int shuffle_conv(GraphBuilder& b, int x, const std::string& name, int i, GraphBuilder::Conv conv);
/// The same with relu after it, act<i>.
int shuffle_conv_relu(GraphBuilder& b, int x, const std::string& name, int i, const GraphBuilder::Conv& conv);
/// A 3x3 convolution of each channel of `x` alone.
GraphBuilder::Conv depthwise_conv(const GraphBuilder& b, int x, int64_t stride);

int shuffle_stem(GraphBuilder& b);
Graph finish_shufflenet(GraphBuilder& b, int x);

}  // namespace retort
