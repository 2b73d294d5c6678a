#include "train/optimizer.h"

#include <ATen/ops/empty.h>
#include <ATen/ops/zeros_like.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <vector>

#include "base/random.h"
#include "support/expect_error.h"

namespace retort {
namespace {

// Plain numbers in NCHW order, whatever the tensor's memory format.
std::vector<float> numbers(const at::Tensor& t) {
  const at::Tensor plain = t.detach().contiguous();
  return {plain.const_data_ptr<float>(), plain.const_data_ptr<float>() + plain.numel()};
}

at::Tensor tensor(const std::vector<float>& values, const std::vector<int64_t>& shape) {
  at::Tensor t = at::empty(shape, at::TensorOptions(at::kFloat));
  std::copy(values.begin(), values.end(), t.data_ptr<float>());
  return t.dim() == 4 ? t.contiguous(at::MemoryFormat::ChannelsLast) : t;
}

std::vector<float> random(int64_t count, uint64_t seed) {
  Rng rng = stream(seed, Purpose::sample);
  std::vector<float> out;
  for (int64_t i = 0; i < count; ++i) out.push_back(static_cast<float>(rng.normal()));
  return out;
}

// A channels-last kernel, which decays, and a norm's weight, which does not.
class OptimizerTest : public testing::Test {
 protected:
  OptimizerTest() { start_anew(); }
  void start_anew() {
    parameters_ = {{"conv", tensor(random(54, 1), {3, 2, 3, 3})}, {"norm", tensor(random(5, 2), {5})}};
    for (NamedTensor& p : parameters_) p.tensor.set_requires_grad(true);
  }
  void set_gradients(int step) {
    for (NamedTensor& p : parameters_) {
      p.tensor.mutable_grad() = tensor(gradient(p, step), p.tensor.sizes().vec());
    }
  }
  static std::vector<float> gradient(const NamedTensor& p, int step) {
    return random(p.tensor.numel(), 100 + static_cast<uint64_t>(step) * 10 + p.name.size());
  }
  static void expect_near(const std::vector<double>& expected, const at::Tensor& got) {
    const std::vector<float> values = numbers(got);
    ASSERT_EQ(values.size(), expected.size());
    for (size_t i = 0; i < values.size(); ++i) EXPECT_NEAR(values[i], expected[i], 2e-6) << i;
  }

