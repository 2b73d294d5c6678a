// Every loss of the registry against what holds for all of them, and the objective's and cross-entropy's own rules.
#include "retort/losses.h"

#include <ATen/ops/from_blob.h>
#include <ATen/ops/isfinite.h>
#include <gtest/gtest.h>

#include "support/expect_error.h"
#include "support/golden.h"

namespace retort {
namespace {

at::Tensor numbers(const char* name, at::IntArrayRef shape, double scale) {
  std::vector<double> values = test::unit(name, c10::multiply_integers(shape));
  return at::from_blob(values.data(), shape, at::kDouble).clone().mul_(scale);
}

at::Tensor labels_of(std::vector<int64_t> labels) {
  return at::from_blob(labels.data(), {static_cast<int64_t>(labels.size())}, at::kLong).clone();
}

LossInputs small_inputs(double scale = 3) {
  return {numbers("student_logits", {3, 4}, scale), numbers("teacher_logits", {3, 4}, scale), labels_of({1, 0, 3})};
}

double value_of(const std::string& spec, const LossInputs& inputs) { return Loss(spec)(inputs).item().toDouble(); }

class EveryLoss : public testing::TestWithParam<std::string> {};

TEST_P(EveryLoss, GradientIsTheDifferenceQuotient) {
  if (GetParam() == "wsld") GTEST_SKIP() << "its weights depend on the student but pass no gradient; see Wsld";
  Loss loss(GetParam());
  LossInputs inputs = small_inputs();
  inputs.student_logits.set_requires_grad(true);
  loss(inputs).backward();
  const at::Tensor gradient = inputs.student_logits.grad().contiguous();
  at::Tensor logits = inputs.student_logits.detach();
  constexpr double kStep = 1e-5;
  for (int64_t i = 0; i < logits.numel(); ++i) {
    double& logit = logits.data_ptr<double>()[i];
    const double kept = logit;
    logit = kept + kStep;
    const double above = value_of(GetParam(), {logits, inputs.teacher_logits, inputs.labels});
    logit = kept - kStep;
    const double below = value_of(GetParam(), {logits, inputs.teacher_logits, inputs.labels});
    logit = kept;
    EXPECT_NEAR(gradient.data_ptr<double>()[i], (above - below) / (2 * kStep), 1e-8) << i;
  }
}

TEST_P(EveryLoss, IsAScalarAndLeavesTheTeacherAlone) {
  LossInputs inputs = small_inputs();
  inputs.student_logits.set_requires_grad(true);
  inputs.teacher_logits.set_requires_grad(true);
  const at::Tensor loss = Loss(GetParam())(inputs);
  EXPECT_EQ(loss.dim(), 0);
  loss.backward();
  EXPECT_FALSE(inputs.teacher_logits.grad().defined());
}

TEST_P(EveryLoss, FiniteAtExtremeLogits) {
  for (const at::ScalarType type : {at::kFloat, at::kDouble}) {
    LossInputs inputs = small_inputs();
    inputs.student_logits = inputs.student_logits.sign().mul(1e4).to(type).set_requires_grad(true);
    inputs.teacher_logits = inputs.teacher_logits.sign().mul(-1e4).to(type);
    const at::Tensor loss = Loss(GetParam())(inputs);
    loss.backward();
    EXPECT_TRUE(std::isfinite(loss.item().toDouble()));
    EXPECT_TRUE(at::isfinite(inputs.student_logits.grad()).all().item().toBool());
  }
}

TEST_P(EveryLoss, LowPrecisionIsComputedInFloat32) {
  LossInputs inputs = small_inputs();
  inputs.student_logits = inputs.student_logits.to(at::kBFloat16);
  inputs.teacher_logits = inputs.teacher_logits.to(at::kHalf);
  const at::Tensor loss = Loss(GetParam())(inputs);
  EXPECT_EQ(loss.scalar_type(), at::kFloat);
  const LossInputs wide{inputs.student_logits.to(at::kDouble), inputs.teacher_logits.to(at::kDouble), inputs.labels};
  const double expected = value_of(GetParam(), wide);
  EXPECT_NEAR(loss.item().toDouble(), expected, 1e-5 * std::abs(expected));
}

TEST_P(EveryLoss, RefusesLogitsThatDoNotFit) {
  Loss loss(GetParam());
  const LossInputs good = small_inputs();
  const at::Tensor wide = numbers("teacher_logits", {3, 5}, 1);
  test::expect_error([&] { loss({good.student_logits, wide, good.labels}); }, {"[3, 5]", "[3, 4]"});
  test::expect_error([&] { loss({good.student_logits[0], good.teacher_logits[0], good.labels}); }, {"[4]", "[N, C]"});
  const at::Tensor none = good.student_logits.slice(0, 0, 0);
  test::expect_error([&] { loss({none, none, good.labels.slice(0, 0, 0)}); }, {"[0, 4]"});
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
  const LossInputs untaught{in.student_logits, {}, in.labels};
  const LossValue supervised = distillation_objective(kd, 0, 0.1, untaught);
  EXPECT_EQ(supervised.total.item().toDouble(), cross_entropy(in.student_logits, in.labels, 0.1).item().toDouble());
  EXPECT_FALSE(supervised.distill.defined());
  const LossInputs unlabelled{in.student_logits, in.teacher_logits, {}};
  EXPECT_EQ(distillation_objective(kd, 1, 0.1, unlabelled).total.item().toDouble(), value_of("kd", in));
}

TEST(DistillationObjective, RefusesAnAlphaOutsideItsRange) {
  Loss kd("kd");
  for (const double alpha : {-0.1, 1.1, std::nan("")}) {
    test::expect_error([&] { distillation_objective(kd, alpha, 0, small_inputs()); }, {"alpha"}, Error::Kind::usage);
  }
}

}  // namespace
}  // namespace retort
