/// \file reference.h
/// What a graph computes, by the definition of each operation: plain loops in double, no LibTorch.
#pragma once

#include <algorithm>
#include <cmath>
#include <limits>
#include <map>
#include <string>
#include <vector>

#include "retort/graph.h"

namespace retort::test {

/// Numbers of a whole batch, row-major [N, C, H, W]; vectors have H = W = 1, tokens [T, D] have C = 1, H = T, W = D.
struct Map4 {
  int64_t n = 0, c = 0, h = 1, w = 1;
  bool tokens = false;
  std::vector<double> v;

  Map4() = default;
  Map4(int64_t n_, int64_t c_, int64_t h_, int64_t w_)
      : n(n_), c(c_), h(h_), w(w_), v(static_cast<size_t>(n_ * c_ * h_ * w_)) {}
  static Map4 of_tokens(int64_t n, int64_t count, int64_t features) {
    Map4 map(n, 1, count, features);
    map.tokens = true;
    return map;
  }
  int64_t positions() const { return tokens ? h : h * w; }
  int64_t features() const { return tokens ? w : c; }
  /// Feature k of a token, or of a pixel counted row by row.
  double& feature(int64_t i, int64_t position, int64_t k) {
    return tokens ? at(i, 0, position, k) : at(i, k, position / w, position % w);
  }
  double feature(int64_t i, int64_t position, int64_t k) const {
    return const_cast<Map4*>(this)->feature(i, position, k);
  }
  bool inside(int64_t y, int64_t x) const { return y >= 0 && y < h && x >= 0 && x < w; }
  double& at(int64_t i, int64_t k, int64_t y, int64_t x) {
    return v[static_cast<size_t>(((i * c + k) * h + y) * w + x)];
  }
  double at(int64_t i, int64_t k, int64_t y, int64_t x) const { return const_cast<Map4*>(this)->at(i, k, y, x); }
  /// Calls f(image, channel, y, x, number).
  template <class F>
  void each(const F& f) {
    for (int64_t i = 0; i < n; ++i)
      for (int64_t k = 0; k < c; ++k)
        for (int64_t y = 0; y < h; ++y)
          for (int64_t x = 0; x < w; ++x) f(i, k, y, x, at(i, k, y, x));
  }
  /// Calls f(image, position, feature, number).
  template <class F>
  void each_feature(const F& f) {
    for (int64_t i = 0; i < n; ++i)
      for (int64_t p = 0; p < positions(); ++p)
        for (int64_t k = 0; k < features(); ++k) f(i, p, k, feature(i, p, k));
  }
};

/// Values by the parameter's name; training changes the running statistics in it.
using State = std::map<std::string, std::vector<double>>;

class Reference {
 public:
  Reference(const Graph& graph, State& state, bool training) : graph_(graph), state_(state), training_(training) {}

  /// Outputs of all nodes, by name.
  std::map<std::string, Map4> run(const Map4& images) {
    std::vector<Map4> out;
    std::map<std::string, Map4> named;
    for (const Node& node : graph_.nodes) {
      const auto in = [&](size_t i) -> const Map4& { return out[static_cast<size_t>(node.inputs[i])]; };
      out.push_back(node.op == Op::input      ? images
                    : node.inputs.size() == 2 ? pairwise(node, in(0), in(1))
                                              : single(node, in(0)));
      named[node.name] = out.back();
    }
    return named;
  }

 private:
  std::vector<double>& values(const Node& node, size_t i) {
    return state_.at(graph_.parameters[static_cast<size_t>(node.parameters[i])].name);
  }

  Map4 pairwise(const Node& node, const Map4& a, const Map4& b) {
    if (node.op == Op::concat) return concat(a, b);
    Map4 out = a;
    out.each([&](int64_t i, int64_t k, int64_t y, int64_t x, double& v) {
      v = node.op == Op::add    ? v + b.at(i, k, y, x)
          : node.op == Op::mean ? (v + b.at(i, k, y, x)) / 2
                                : v * b.at(i, k, 0, 0);
    });
    return out;
  }

  static Map4 concat(const Map4& a, const Map4& b) {
    Map4 out(a.n, a.c + b.c, a.h, a.w);
    out.each([&](int64_t i, int64_t k, int64_t y, int64_t x, double& v) {
      v = k < a.c ? a.at(i, k, y, x) : b.at(i, k - a.c, y, x);
    });
    return out;
  }

  /// Channels of `in` in another order, or a part of them.
  template <class F>
  static Map4 pick_channels(const Map4& in, int64_t count, const F& source) {
    Map4 out(in.n, count, in.h, in.w);
    out.each([&](int64_t i, int64_t k, int64_t y, int64_t x, double& v) { v = in.at(i, source(k), y, x); });
    return out;
  }

