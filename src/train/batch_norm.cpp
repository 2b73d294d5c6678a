#include "train/batch_norm.h"

#include <ATen/core/grad_mode.h>
#include <ATen/ops/zeros_like.h>

#include "train/input.h"

namespace retort {

Graph with_last_batch_statistics(Graph graph) {
  for (Node& node : graph.nodes) {
    if (node.op == Op::batch_norm) node.momentum = 1;
  }
  return graph;
}

void compute_batch_norms(Network& network, Loader& loader, const ImageShape& size, const Monitor& monitor) {
  if (network.buffers().empty()) return;
  const at::NoGradGuard no_grad;
  std::vector<at::Tensor> sums;
  for (const NamedTensor& b : network.buffers()) sums.push_back(at::zeros_like(b.tensor.to(at::kDouble)));
  int64_t batches = 0;
  loader.start(/*epoch=*/0, /*view=*/0);
  while (const Batch* batch = loader.next()) {
    if (monitor.stopping()) fail("soup", "stopped; nothing was written");
    network.forward(images_of(*batch, size, network), /*training=*/true);
    for (size_t i = 0; i < sums.size(); ++i) sums[i].add_(network.buffers()[i].tensor);
    ++batches;
  }
  for (size_t i = 0; i < sums.size(); ++i) {
    const NamedTensor& b = network.buffers()[i];
    if (b.tensor.is_floating_point()) {
      b.tensor.copy_(sums[i].div_(static_cast<double>(batches)));
    } else {
      b.tensor.fill_(batches);  // num_batches_tracked
    }
  }
}

}  // namespace retort
