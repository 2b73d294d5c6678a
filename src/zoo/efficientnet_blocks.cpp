#include "zoo/efficientnet_blocks.h"

#include <algorithm>
#include <charconv>
#include <cmath>
#include <optional>

#include "zoo/parts.h"

namespace retort {

namespace {

enum class Kind {
  depthwise_separable,  ///< depthwise, pointwise
  inverted_residual,    ///< pointwise to more channels, depthwise, pointwise to fewer
  universal,            ///< the same with a depthwise one before it or without the one inside (Qin et al. 2024)
  edge_residual,        ///< a full convolution to more channels, pointwise to fewer
  convolution,
};

/// A group of blocks, decoded.
struct Group {
  Kind kind = Kind::inverted_residual;
  int repeats = 1;
  int64_t first_kernel = 0, kernel = 1, stride = 1, channels = 0;
  double expansion = 1.0, squeeze = 0.0;
  std::optional<Op> activation;
};

Kind kind_of(std::string_view word) {
  if (word == "ds") return Kind::depthwise_separable;
  if (word == "ir") return Kind::inverted_residual;
  if (word == "uir") return Kind::universal;
  if (word == "er") return Kind::edge_residual;
  if (word == "cn") return Kind::convolution;
  fail_usage("zoo", "block kind '", word, "' is unknown; expected ds, ir, uir, er or cn; correct the definition");
}

void decode_word(Group& group, std::string_view word) {
  if (word == "nre") {
    group.activation = Op::relu;
    return;
  }
  const size_t digits = std::min(word.find_first_of("0123456789"), word.size());
  const std::string_view key = word.substr(0, digits);
  double value = 0;
  std::from_chars(word.data() + digits, word.data() + word.size(), value);
  if (key == "r") {
    group.repeats = static_cast<int>(value);
  } else if (key == "a") {
    group.first_kernel = static_cast<int64_t>(value);
  } else if (key == "k") {
    group.kernel = static_cast<int64_t>(value);
  } else if (key == "s") {
    group.stride = static_cast<int64_t>(value);
  } else if (key == "c") {
    group.channels = static_cast<int64_t>(value);
  } else if (key == "e") {
    group.expansion = value;
  } else if (key == "se") {
    group.squeeze = value;
  } else {
    fail_usage("zoo", "block option '", word, "' is unknown; correct the definition");
  }
}

Group decode(std::string_view text) {
  Group group;
  size_t end = text.find('_');
  group.kind = kind_of(text.substr(0, end));
  while (end != std::string_view::npos) {
    const size_t start = end + 1;
    end = text.find('_', start);
    decode_word(group, text.substr(start, end - start));
  }
  return group;
}

/// Multiplies the blocks of a stage, rounded up, and shares the extra ones out from the last group on, as timm does.
void scale_depth(std::vector<Group>& groups, double depth) {
  double left = 0;
  for (const Group& group : groups) left += group.repeats;
  double scaled_left = std::ceil(left * depth);
  // clang 14 cannot compile <ranges>. NOLINTNEXTLINE(modernize-loop-convert)
  for (auto group = groups.rbegin(); group != groups.rend(); ++group) {
    const double scaled = std::max(1.0, std::nearbyint(group->repeats / left * scaled_left));
    left -= group->repeats;
    scaled_left -= scaled;
    group->repeats = static_cast<int>(scaled);
  }
}

/// Writes one block; its fields are what the block's parts share.
struct BlockWriter {
  GraphBuilder& b;
  const BlockStyle& style;
  const Group& group;
  std::string name;
  int64_t out, stride;
  Op activation;

  /// Convolution, norm, activation.
  int conv_norm(int x, const std::string& conv, const std::string& norm, const GraphBuilder::Conv& settings) {
    return norm_activate(b, b.conv2d(x, name + conv, settings), name + norm, activation);
  }

  GraphBuilder::Conv depthwise_conv(int x, int64_t kernel, int64_t conv_stride) const {
    GraphBuilder::Conv conv = efficient_conv(b.channels_of(x), kernel, conv_stride);
    conv.groups = conv.out;
    return conv;
  }

  int depthwise(int x, const std::string& norm) {
    return conv_norm(x, ".conv_dw", norm, depthwise_conv(x, group.kernel, stride));
  }

  int squeeze_excite(int x) {
    if (group.squeeze == 0) return x;
    const double share = static_cast<double>(b.channels_of(x)) * group.squeeze;
    return retort::squeeze_excite(
        b, x,
        {.name = name + ".se",
         .reduced = style.hard_squeeze ? round_channels(share) : std::llrint(share / group.expansion),
         .reduce = "conv_reduce",
         .activate = "act1",
         .expand = "conv_expand",
         .activation = style.hard_squeeze ? Op::relu : activation,
         .gate = style.hard_squeeze ? Op::hard_sigmoid : Op::sigmoid,
         .init = Init::conv_fan_out});
  }

