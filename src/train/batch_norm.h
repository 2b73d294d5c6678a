/// \file batch_norm.h
/// Running statistics of batch norms, computed anew for weights that no training has led to.
#pragma once

#include "retort/data.h"
#include "retort/network.h"

namespace retort {

/// The graph with batch norms of momentum 1: their running statistics are those of the last batch.
Graph with_last_batch_statistics(Graph graph);

/// As PyTorch's update_bn: running statistics become the plain mean over the loader's batches, in training mode, with
/// unbiased variances. `network` was built of such a graph; `size` is that of the loader's images. Nothing happens
/// where there is no batch norm. Throws Error where the monitor stops it.
void compute_batch_norms(Network& network, Loader& loader, const ImageShape& size, const Monitor& monitor);

}  // namespace retort
