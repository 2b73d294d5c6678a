// RegNetX and RegNetY (Radosavovic et al. 2020) as timm builds them.
#include <algorithm>
#include <cmath>

#include "zoo/families.h"
#include "zoo/parts.h"

namespace retort {

namespace {

struct Stage {
  int64_t width = 0;
  int blocks = 0;
};

/// Blocks of one width make a stage.
std::vector<Stage> stages_of(const RegNetOptions& o) {
  std::vector<Stage> stages;
  for (int i = 0; i < o.depth; ++i) {
    const double power = std::nearbyint(std::log((o.w0 + o.wa * i) / o.w0) / std::log(o.wm));
    const int64_t width = 8 * std::llrint(o.w0 * std::pow(o.wm, power) / 8);
    if (stages.empty() || stages.back().width != width) stages.push_back({.width = width});
    ++stages.back().blocks;
  }
  return stages;
}

/// The nearest width that the groups divide.
int64_t fit_groups(int64_t width, int64_t group) {
  return group * std::llrint(static_cast<double>(width) / static_cast<double>(group));
}

GraphBuilder::Conv regnet_conv(int64_t out, int64_t kernel, int64_t stride = 1, int64_t groups = 1) {
  GraphBuilder::Conv conv = same_conv(out, kernel, stride);
  conv.groups = groups;
  conv.init = Init::conv_fan_out;
  return conv;
}

int conv_norm(GraphBuilder& b, int x, const std::string& name, const GraphBuilder::Conv& conv, Init norm = Init::ones) {
  return b.batch_norm(b.conv2d(x, name + ".conv", conv), name + ".bn", norm);
}

int conv_norm_relu(GraphBuilder& b, int x, const std::string& name, const GraphBuilder::Conv& conv) {
  return b.apply(Op::relu, name + ".bn.act", {conv_norm(b, x, name, conv)});
}

struct Block {
  std::string name;
  int64_t width = 0, group = 1, stride = 1;
  bool se = false;
};

int regnet_block(GraphBuilder& b, int x, const Block& block) {
  int y = conv_norm_relu(b, x, block.name + ".conv1", regnet_conv(block.width, 1));
  y = conv_norm_relu(b, y, block.name + ".conv2", regnet_conv(block.width, 3, block.stride, block.width / block.group));
  if (block.se) {
    // A quarter of the block's input, not of what it gates.
    y = squeeze_excite(b, y,
                       {.name = block.name + ".se",
                        .reduced = std::llrint(static_cast<double>(b.channels_of(x)) / 4),
                        .init = Init::conv_fan_out});
  }
  y = conv_norm(b, y, block.name + ".conv3", regnet_conv(block.width, 1), Init::zeros);
  const bool changes = b.channels_of(x) != block.width || block.stride != 1;
  if (changes) x = conv_norm(b, x, block.name + ".downsample", regnet_conv(block.width, 1, block.stride));
  return b.apply(Op::relu, block.name + ".act3", {b.apply(Op::add, block.name + ".add", {y, x})});
}

}  // namespace

Graph build_regnet(GraphBuilder& b, const RegNetOptions& options) {
  int x = conv_norm_relu(b, b.input(), "stem", regnet_conv(32, 3, 2));
  int number = 0;
  for (const Stage& stage : stages_of(options)) {
    ++number;
    const int64_t group = std::min(options.group_size, stage.width);
    for (int i = 1; i <= stage.blocks; ++i) {
      x = regnet_block(b, x,
                       {.name = str("s", number, ".b", i),
                        .width = fit_groups(stage.width, group),
                        .group = group,
                        .stride = i == 1 ? 2 : 1,
                        .se = options.se});
    }
  }
  return finish_with_head(b, x,
                          {.first_conv = "stem.conv",
                           .pool = "head.global_pool.pool",
                           .flatten = "head.global_pool.flatten",
                           .classifier = "head.fc",
                           .init = Init::linear_normal});
}

}  // namespace retort