  Map4 single(const Node& node, const Map4& x) {
    switch (node.op) {
      case Op::conv2d:
        return conv2d(node, x);
      case Op::linear:
        return linear(node, x);
      case Op::layer_norm:
        return layer_norm(node, x);
      case Op::scale:
        return scale(node, x);
      case Op::batch_norm:
        return batch_norm(node, x);
      case Op::channel_slice:
        return pick_channels(x, node.out_channels, [&](int64_t k) { return node.first_channel + k; });
      case Op::channel_shuffle:
        return pick_channels(x, x.c,
                             [&](int64_t k) { return k % node.groups * (x.c / node.groups) + k / node.groups; });
      case Op::max_pool:
      case Op::avg_pool:
        return pool(node, x);
      case Op::global_avg_pool:
        return global_avg_pool(x);
      case Op::flatten:
        return x;
      case Op::tokens:
      case Op::class_token:
        return to_tokens(node, x);
      case Op::position_embedding:
        return position_embedding(node, x);
      case Op::attention:
        return attention(node, x);
      case Op::first_token:
        return first_token(node, x);
      default:
        return activation(node.op, x);
    }
  }

  static Map4 activation(Op op, const Map4& x) {
    const auto relu6 = [](double v) { return std::clamp(v, 0.0, 6.0); };
    const auto sigmoid = [](double v) { return 1 / (1 + std::exp(-v)); };
    Map4 out = x;
    for (double& v : out.v) {
      v = op == Op::relu         ? std::max(v, 0.0)
          : op == Op::relu6      ? relu6(v)
          : op == Op::silu       ? v * sigmoid(v)
          : op == Op::gelu       ? v * (1 + std::erf(v / std::sqrt(2.0))) / 2
          : op == Op::hard_swish ? v * relu6(v + 3) / 6
          : op == Op::sigmoid    ? sigmoid(v)
                                 : relu6(v + 3) / 6;
    }
    return out;
  }

  Map4 linear(const Node& node, const Map4& in) {
    Map4 out = in.tokens ? Map4::of_tokens(in.n, in.h, node.out_channels) : Map4(in.n, node.out_channels, in.h, in.w);
    out.each_feature([&](int64_t i, int64_t p, int64_t o, double& sum) {
      sum = values(node, 1)[static_cast<size_t>(o)];
      for (int64_t k = 0; k < in.features(); ++k) {
        sum += values(node, 0)[static_cast<size_t>(o * in.features() + k)] * in.feature(i, p, k);
      }
    });
    return out;
  }

  Map4 layer_norm(const Node& node, const Map4& in) {
    const auto count = static_cast<double>(in.features());
    Map4 out = in;
    out.each_feature([&](int64_t i, int64_t p, int64_t k, double& v) {
      double mean = 0, variance = 0;
      for (int64_t j = 0; j < in.features(); ++j) mean += in.feature(i, p, j) / count;
      for (int64_t j = 0; j < in.features(); ++j) variance += std::pow(in.feature(i, p, j) - mean, 2) / count;
      v = (v - mean) / std::sqrt(variance + node.eps) * values(node, 0)[static_cast<size_t>(k)] +
          values(node, 1)[static_cast<size_t>(k)];
    });
    return out;
  }

  Map4 scale(const Node& node, const Map4& in) {
    Map4 out = in;
    out.each_feature([&](int64_t, int64_t, int64_t k, double& v) { v *= values(node, 0)[static_cast<size_t>(k)]; });
    return out;
  }

  Map4 to_tokens(const Node& node, const Map4& in) {
    const int64_t first = node.op == Op::class_token ? 1 : 0;
    Map4 out = Map4::of_tokens(in.n, first + in.positions(), in.features());
    out.each_feature([&](int64_t i, int64_t p, int64_t k, double& v) {
      v = p < first ? values(node, 0)[static_cast<size_t>(k)] : in.feature(i, p - first, k);
    });
    return out;
  }

  Map4 position_embedding(const Node& node, const Map4& in) {
    Map4 out = in;
    out.each_feature([&](int64_t, int64_t p, int64_t k, double& v) {
      v += values(node, 0)[static_cast<size_t>(p * in.features() + k)];
    });
    return out;
  }

  static Map4 attention(const Node& node, const Map4& in) {
    const int64_t features = in.features() / 3, size = features / node.heads;
    Map4 out = Map4::of_tokens(in.n, in.positions(), features);
    out.each_feature([&](int64_t i, int64_t p, int64_t k, double& v) {
      const int64_t head = k / size * size;
      double weighted = 0, sum = 0;
      for (int64_t q = 0; q < in.positions(); ++q) {
        double score = 0;
        for (int64_t j = head; j < head + size; ++j) score += in.feature(i, p, j) * in.feature(i, q, features + j);
        const double weight = std::exp(score / std::sqrt(static_cast<double>(size)));
        sum += weight;
        weighted += weight * in.feature(i, q, 2 * features + k);
      }
      v = weighted / sum;
    });
    return out;
  }

