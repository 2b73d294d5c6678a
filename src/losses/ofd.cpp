// Heo, Kim, Yun, Park, Kwak, Choi: A Comprehensive Overhaul of Feature Distillation, ICCV 2019, as mdistiller's
// code.
#include <ATen/ops/where.h>

#include <cmath>
#include <numbers>

#include "losses/features.h"

namespace retort {

namespace {

// E[x | x < 0] of a normal x; 3 deviations below 0 where x is hardly ever negative.
double mean_below_zero(double mean, double deviation) {
  const double z = mean / deviation;
  const double share = std::erfc(z / std::numbers::sqrt2) / 2;
  if (share <= 0.001) return -3 * deviation;
  return mean - deviation * std::exp(-z * z / 2) / std::sqrt(2 * std::numbers::pi) / share;
}

// The batch norm that gives the node's values, through additions the one of the branch; null where there is none.
const Node* norm_before(const Graph& graph, const Node& node) {
  if (node.op == Op::batch_norm) return &node;
  if (node.op != Op::add) return nullptr;
  return norm_before(graph, graph.nodes[static_cast<size_t>(node.inputs[0])]);
}

// What the student need not go below, a channel: [1, C, 1, 1].
at::Tensor margins(const LossParts& parts, size_t i) {
  const Graph& graph = *parts.teacher_network().graph;
  const Node* norm = norm_before(graph, graph.nodes[static_cast<size_t>(graph.tap(parts.teacher_tap(i)))]);
  if (!norm) {
    fail_usage("ofd", "tap '", parts.teacher_tap(i), "' of the teacher ", graph.architecture,
               " does not come from a batch norm, whose statistics it needs");
  }
  const auto values = [&](size_t p) {
    const std::string& name = graph.parameters[static_cast<size_t>(norm->parameters[p])].name;
    return parts.teacher_network().parameter(name).detach().to(at::kCPU, at::kDouble).contiguous();
  };
  const at::Tensor deviations = values(0).abs().clamp_min(1e-12), means = values(1), out = deviations.clone();
  for (int64_t c = 0; c < out.numel(); ++c) {
    out.data_ptr<double>()[c] = mean_below_zero(means.data_ptr<double>()[c], deviations.data_ptr<double>()[c]);
  }
  return out.to(parts.options()).view({1, -1, 1, 1});
}

// Squared differences, but where the student may be as far below 0 as it is; of each sample, mean over samples.
at::Tensor partial_square(const at::Tensor& s, const at::Tensor& t, const at::Tensor& margin) {
  const at::Tensor target = t.maximum(margin);
  const at::Tensor counts = s.gt(target).logical_or(t.gt(0));
  return s.sub(target).square().mul(counts).sum().div(s.size(0));
}

}  // namespace

LossTerm make_ofd(Settings& settings) {
  const std::string projection =
      settings.choice("projection", {"conv", "none"}, "1x1 convolution and batch norm of the student's, or nothing");
  return {{.student = Look::pre_activation, .teacher = Look::pre_activation, .form = Looks::Form::maps},
          [projection](LossParts& parts) -> LossTerm::FeatureFunction {
            std::vector<std::optional<NormedProjection>> connectors(parts.size());
            std::vector<at::Tensor> margin;
            for (size_t i = 0; i < parts.size(); ++i) {
              margin.push_back(margins(parts, i));
              if (projection == "conv") connectors[i].emplace(parts, str(i), parts.student(i)[0], parts.teacher(i)[0]);
            }
            return [=](const Features& student, const Features& teacher, const LossInputs&) {
              return sum_over(student.size(), [&](size_t i) {
                const auto [s, t] = at_one_size(student[i], teacher[i]);
                const double share = std::exp2(-static_cast<double>(student.size() - 1 - i));
                return partial_square(connectors[i] ? (*connectors[i])(s) : s, t, margin[i]).mul(share);
              });
            };
          }};
}

}  // namespace retort
