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
  convolution,
};

/// A group of blocks, decoded.
struct Group {
  Kind kind = Kind::inverted_residual;
  int repeats = 1;
  int64_t kernel = 1, stride = 1, channels = 0;
  double expansion = 1.0, squeeze = 0.0;
  std::optional<Op> activation;
};

Kind kind_of(std::string_view word) {
  if (word == "ds") return Kind::depthwise_separable;
  if (word == "ir") return Kind::inverted_residual;
  if (word == "cn") return Kind::convolution;
  fail_usage("zoo", "block kind '", word, "' is unknown; expected ds, ir or cn; correct the definition");
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

  int depthwise(int x, const std::string& norm) {
    GraphBuilder::Conv conv = efficient_conv(b.channels_of(x), group.kernel, stride);
    conv.groups = conv.out;
    return conv_norm(x, ".conv_dw", norm, conv);
  }

  int squeeze_excite(int x) {
    if (group.squeeze == 0) return x;
    const int64_t channels = b.channels_of(x);
    const double share = static_cast<double>(channels) * group.squeeze;
    const auto squeezed = style.hard_squeeze ? round_channels(share) : std::llrint(share / group.expansion);
    const auto conv = [&](int input, const std::string& conv_name, int64_t conv_out) {
      GraphBuilder::Conv settings = efficient_conv(conv_out, 1);
      settings.bias = true;
      return b.conv2d(input, name + conv_name, settings);
    };
    int gate = b.apply(Op::global_avg_pool, name + ".se.pool", {x});
    gate = conv(gate, ".se.conv_reduce", squeezed);
    gate = b.apply(style.hard_squeeze ? Op::relu : activation, name + ".se.act1", {gate});
    gate = conv(gate, ".se.conv_expand", channels);
    gate = b.apply(style.hard_squeeze ? Op::hard_sigmoid : Op::sigmoid, name + ".se.gate", {gate});
    return b.apply(Op::multiply, name + ".se", {x, gate});
  }

  int project(int x, const std::string& conv, const std::string& norm) {
    return b.batch_norm(b.conv2d(x, name + conv, efficient_conv(out, 1)), name + norm);
  }

  int write(int x) {
    if (group.kind == Kind::convolution) {
      return conv_norm(x, ".conv", ".bn1", efficient_conv(out, group.kernel, stride));
    }
    int y = x;
    if (group.kind == Kind::depthwise_separable) {
      y = project(squeeze_excite(depthwise(y, ".bn1")), ".conv_pw", ".bn2");
    } else {
      const double expanded = static_cast<double>(b.channels_of(x)) * group.expansion;
      y = conv_norm(y, ".conv_pw", ".bn1", efficient_conv(round_channels(expanded), 1));
      y = project(squeeze_excite(depthwise(y, ".bn2")), ".conv_pwl", ".bn3");
    }
    const bool skips = stride == 1 && b.channels_of(x) == out;
    return skips ? b.apply(Op::add, name + ".add", {y, x}) : y;
  }
};

}  // namespace

int64_t round_channels(double channels, double width) {
  constexpr int64_t kDivisor = 8;
  const double wanted = channels * width;
  const int64_t nearest_multiple = static_cast<int64_t>(wanted + kDivisor / 2.0) / kDivisor * kDivisor;
  const int64_t rounded = std::max(kDivisor, nearest_multiple);
  return static_cast<double>(rounded) < 0.9 * wanted ? rounded + kDivisor : rounded;
}

GraphBuilder::Conv efficient_conv(int64_t out, int64_t kernel, int64_t stride) {
  GraphBuilder::Conv conv = same_conv(out, kernel, stride);
  conv.init = Init::conv_fan_out;
  return conv;
}

int norm_activate(GraphBuilder& b, int x, const std::string& name, Op activation) {
  return b.apply(activation, name + ".act", {b.batch_norm(x, name)});
}

int efficient_stages(GraphBuilder& b, int x, const StageTexts& stages, const BlockStyle& style) {
  for (size_t stage = 0; stage < stages.size(); ++stage) {
    std::vector<Group> groups;
    for (std::string_view text : stages[stage]) groups.push_back(decode(text));
    scale_depth(groups, style.depth);
    int index = 0;
    for (const Group& group : groups) {
      for (int i = 0; i < group.repeats; ++i, ++index) {
        BlockWriter writer{.b = b,
                           .style = style,
                           .group = group,
                           .name = str("blocks.", stage, ".", index),
                           .out = round_channels(static_cast<double>(group.channels), style.width),
                           .stride = index == 0 ? group.stride : 1,
                           .activation = group.activation.value_or(style.activation)};
        x = writer.write(x);
      }
    }
  }
  return x;
}

}  // namespace retort