  static Map4 first_token(const Node& node, const Map4& in) {
    Map4 out(in.n, in.features(), 1, 1);
    out.each_feature([&](int64_t i, int64_t, int64_t k, double& v) { v = in.feature(i, node.skipped_tokens, k); });
    return out;
  }

  Map4 conv2d(const Node& node, const Map4& in) {
    const std::vector<double>& weight = values(node, 0);
    const int64_t k = node.kernel, per_group = in.c / node.groups, out_per_group = node.out_channels / node.groups;
    Map4 out(in.n, node.out_channels, steps(node, in.h), steps(node, in.w));
    out.each([&](int64_t i, int64_t o, int64_t y, int64_t x, double& sum) {
      sum = node.has_bias ? values(node, 1)[static_cast<size_t>(o)] : 0;
      for (int64_t c = 0; c < per_group; ++c)
        for (int64_t dy = 0; dy < k; ++dy)
          for (int64_t dx = 0; dx < k; ++dx) {
            const int64_t from_y = y * node.stride - node.padding + dy, from_x = x * node.stride - node.padding + dx;
            if (!in.inside(from_y, from_x)) continue;
            sum += weight[static_cast<size_t>(((o * per_group + c) * k + dy) * k + dx)] *
                   in.at(i, o / out_per_group * per_group + c, from_y, from_x);
          }
    });
    return out;
  }

  static int64_t steps(const Node& node, int64_t size) {
    const int64_t room = size + 2 * node.padding - node.kernel;
    return (node.ceil_mode ? (room + node.stride - 1) / node.stride : room / node.stride) + 1;
  }

  static Map4 pool(const Node& node, const Map4& in) {
    Map4 out(in.n, in.c, steps(node, in.h), steps(node, in.w));
    out.each([&](int64_t i, int64_t c, int64_t y, int64_t x, double& v) {
      double highest = -std::numeric_limits<double>::infinity(), sum = 0, count = 0;
      for (int64_t dy = 0; dy < node.kernel; ++dy)
        for (int64_t dx = 0; dx < node.kernel; ++dx) {
          const int64_t from_y = y * node.stride - node.padding + dy, from_x = x * node.stride - node.padding + dx;
          const int64_t pad = node.padding;  // counted as zeros
          count += from_y < in.h + pad && from_x < in.w + pad ? 1 : 0;
          if (!in.inside(from_y, from_x)) continue;
          highest = std::max(highest, in.at(i, c, from_y, from_x));
          sum += in.at(i, c, from_y, from_x);
        }
      v = node.op == Op::max_pool ? highest : sum / count;
    });
    return out;
  }

  static Map4 global_avg_pool(const Map4& in) {
    Map4 out(in.n, in.c, 1, 1);
    Map4(in).each([&](int64_t i, int64_t c, int64_t, int64_t, double v) {
      out.at(i, c, 0, 0) += v / static_cast<double>(in.h * in.w);
    });
    return out;
  }

  Map4 batch_norm(const Node& node, const Map4& in) {
    std::vector<double>& running_mean = values(node, 2);
    std::vector<double>& running_var = values(node, 3);
    std::vector<double> mean = running_mean, var = running_var;
    Map4 out = in;
    if (training_) {
      const double count = static_cast<double>(in.n * in.h * in.w);
      std::fill(mean.begin(), mean.end(), 0);
      std::fill(var.begin(), var.end(), 0);
      out.each([&](int64_t, int64_t c, int64_t, int64_t, double v) { mean[static_cast<size_t>(c)] += v / count; });
      out.each([&](int64_t, int64_t c, int64_t, int64_t, double v) {
        var[static_cast<size_t>(c)] += std::pow(v - mean[static_cast<size_t>(c)], 2) / count;
      });
      for (size_t c = 0; c < mean.size(); ++c) {  // running variance is the unbiased one
        running_mean[c] += node.momentum * (mean[c] - running_mean[c]);
        running_var[c] += node.momentum * (var[c] * count / (count - 1) - running_var[c]);
      }
      ++values(node, 4)[0];
    }
    out.each([&](int64_t, int64_t c, int64_t, int64_t, double& v) {
      const auto k = static_cast<size_t>(c);
      v = (v - mean[k]) / std::sqrt(var[k] + node.eps) * values(node, 0)[k] + values(node, 1)[k];
    });
    return out;
  }

  const Graph& graph_;
  State& state_;
  bool training_;
};

}  // namespace retort::test