  std::vector<NamedTensor> parameters_;
};

constexpr int kSteps = 3;
double lr_at(int step) { return 0.1 / (1 + step); }

TEST_F(OptimizerTest, SgdFollowsItsFormula) {
  const double momentum = 0.9, decay = 0.05;
  std::vector<std::vector<double>> expected;
  for (const NamedTensor& p : parameters_) {
    const std::vector<float> start = numbers(p.tensor);
    std::vector<double> w(start.begin(), start.end()), m(w.size(), 0);
    for (int step = 0; step < kSteps; ++step) {
      const std::vector<float> g0 = gradient(p, step);
      for (size_t i = 0; i < w.size(); ++i) {
        const double g = g0[i] + (p.name == "conv" ? decay : 0) * w[i];
        m[i] = momentum * m[i] + g;
        w[i] -= lr_at(step) * (g + momentum * m[i]);
      }
    }
    expected.push_back(w);
  }
  Optimizer optimizer(parameters_, {"sgd", momentum, decay});
  for (int step = 0; step < kSteps; ++step) {
    set_gradients(step);
    optimizer.step(lr_at(step));
    EXPECT_FALSE(parameters_[0].tensor.grad().defined());
  }
  for (size_t p = 0; p < parameters_.size(); ++p) expect_near(expected[p], parameters_[p].tensor);
}

TEST_F(OptimizerTest, AdamwFollowsItsFormula) {
  const double decay = 0.05, b1 = 0.9, b2 = 0.999;
  std::vector<std::vector<double>> expected;
  for (const NamedTensor& p : parameters_) {
    const std::vector<float> start = numbers(p.tensor);
    std::vector<double> w(start.begin(), start.end()), m(w.size(), 0), v(w.size(), 0);
    for (int step = 0; step < kSteps; ++step) {
      const std::vector<float> g = gradient(p, step);
      for (size_t i = 0; i < w.size(); ++i) {
        w[i] -= lr_at(step) * (p.name == "conv" ? decay : 0) * w[i];
        m[i] = b1 * m[i] + (1 - b1) * g[i];
        v[i] = b2 * v[i] + (1 - b2) * g[i] * g[i];
        const double m_hat = m[i] / (1 - std::pow(b1, step + 1)), v_hat = v[i] / (1 - std::pow(b2, step + 1));
        w[i] -= lr_at(step) * m_hat / (std::sqrt(v_hat) + 1e-8);
      }
    }
    expected.push_back(w);
  }
  Optimizer optimizer(parameters_, {"adamw", 0, decay});
  for (int step = 0; step < kSteps; ++step) {
    set_gradients(step);
    optimizer.step(lr_at(step));
  }
  for (size_t p = 0; p < parameters_.size(); ++p) expect_near(expected[p], parameters_[p].tensor);
}

// mdistiller's engine/dot.py, written down once more: both parts' gradients for "conv", those of one alone for "norm".
TEST_F(OptimizerTest, DotKeepsTwoMomenta) {
  const double momentum = 0.8, delta = 0.1, decay = 0.05;
  const auto distill_step = [](int step) { return step + 50; };
  std::vector<double> conv, norm;
  for (const NamedTensor& p : parameters_) {
    const bool both = p.name == "conv";
    const std::vector<float> start = numbers(p.tensor);
    std::vector<double> w(start.begin(), start.end()), v_label(w.size(), 0), v_distill(w.size(), 0);
    for (int step = 0; step < kSteps; ++step) {
      const std::vector<float> label = gradient(p, step), distill = gradient(p, distill_step(step));
      for (size_t i = 0; i < w.size(); ++i) {
        v_label[i] = (momentum - delta) * v_label[i] + label[i] + decay * w[i];
        v_distill[i] = (both ? momentum + delta : momentum) * v_distill[i] + distill[i];
        w[i] -= lr_at(step) * (both ? v_label[i] + v_distill[i] : v_distill[i]);
      }
    }
    (both ? conv : norm) = w;
  }
  Optimizer optimizer(parameters_, {.kind = "dot", .momentum = momentum, .weight_decay = decay, .dot_delta = delta});
  for (int step = 0; step < kSteps; ++step) {
    set_gradients(distill_step(step));
    optimizer.take_distill_gradients();
    set_gradients(step);
    parameters_[1].tensor.mutable_grad().reset();
    optimizer.step(lr_at(step));
    EXPECT_FALSE(parameters_[0].tensor.grad().defined());
  }
  expect_near(conv, parameters_[0].tensor);
  expect_near(norm, parameters_[1].tensor);
  set_gradients(0);
  test::expect_error([&] { optimizer.step(0.1); }, {"dot", "gradients of distillation"});
}

TEST_F(OptimizerTest, NamesCanBeExemptFromDecay) {
  for (const char* kind : {"sgd", "adamw"}) {
    for (const bool exempt : {false, true}) {
      OptimizerOptions options{.kind = kind, .weight_decay = 0.5};
      if (exempt) options.no_decay = {"conv"};
      Optimizer optimizer(parameters_, options);
      for (NamedTensor& p : parameters_) p.tensor.mutable_grad() = at::zeros_like(p.tensor);
      const std::vector<float> before = numbers(parameters_[0].tensor);
      optimizer.step(0.1);
      EXPECT_EQ(numbers(parameters_[0].tensor) == before, exempt) << kind;  // only decay moves what has no gradient
    }
  }
}

TEST_F(OptimizerTest, WithoutMomentumItIsPlainDescent) {
  Optimizer optimizer(parameters_, {"sgd", 0, 0});
  const std::vector<float> before = numbers(parameters_[0].tensor);
  set_gradients(0);
  optimizer.step(0.5);
  std::vector<double> expected;
  const std::vector<float> g = gradient(parameters_[0], 0);
  for (size_t i = 0; i < before.size(); ++i) expected.push_back(before[i] - 0.5 * g[i]);
  expect_near(expected, parameters_[0].tensor);
}

TEST_F(OptimizerTest, StateHasAllThatGoesOn) {
  Optimizer sgd(parameters_, {"sgd", 0.9, 0}), adamw(parameters_, {"adamw", 0, 0});
  const auto names = [](const Optimizer& o) {
    std::vector<std::string> out;
    for (const NamedTensor& named : o.state()) out.push_back(named.name);
    return out;
  };
  EXPECT_EQ(names(sgd), (std::vector<std::string>{"momentum.conv", "momentum.norm"}));
  const Optimizer dot({parameters_[0]}, {.kind = "dot"});
  EXPECT_EQ(names(dot), (std::vector<std::string>{"momentum.conv", "momentum_distill.conv"}));
  EXPECT_EQ(names(adamw),
            (std::vector<std::string>{"steps", "exp_avg.conv", "exp_avg_sq.conv", "exp_avg.norm", "exp_avg_sq.norm"}));
  set_gradients(0);
  adamw.step(0.1);
  EXPECT_EQ(adamw.state()[0].tensor.item<double>(), 1);
}

TEST_F(OptimizerTest, FactorsScaleTheRateOfTheirParametersAlone) {
  for (const std::string kind : {"sgd", "adamw"}) {
    // Two optimisers whose rates already are what the factors make of one.
    start_anew();
    Optimizer scaled(parameters_, {.kind = kind, .momentum = 0.9, .weight_decay = 0.05, .lr_scale = {{"conv", 0.25}}});
    set_gradients(0);
    scaled.step(0.1);
    const std::vector<float> conv = numbers(parameters_[0].tensor), norm = numbers(parameters_[1].tensor);
    start_anew();
    Optimizer slow({parameters_[0]}, {kind, 0.9, 0.05}), fast({parameters_[1]}, {kind, 0.9, 0.05});
    set_gradients(0);
    slow.step(0.1 * 0.25);
    fast.step(0.1);
    EXPECT_EQ(conv, numbers(parameters_[0].tensor)) << kind;
    EXPECT_EQ(norm, numbers(parameters_[1].tensor)) << kind;
  }
}

TEST_F(OptimizerTest, RefusesAParameterWithoutGradient) {
  Optimizer optimizer(parameters_, {"sgd", 0.9, 0});
  test::expect_error([&] { optimizer.step(0.1); }, {"gradient"});
}

// Without momentum a step's change of the weights is the gradient as it was used.
TEST_F(OptimizerTest, ClipsByTheNormOfAll) {
  double squares = 0;
  for (const NamedTensor& p : parameters_) {
    for (const float g : gradient(p, 0)) squares += static_cast<double>(g) * g;
  }
  for (const double most : {1e9, 0.5}) {
    start_anew();
    Optimizer optimizer(parameters_, {"sgd", 0, 0});
    set_gradients(0);
    EXPECT_NEAR(optimizer.clip(most), std::sqrt(squares), 1e-5);
    const std::vector<float> before = numbers(parameters_[0].tensor), g = gradient(parameters_[0], 0);
    optimizer.step(1);
    const double scale = std::min(1.0, most / std::sqrt(squares));
    std::vector<double> expected;
    for (size_t i = 0; i < g.size(); ++i) expected.push_back(before[i] - scale * g[i]);
    expect_near(expected, parameters_[0].tensor);
    // It holds for one step.
    set_gradients(1);
    const std::vector<float> then = numbers(parameters_[0].tensor), g1 = gradient(parameters_[0], 1);
    optimizer.step(1);
    for (size_t i = 0; i < g.size(); ++i) expected[i] = then[i] - static_cast<double>(g1[i]);
    expect_near(expected, parameters_[0].tensor);
  }
}

TEST_F(OptimizerTest, DotClipsEachPartByItself) {
  const NamedTensor conv = parameters_[0];
  Optimizer optimizer({conv}, {.kind = "dot", .momentum = 0.5, .dot_delta = 0.5});
  const std::vector<float> before = numbers(conv.tensor);
  std::vector<double> expected(before.begin(), before.end());
  for (const int part : {1, 0}) {
    const std::vector<float> g = gradient(conv, part);
    set_gradients(part);
    const double norm = optimizer.clip(0.25);
    for (size_t i = 0; i < g.size(); ++i) expected[i] -= 0.25 / norm * g[i];
    if (part == 1) optimizer.take_distill_gradients();
  }
  optimizer.step(1);
  expect_near(expected, conv.tensor);
}

TEST_F(OptimizerTest, MovesAveragesOfTheNewWeights) {
  for (const std::string kind : {"sgd", "adamw"}) {
    start_anew();
    Optimizer optimizer(parameters_, {.kind = kind, .weight_decay = 0.05});
    const at::Tensor average = parameters_[0].tensor.detach().clone();
    optimizer.keep_averages({{"conv", average}, {"unknown", average}}, 0.9);
    const std::vector<float> before = numbers(average);
    set_gradients(0);
    optimizer.step(0.1);
    std::vector<double> expected;
    const std::vector<float> after = numbers(parameters_[0].tensor);
    for (size_t i = 0; i < after.size(); ++i) expected.push_back(0.9 * before[i] + 0.1 * after[i]);
    expect_near(expected, average);
  }
}

// What our kernels cannot run, LibTorch's do: numbers of double, and other devices.
TEST_F(OptimizerTest, LibTorchStepsWhatKernelsCannot) {
  for (const std::string kind : {"sgd", "adamw", "dot"}) {
    std::vector<std::vector<float>> results, averages;
    for (const at::ScalarType type : {at::kFloat, at::kDouble}) {
      start_anew();
      for (NamedTensor& p : parameters_) p.tensor = p.tensor.detach().to(type).set_requires_grad(true);
      const at::Tensor average = parameters_[0].tensor.detach().clone();
      Optimizer optimizer(parameters_, {.kind = kind, .momentum = 0.8, .weight_decay = 0.05, .dot_delta = 0.1});
      optimizer.keep_averages({{"conv", average}}, 0.5);
      for (int step = 0; step < kSteps; ++step) {
        for (const bool distill : {true, false}) {
          if (distill && kind != "dot") continue;
          for (NamedTensor& p : parameters_) {
            p.tensor.mutable_grad() = tensor(gradient(p, step + (distill ? 50 : 0)), p.tensor.sizes().vec()).to(type);
          }
          optimizer.clip(1);
          if (distill) optimizer.take_distill_gradients();
        }
        optimizer.step(0.1);
      }
      results.push_back(numbers(parameters_[0].tensor.to(at::kFloat)));
      averages.push_back(numbers(average.to(at::kFloat)));
    }
    for (size_t i = 0; i < results[0].size(); ++i) {
      EXPECT_NEAR(results[0][i], results[1][i], 2e-6) << kind;
      EXPECT_NEAR(averages[0][i], averages[1][i], 2e-6) << kind;
    }
  }
}

TEST_F(OptimizerTest, GradientsMayLieInAnotherOrderOfMemory) {
  std::vector<std::vector<float>> results;
  for (const auto format : {at::MemoryFormat::ChannelsLast, at::MemoryFormat::Contiguous}) {
    start_anew();
    Optimizer optimizer(parameters_, {"sgd", 0.9, 0.05});
    set_gradients(0);
    parameters_[0].tensor.mutable_grad() = parameters_[0].tensor.grad().contiguous(format);
    optimizer.step(0.1);
    results.push_back(numbers(parameters_[0].tensor));
  }
  EXPECT_EQ(results[0], results[1]);
}

TEST_F(OptimizerTest, AnyNumberOfThreadsGivesTheSameBytes) {
  std::vector<std::vector<float>> results;
  for (const int threads : {1, 2}) {
    set_threads(threads);
    NamedTensor large{"large", tensor(random(600 * 1000, 3), {600, 1000}).set_requires_grad(true)};
    Optimizer optimizer({large}, {"sgd", 0.9, 0.05});
    for (int step = 0; step < 2; ++step) {
      large.tensor.mutable_grad() = tensor(random(600 * 1000, 4), {600, 1000});
      optimizer.clip(1);
      optimizer.step(0.1);
    }
    results.push_back(numbers(large.tensor));
  }
  set_threads(1);
  EXPECT_EQ(results[0], results[1]);
}

}  // namespace
}  // namespace retort
