/// \file fine_tuning.h
/// Training that goes on from pretrained weights: what is loaded, what learns, and how fast.
#pragma once

#include <filesystem>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "retort/network.h"
#include "retort/train.h"

namespace retort {

/// What `options.pretrained` names, as resolve_model() finds it.
struct Pretrained {
  std::filesystem::path directory;
  ModelConfig config;  ///< its preprocessing is what the weights expect
};
/// Nothing where it names nothing. Throws a usage error where it is no model of architecture `options.model`.
std::optional<Pretrained> open_pretrained(const TrainOptions& options, const Monitor& monitor);

/// Loads its weights into `network` and tells the monitor what had to change.
void load_pretrained(Network& network, const Pretrained& pretrained, const Monitor& monitor);

/// Layer of every parameter, as Graph::parameters counts: 0 is the stem, then one a block, the head last. As timm's
/// group_matcher, which tells them by name, groups them: what stands between the last block and the pool belongs to
/// the last block, what comes after the pool to the head. The shortcut before a stage belongs to its first block.
std::vector<int> layer_ids(const Graph& graph);

/// Factors of the learning rate by parameter: layer_decay ^ (last layer - layer) (BEiT, Bao et al. 2021; timm's
/// param_groups_layer_decay), for the classifier times head_lr_scale. Empty where all are 1.
std::map<std::string, double> lr_scales(const Graph& graph, const TrainOptions& options);

/// Parameters called NAME or NAME.* get no gradients any more; `batch_norms`: nor do those of any batch norm. A batch
/// norm with a frozen weight keeps its running statistics (timm's freeze, freeze_batch_norm_2d). Throws a usage error
/// on a name that no parameter has, and where nothing is left to train.
void freeze(const Network& network, const std::vector<std::string>& names, bool batch_norms);

/// Parameters that get gradients, in the network's order.
std::vector<NamedTensor> trainable(const Network& network);

}  // namespace retort
