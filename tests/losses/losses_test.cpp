// Every loss of the registry against what holds for all of them, and the objective's and cross-entropy's own rules.
#include "retort/losses.h"

#include <ATen/ops/isfinite.h>
#include <gtest/gtest.h>

#include <limits>
#include <set>

#include "losses/loss_case.h"
#include "losses/members.h"
#include "support/expect_error.h"

namespace retort {
namespace {

constexpr int64_t kNoLabel = -1;

using test::labels_of;
using test::LossCase;
using test::numbers;

LossInputs small_inputs(double scale = 3) {
  return {numbers("student_logits", {3, 4}, scale), numbers("teacher_logits", {3, 4}, scale), labels_of({1, 0, 3})};
}

double value_of(const std::string& spec, const LossInputs& inputs) { return Loss(spec)(inputs).item().toDouble(); }

class EveryLoss : public testing::TestWithParam<std::string> {};

// Along three directions in everything that a gradient flows into, in the state that a first call leaves.
TEST_P(EveryLoss, GradientIsTheDifferenceQuotient) {
  for (const char* name : {"wsld", "aekd"}) {
    if (GetParam() == name) GTEST_SKIP() << "its weights depend on the student but pass no gradient; see below";
  }
  LossCase c(GetParam());
  c.value();
  Tensors kept;
  for (const auto& [name, buffer] : c.loss.buffers()) kept[name] = buffer.clone();
  const auto value = [&] {
    for (const auto& [name, buffer] : c.loss.buffers()) at::Tensor(buffer).copy_(kept.at(name));
    return c.value();
  };
  for (const at::Tensor& leaf : c.leaves()) leaf.set_requires_grad(true);
  value().backward();
  constexpr double kStep = 1e-6;
  for (const at::Tensor& leaf : c.leaves()) {
    for (int d = 0; d < 3; ++d) {
      const at::Tensor direction = numbers(str("direction ", d), leaf.sizes(), 1);
      const double slope = leaf.grad().defined() ? leaf.grad().mul(direction).sum().item().toDouble() : 0;
      const auto moved = [&](double step) {
        leaf.detach().add_(direction, step);
        const double there = value().item().toDouble();
        leaf.detach().add_(direction, -step);
        return there;
      };
      EXPECT_NEAR(slope, (moved(kStep) - moved(-kStep)) / (2 * kStep), 1e-6 * std::max(1.0, std::abs(slope)));
    }
  }
}

TEST_P(EveryLoss, IsAScalarAndLeavesTheTeacherAlone) {
  LossCase c(GetParam());
  std::vector<at::Tensor> teacher{c.in.teacher_logits};
  for (const auto& [tap, feature] : c.in.teacher_features) teacher.push_back(feature);
  for (const at::Tensor& leaf : c.leaves()) leaf.set_requires_grad(true);
  for (const at::Tensor& t : teacher) t.set_requires_grad(true);
  const at::Tensor loss = c.value();
  EXPECT_EQ(loss.dim(), 0);
  loss.backward();
  for (const at::Tensor& t : teacher) EXPECT_FALSE(t.grad().defined());
  for (const auto& [name, parameter] : c.loss.parameters()) EXPECT_TRUE(parameter.grad().defined()) << name;
}

TEST_P(EveryLoss, FiniteAtExtremeLogitsAndFeatures) {
  for (const at::ScalarType type : {at::kFloat, at::kDouble}) {
    for (const double size : {0.0, 1e3}) {
      LossCase c(GetParam(), type);
      c.in.student_logits = c.in.student_logits.sign().mul(1e4);
      c.in.teacher_logits = c.in.teacher_logits.sign().mul(-1e4);
      for (auto& [tap, feature] : c.in.student_features) feature = feature.mul(size);
      for (const at::Tensor& leaf : c.leaves()) leaf.set_requires_grad(true);
      const at::Tensor loss = c.value();
      loss.backward();
      EXPECT_TRUE(std::isfinite(loss.item().toDouble())) << size;
      for (const at::Tensor& leaf : c.leaves()) {
        const bool finite = !leaf.grad().defined() || at::isfinite(leaf.grad()).all().item().toBool();
        EXPECT_TRUE(finite) << size;
      }
    }
  }
}

TEST_P(EveryLoss, LowPrecisionIsComputedInFloat32) {
  LossCase low(GetParam(), at::kFloat), wide(GetParam());
  low.in.student_logits = low.in.student_logits.to(at::kBFloat16);
  low.in.teacher_logits = low.in.teacher_logits.to(at::kHalf);
  for (auto& [tap, feature] : low.in.student_features) feature = feature.to(at::kBFloat16);
  wide.in.student_logits = low.in.student_logits.to(at::kDouble);
  wide.in.teacher_logits = low.in.teacher_logits.to(at::kDouble);
  for (auto& [tap, feature] : wide.in.student_features) feature = low.in.student_features.at(tap).to(at::kDouble);
  const at::Tensor loss = low.value();
  EXPECT_EQ(loss.scalar_type(), at::kFloat);
  const double expected = wide.value().item().toDouble();
  EXPECT_NEAR(loss.item().toDouble(), expected, 1e-5 * std::max(std::abs(expected), 1.0));
}

// Labels that are not known change nothing, and what they are taken for is not looked at.
TEST_P(EveryLoss, TakesSamplesWithoutLabels) {
  const auto value = [&](int64_t unknown, const std::vector<int64_t>& labelled) {
    LossCase c(GetParam());
    c.in.labels = labels_of({1, unknown, 3});
    c.in.labelled = labels_of(labelled);
    for (const at::Tensor& leaf : c.leaves()) leaf.set_requires_grad(true);
    const at::Tensor loss = c.value();
    loss.backward();
    for (const auto& [name, parameter] : c.loss.parameters()) EXPECT_TRUE(parameter.grad().defined()) << name;
    return std::pair(loss.item().toDouble(), c.loss.teaches_unlabelled());
  };
  const auto [some, teaches] = value(kNoLabel, {0, 2});
  EXPECT_EQ(value(0, {0, 2}).first, some);
  EXPECT_TRUE(std::isfinite(some));
  const double none = value(kNoLabel, {}).first;
  EXPECT_NEAR(none, teaches ? some : 0, 1e-12);
}

TEST_P(EveryLoss, RefusesLogitsThatDoNotFit) {
  LossCase c(GetParam());
  LossInputs& in = c.in;
  const LossInputs good = in;
  in.teacher_logits = numbers("teacher_logits", {3, 5}, 1);
  test::expect_error([&] { c.value(); }, {"[3, 5]", "[3, 4]"});
  in.student_logits = good.student_logits[0], in.teacher_logits = good.teacher_logits[0];
  test::expect_error([&] { c.value(); }, {"[4]", "[N, C]"});
  in.student_logits = in.teacher_logits = good.student_logits.slice(0, 0, 0);
  test::expect_error([&] { c.value(); }, {"[0, 4]"});
}

std::vector<std::string> names() {
  std::vector<std::string> out;
  for (const ListedItem& item : list_losses()) out.push_back(item.name);
  return out;
}

INSTANTIATE_TEST_SUITE_P(Registry, EveryLoss, testing::ValuesIn(names()), [](const auto& test) { return test.param; });

TEST(LossSpec, ListsNamesHelpAndSettings) {
  const std::vector<ListedItem> items = list_losses();
  ASSERT_FALSE(items.empty());
  EXPECT_EQ(items[0].name, "kd");
  EXPECT_FALSE(items[0].help.empty());
  std::vector<std::string> settings;
  for (const SettingInfo& s : items[0].settings) settings.push_back(s.name + "=" + s.default_value);
  EXPECT_EQ(settings, (std::vector<std::string>{"temperature=3", "weight=1", "warmup=0"}));
}

TEST(LossSpec, RefusesWhatItDoesNotKnow) {
  const auto refuse = [](const std::string& spec, const std::vector<std::string>& words) {
    test::expect_error([&] { Loss{spec}; }, words, Error::Kind::usage);
  };
  refuse("kdd", {"kdd", "kd"});
  refuse("", {"NAME"});
  refuse("kd + ", {"NAME"});
  refuse("kd:temprature=3", {"temprature", "temperature"});
  refuse("kd + dist:weight=-1", {"weight"});
  refuse("kd:warmup=-1", {"warmup"});
  for (const char* value : {"0", "-1", "1e4", "nan", "warm", ""})
    refuse(str("kd:temperature=", value), {"temperature"});
}

TEST(LossSpec, TermsAreWeighedAndAdded) {
  const LossInputs in = small_inputs();
  const double kd = value_of("kd:temperature=4", in), dist = value_of("dist:weight=1", in);
  EXPECT_NEAR(value_of("kd:temperature=4:weight=5e-1 + dist:weight=2e+1", in), 0.5 * kd + 20 * dist, 1e-12);
  EXPECT_NEAR(value_of("kd:temperature=4+dist", in), kd + 2 * dist, 1e-12);
}

TEST(LossSpec, WarmUpGrowsByTheEpoch) {
  LossInputs in = small_inputs();
  const double full = value_of("kd", in);
  for (const auto& [epoch, share] : std::map<int64_t, double>{{0, 0.25}, {1, 0.5}, {3, 1}, {9, 1}}) {
    in.epoch = epoch;
    EXPECT_NEAR(value_of("kd:warmup=4", in), share * full, 1e-12) << epoch;
    EXPECT_EQ(value_of("kd", in), full);
  }
}

TEST(LossSpec, TakesTheTemperatureUnlessItHasItsOwn) {
  const LossInputs in = small_inputs();
  const auto at_two = [&](const std::string& spec) { return Loss(spec, 2)(in).item().toDouble(); };
  EXPECT_EQ(at_two("kd"), value_of("kd:temperature=2", in));
  EXPECT_EQ(at_two("kd:temperature=7"), value_of("kd:temperature=7", in));
  EXPECT_EQ(at_two("kd + dist:temperature=1"), value_of("kd:temperature=2 + dist", in));
}

TEST(LabelLosses, RefuseLabelsThatDoNotFit) {
  for (const char* spec : {"dkd", "wsld", "tfkd"}) {
    LossInputs in = small_inputs();
    in.labels = at::Tensor();
    test::expect_error([&] { value_of(spec, in); }, {"labels", "Long [3]"});
    in.labels = labels_of({0, 4, 1});
    test::expect_error([&] { value_of(spec, in); }, {"label", "4 classes"});
  }
}

// T * w_b * (q - p) / N of each sample: its weight w_b is held still.
TEST(Wsld, GradientIsThatOfWeighedSoftCrossEntropy) {
  LossInputs in = small_inputs();
  const at::Tensor column = in.labels.unsqueeze(1);
  const at::Tensor nll = in.student_logits.log_softmax(1).gather(1, column).neg();
  const at::Tensor weights = nll.div(in.teacher_logits.log_softmax(1).gather(1, column).neg()).neg().exp().neg().add(1);
  const at::Tensor difference = in.student_logits.div(2).softmax(1).sub(in.teacher_logits.div(2).softmax(1));
  in.student_logits.set_requires_grad(true);
  Loss("wsld:weight=1")(in).backward();
  const at::Tensor error = in.student_logits.grad().sub(weights.mul(difference).mul(2.0 / 3)).abs().max();
  EXPECT_LT(error.item().toDouble(), 1e-6);
}

// The members' kd with the weights that leave the shortest gradient, and the gradient of just that.
TEST(Aekd, TakesTheShortestGradient) {
  LossCase c("aekd");
  c.in.student_logits.set_requires_grad(true);
  c.value().backward();
  const at::Tensor gradient = c.in.student_logits.grad().clone();
  double shortest = std::numeric_limits<double>::infinity();
  at::Tensor best;
  for (int i = 40; i <= 60; ++i) {
    const double w = i / 100.0;
    c.in.student_logits.mutable_grad().reset();
    LossInputs first = c.in, second = c.in;
    first.teacher_logits = c.in.member_logits[0], second.teacher_logits = c.in.member_logits[1];
    Loss kd("kd:temperature=4");
    kd(first).mul(w).add(kd(second), 1 - w).backward();
    const at::Tensor g = c.in.student_logits.grad().clone();
    const double length = g.sum(0).norm().item().toDouble();
    if (length < shortest) shortest = length, best = g;
  }
  EXPECT_LE(gradient.sum(0).norm().item().toDouble(), shortest + 1e-9);
  EXPECT_LT(gradient.sub(best).abs().max().item().toDouble(), 0.02);
}

TEST(Aekd, WeightsAreTheBestOfTheirBounds) {
  const auto weights = [](const std::vector<double>& rows, int64_t m, double largest) {
    return least_norm_weights(at::from_blob(const_cast<double*>(rows.data()), {m, 2}, at::kDouble), largest);
  };
  // Orthogonal rows weigh by 1 / |g|^2; opposite ones cancel; a bound holds.
  EXPECT_NEAR(weights({1, 0, 0, 2}, 2, 1)[0], 0.8, 1e-9);
  EXPECT_NEAR(weights({1, 0, 0, 2}, 2, 0.6)[0], 0.6, 1e-9);
  EXPECT_NEAR(weights({1, 0, -3, 0}, 2, 1)[0], 0.75, 1e-9);
  EXPECT_NEAR(weights({5, 5}, 1, 0.6)[0], 1, 1e-12);
  const std::vector<double> three = weights({1, 0, 0, 1, 4, 4}, 3, 0.6);
  EXPECT_NEAR(three[0], 0.5, 1e-9);
  EXPECT_NEAR(three[2], 0, 1e-9);
}

// All members alike: every way to use them is kd.
TEST(Members, AllAlikeAreOneTeacher) {
  LossCase c("kd:temperature=4");
  c.in.member_logits = c.in.teacher_logits.unsqueeze(0).expand({3, -1, -1});
  const double kd = c.value().item().toDouble();
  for (const char* name : {"kd_average", "kd_mean_probabilities", "kd_random", "aekd"}) {
    EXPECT_NEAR(value_of(name, c.in), kd, 1e-9) << name;
  }
  EXPECT_NEAR(value_of("ebkd", c.in), kd * 2 / 3, 1e-9);  // weights add up to M - 1
  EXPECT_NEAR(value_of("camkd", c.in), kd / 3, 1e-9);     // to 1, and there are M
}

TEST(Members, AreNeededAndDrawnByTheBatch) {
  LossCase c("kd");
  std::set<double> seen;
  for (int64_t i = 0; i < 20; ++i) {
    c.in.positions = {i, i + 1, i + 2};
    seen.insert(value_of("kd_random", c.in));
    EXPECT_EQ(value_of("kd_random", c.in), value_of("kd_random", c.in));
  }
  EXPECT_EQ(seen.size(), 2u);
  c.in.member_logits = at::Tensor();
  for (const char* name : {"kd_average", "kd_mean_probabilities", "kd_random", "ebkd", "camkd", "aekd"}) {
    test::expect_error([&] { value_of(name, c.in); }, {"members", "[M, 3, 4]"});
  }
}

TEST(Hard, IsCrossEntropyWithTheTeachersDecisions) {
  const LossInputs in = small_inputs();
  const at::Tensor decisions = in.teacher_logits.argmax(1);
  for (const double s : {0.0, 0.2}) {
    EXPECT_NEAR(value_of(str("hard:smoothing=", s), in),
                cross_entropy(in.student_logits, decisions, s).item().toDouble(), 1e-12);
  }
}

TEST(Deit, HardLabelsAreTheTeachersDecisions) {
  const LossInputs in = small_inputs();
  EXPECT_NEAR(value_of("deit", in), cross_entropy(in.student_logits, in.teacher_logits.argmax(1)).item().toDouble(),
              1e-12);
  EXPECT_EQ(value_of("deit:kind=soft", in), value_of("kd:temperature=1", in));
}

// dkd's identity (section 3.1 of the paper): KD = TCKD + (1 - p_y) * NCKD in each sample.
TEST(Dkd, AddsUpToKd) {
  LossInputs in = small_inputs();
  in.student_logits = in.student_logits.slice(0, 0, 1);
  in.teacher_logits = in.teacher_logits.slice(0, 0, 1);
  in.labels = in.labels.slice(0, 0, 1);
  const double p_y = in.teacher_logits.div(4).softmax(1)[0][1].item().toDouble();
  EXPECT_NEAR(value_of(str("dkd:other_weight=", 1 - p_y), in), value_of("kd:temperature=4", in), 1e-5);
}

TEST(CrossEntropy, SmoothsTowardsUniform) {
  const LossInputs in = small_inputs();
  const at::Tensor log_p = in.student_logits.log_softmax(1);
  for (const double s : {0.0, 0.1, 1.0}) {
    double expected = 0;
    for (int64_t i = 0; i < 3; ++i) {
      for (int64_t c = 0; c < 4; ++c) {
        const double q = (in.labels[i].item().toLong() == c ? 1 - s : 0) + s / 4;
        expected -= q * log_p[i][c].item().toDouble() / 3;
      }
    }
    EXPECT_NEAR(cross_entropy(in.student_logits, in.labels, s).item().toDouble(), expected, 1e-12) << s;
  }
}

TEST(CrossEntropy, OfMixedViewsIsOfBothLabels) {
  const LossInputs in = small_inputs();
  const at::Tensor others = in.labels.add(1).remainder(4),
                   shares = in.student_logits.slice(0, 0, 3).select(1, 0).sigmoid().clone();
  const double value = cross_entropy(in.student_logits, in.labels, 0.1, {others, shares}).item().toDouble();
  double expected = 0;
  for (int64_t i = 0; i < 3; ++i) {
    const double share = shares[i].item().toDouble();
    const auto one = [&](const at::Tensor& labels) {
      return cross_entropy(in.student_logits.slice(0, i, i + 1), labels.slice(0, i, i + 1), 0.1).item().toDouble();
    };
    expected += (share * one(in.labels) + (1 - share) * one(others)) / 3;
  }
  EXPECT_NEAR(value, expected, 1e-7);
}

TEST(CrossEntropy, RefusesBadInput) {
  const LossInputs in = small_inputs();
  for (const double s : {-0.1, 1.5, std::nan("")}) {
    test::expect_error([&] { cross_entropy(in.student_logits, in.labels, s); }, {"label_smoothing"},
                       Error::Kind::usage);
  }
  for (const int64_t label : {int64_t{4}, int64_t{-1}, int64_t{-100}}) {
    test::expect_error([&] { cross_entropy(in.student_logits, labels_of({0, label, 1})); }, {"label", "4 classes"});
  }
  test::expect_error([&] { cross_entropy(in.student_logits, labels_of({0, 1})); }, {"label"});
  test::expect_error([&] { cross_entropy(in.student_logits, in.labels.to(at::kFloat)); }, {"label"});
}

TEST(DistillationObjective, SkipsATermWithoutWeight) {
  const LossInputs in = small_inputs();
  Loss kd("kd");
  const LossInputs untaught{.student_logits = in.student_logits, .labels = in.labels};
  const LossValue supervised = distillation_objective(kd, 0, 0.1, untaught);
  EXPECT_EQ(supervised.total.item().toDouble(), cross_entropy(in.student_logits, in.labels, 0.1).item().toDouble());
  EXPECT_FALSE(supervised.distill.defined());
  const LossInputs unlabelled{.student_logits = in.student_logits, .teacher_logits = in.teacher_logits};
  EXPECT_EQ(distillation_objective(kd, 1, 0.1, unlabelled).total.item().toDouble(), value_of("kd", in));
}

// Gradients of a labelled sample are those of its own objective, of one without label those of distillation alone.
TEST(DistillationObjective, AlphaIsOneWithoutLabel) {
  const auto gradient = [](LossInputs in, double alpha) {
    in.student_logits = in.student_logits.detach().clone().set_requires_grad(true);
    Loss kd("kd");
    const LossValue value = distillation_objective(kd, alpha, 0, in);
    value.total.backward();
    return in.student_logits.grad().clone();
  };
  LossInputs in = small_inputs();
  const at::Tensor labelled = gradient(in, 0.3), unlabelled = gradient(in, 1);
  in.labels = labels_of({1, kNoLabel, 3});
  in.labelled = labels_of({0, 2});
  const at::Tensor both = gradient(in, 0.3);
  for (const int64_t i : {0, 1, 2}) {
    const at::Tensor& expected = i == 1 ? unlabelled : labelled;
    EXPECT_LT(both[i].sub(expected[i]).abs().max().item().toDouble(), 1e-12) << i;
  }
  in.labelled = labels_of({});
  EXPECT_LT(gradient(in, 0.3).sub(unlabelled).abs().max().item().toDouble(), 1e-12);
}

TEST(DistillationObjective, PartsAddUp) {
  LossInputs in = small_inputs();
  in.label_logits = in.student_logits.mul(2);
  Loss kd("kd");
  const LossValue value = distillation_objective(kd, 0.3, 0.1, in);
  EXPECT_NEAR(value.distill_part.item().toDouble(), 0.3 * value_of("kd", in), 1e-12);
  EXPECT_EQ(value.label.item().toDouble(), cross_entropy(in.label_logits, in.labels, 0.1).item().toDouble());
  EXPECT_NEAR(value.label_part.item().toDouble(), 0.7 * value.label.item().toDouble(), 1e-12);
  EXPECT_EQ(value.total.item().toDouble(), value.distill_part.add(value.label_part).item().toDouble());
}

TEST(DistillationObjective, RefusesAnAlphaOutsideItsRange) {
  Loss kd("kd");
  for (const double alpha : {-0.1, 1.1, std::nan("")}) {
    test::expect_error([&] { distillation_objective(kd, alpha, 0, small_inputs()); }, {"alpha"}, Error::Kind::usage);
  }
}

}  // namespace
}  // namespace retort