  int project(int x, const std::string& conv, const std::string& norm) {
    return b.batch_norm(b.conv2d(x, name + conv, efficient_conv(out, 1)), name + norm);
  }

  int64_t expanded(int x) const { return round_channels(static_cast<double>(b.channels_of(x)) * group.expansion); }

  int depthwise_separable(int x) { return project(squeeze_excite(depthwise(x, ".bn1")), ".conv_pw", ".bn2"); }

  int inverted_residual(int x) {
    x = conv_norm(x, ".conv_pw", ".bn1", efficient_conv(expanded(x), 1));
    return project(squeeze_excite(depthwise(x, ".bn2")), ".conv_pwl", ".bn3");
  }

  int edge_residual(int x) {
    x = conv_norm(x, ".conv_exp", ".bn1", efficient_conv(expanded(x), group.kernel, stride));
    return project(squeeze_excite(x), ".conv_pwl", ".bn2");
  }

  /// The first depthwise convolution has no activation; it strides where there is no second one.
  int universal(int x) {
    if (group.first_kernel > 0) {
      const GraphBuilder::Conv first = depthwise_conv(x, group.first_kernel, group.kernel > 0 ? 1 : stride);
      x = b.batch_norm(b.conv2d(x, name + ".dw_start.conv", first), name + ".dw_start.bn");
    }
    x = conv_norm(x, ".pw_exp.conv", ".pw_exp.bn", efficient_conv(expanded(x), 1));
    if (group.kernel > 0) x = conv_norm(x, ".dw_mid.conv", ".dw_mid.bn", depthwise_conv(x, group.kernel, stride));
    return project(x, ".pw_proj.conv", ".pw_proj.bn");
  }

  int branch(int x) {
    switch (group.kind) {
      case Kind::depthwise_separable:
        return depthwise_separable(x);
      case Kind::inverted_residual:
        return inverted_residual(x);
      case Kind::universal:
        return universal(x);
      case Kind::edge_residual:
        return edge_residual(x);
      case Kind::convolution:
        return conv_norm(x, ".conv", ".bn1", efficient_conv(out, group.kernel, stride));
    }
    fail_usage("zoo", "block '", name, "' is of no kind; correct the definition");
  }

  int write(int x) {
    const int y = branch(x);
    const bool skips = group.kind != Kind::convolution && stride == 1 && b.channels_of(x) == out;
    return skips ? b.apply(Op::add, name + ".add", {y, x}) : y;
  }
};

}  // namespace

GraphBuilder::Conv efficient_conv(int64_t out, int64_t kernel, int64_t stride) {
  GraphBuilder::Conv conv = same_conv(out, kernel, stride);
  conv.init = Init::conv_fan_out;
  return conv;
}

int norm_activate(GraphBuilder& b, int x, const std::string& name, Op activation) {
  return b.apply(activation, name + ".act", {b.batch_norm(x, name)});
}

int efficient_stem(GraphBuilder& b, int64_t channels, Op activation) {
  return norm_activate(b, b.conv2d(b.input(), "conv_stem", efficient_conv(channels, 3, 2)), "bn1", activation);
}

Graph finish_after_pool(GraphBuilder& b, int x, const PooledHead& head) {
  x = b.apply(Op::global_avg_pool, "global_pool", {x});
  GraphBuilder::Conv conv = efficient_conv(head.channels, 1);
  conv.bias = !head.norm;
  x = b.conv2d(x, "conv_head", conv);
  x = head.norm ? norm_activate(b, x, "norm_head", head.activation) : b.apply(head.activation, "act2", {x});
  b.linear(b.apply(Op::flatten, "flatten", {x}), "classifier", b.classes(), Init::linear_uniform);
  return b.finish("conv_stem", "classifier");
}

int efficient_stages(GraphBuilder& b, int x, const StageTexts& stages, const BlockStyle& style) {
  for (size_t stage = 0; stage < stages.size(); ++stage) {
    std::vector<Group> groups;
    for (std::string_view text : stages[stage]) groups.push_back(decode(text));
    const bool end = stage == 0 || stage + 1 == stages.size();
    if (!(end && style.fixed_ends)) scale_depth(groups, style.depth);
    int index = 0;
    for (const Group& group : groups) {
      for (int i = 0; i < group.repeats; ++i, ++index) {
        BlockWriter writer{.b = b,
                           .style = style,
                           .group = group,
                           .name = str("blocks.", stage, ".", index),
                           .out = round_channels(static_cast<double>(group.channels) * style.width),
                           .stride = index == 0 ? group.stride : 1,
                           .activation = group.activation.value_or(style.activation)};
        x = writer.write(x);
      }
    }
  }
  return x;
}

}  // namespace retort
