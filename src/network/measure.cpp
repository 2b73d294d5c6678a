#include "network/measure.h"

#include <ATen/Parallel.h>
#include <ATen/core/grad_mode.h>
#include <ATen/ops/ones.h>
#include <ATen/ops/randn.h>

#include <algorithm>
#include <limits>
#include <map>

#include "base/machine.h"
#include "network/plan.h"
#include "retort/network.h"

namespace retort {

namespace {

// A graph's values and parameters as far as one step reads them, and its own gradient.
class Stage {
 public:
  Stage(const Graph& graph, const std::vector<Shape>& shapes, int64_t batch, const Step& step)
      : graph_(graph), step_(step), values_(graph.nodes.size()), parameters_(graph.parameters.size()) {
    for (const int input : step.inputs) {
      values_[static_cast<size_t>(input)] = random(shapes[static_cast<size_t>(input)], batch, input > 0);
    }
    for (const int node : step.nodes) {
      for (const int p : graph.nodes[static_cast<size_t>(node)].parameters) set_parameter(static_cast<size_t>(p));
    }
    gradient_ = random(shapes[static_cast<size_t>(step.nodes.back())], batch, false);
  }

  void run() {
    const at::Tensor y = step_.candidate->run({graph_, step_, values_, parameters_, /*training=*/true});
    if (y.requires_grad()) y.backward(gradient_);
    for (auto* tensors : {&values_, &parameters_}) {
      for (at::Tensor& t : *tensors) {
        if (t.defined()) t.mutable_grad().reset();
      }
    }
  }

 private:
  static at::Tensor random(const Shape& shape, int64_t batch, bool gradient) {
    std::vector<int64_t> sizes = {batch};
    sizes.insert(sizes.end(), shape.begin(), shape.end());
    at::Tensor t = at::randn(sizes, at::kFloat);
    if (sizes.size() == 4) t = t.contiguous(at::MemoryFormat::ChannelsLast);
    return t.set_requires_grad(gradient);
  }

  void set_parameter(size_t i) {
    const Parameter& p = graph_.parameters[i];
    if (p.buffer) {
      parameters_[i] = at::ones(p.shape, p.integer ? at::kLong : at::kFloat);
      return;
    }
    at::Tensor t = at::randn(p.shape, at::kFloat).mul(0.1);
    if (p.shape.size() == 4) t = t.contiguous(at::MemoryFormat::ChannelsLast);
    parameters_[i] = t.set_requires_grad(true);
  }

  const Graph& graph_;
  const Step& step_;
  std::vector<at::Tensor> values_, parameters_;
  at::Tensor gradient_;
};

double seconds_of(Stage& stage) {
  // One thread's own time, which others on the machine do not lengthen.
  const auto now = at::get_num_threads() == 1 ? thread_cpu_seconds : wall_seconds;
  const double before = now();
  stage.run();
  return now() - before;
}

// What makes two steps cost the same.
std::string likeness(const Graph& graph, const std::vector<Shape>& shapes, const Step& step) {
  std::string text = step.candidate->name;
  for (const int i : step.nodes) {
    const Node& n = graph.nodes[static_cast<size_t>(i)];
    text += str(" ", op_name(n.op), " ", n.out_channels, " ", n.kernel, " ", n.stride, " ", n.padding, " ", n.groups);
  }
  for (const int i : step.inputs) {
    text += i > 0 ? " in" : " images";
    for (const int64_t size : shapes[static_cast<size_t>(i)]) text += str(" ", size);
  }
  return text;
}

struct Times {
  double planned = std::numeric_limits<double>::infinity(), torch = 0;
};

Times measure(const Graph& graph, const std::vector<Shape>& shapes, int64_t batch, const Step& step,
              const std::vector<Step>& plain, double seconds) {
  constexpr int kLeast = 3;
  Stage planned(graph, shapes, batch, step);
  std::vector<Stage> alone;
  alone.reserve(plain.size());
  for (const Step& s : plain) alone.emplace_back(graph, shapes, batch, s);
  std::vector<double> best(plain.size(), std::numeric_limits<double>::infinity());
  Times times;
  const double start = wall_seconds();
  for (int i = 0; i < kLeast || wall_seconds() - start < seconds; ++i) {
    times.planned = std::min(times.planned, seconds_of(planned));
    for (size_t k = 0; k < plain.size(); ++k) best[k] = std::min(best[k], seconds_of(alone[k]));
  }
  for (const double b : best) times.torch += b;
  return times;
}

}  // namespace

std::vector<StepCost> measure_plan(const Graph& graph, const Shape& image, int64_t batch, int threads, double seconds) {
  set_threads(threads);
  const std::vector<Shape> shapes = infer_shapes(graph, image);
  const Plan plan = make_plan(graph, shapes, {}, /*plain=*/false);
  const Plan plain = make_plan(graph, shapes, {}, /*plain=*/true);
  const at::AutoGradMode gradients(true);
  std::map<std::string, Times> known;
  std::vector<StepCost> costs;
  for (const Step& step : plan.steps) {
    std::vector<Step> alone;
    for (const int i : step.nodes) {
      alone.push_back(plain.steps[static_cast<size_t>(i - 1)]);  // one a node, but for the input
    }
    const std::string key = likeness(graph, shapes, step);
    if (!known.contains(key)) known[key] = measure(graph, shapes, batch, step, alone, seconds);
    costs.push_back({label_of(graph, shapes, step), known[key].planned, known[key].torch});
  }
  return costs;
}

}  // namespace retort
