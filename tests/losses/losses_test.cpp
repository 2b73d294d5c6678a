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

double value_of(const Loss& loss, const LossInputs& inputs) { return loss(inputs).item().toDouble(); }

class EveryLoss : public testing::TestWithParam<std::string> {};

TEST_P(EveryLoss, GradientIsTheDifferenceQuotient) {
  const Loss loss = make_loss(GetParam());
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
    const double above = value_of(loss, {logits, inputs.teacher_logits, inputs.labels});
    logit = kept - kStep;
    const double below = value_of(loss, {logits, inputs.teacher_logits, inputs.labels});
    logit = kept;
    EXPECT_NEAR(gradient.data_ptr<double>()[i], (above - below) / (2 * kStep), 1e-8) << i;
  }
}

TEST_P(EveryLoss, IsAScalarAndLeavesTheTeacherAlone) {
  LossInputs inputs = small_inputs();
  inputs.student_logits.set_requires_grad(true);
  inputs.teacher_logits.set_requires_grad(true);
  const at::Tensor loss = make_loss(GetParam())(inputs);
  EXPECT_EQ(loss.dim(), 0);
  loss.backward();
  EXPECT_FALSE(inputs.teacher_logits.grad().defined());
}

TEST_P(EveryLoss, FiniteAtExtremeLogits) {
  for (const at::ScalarType type : {at::kFloat, at::kDouble}) {
    LossInputs inputs = small_inputs();
    inputs.student_logits = inputs.student_logits.sign().mul(1e4).to(type).set_requires_grad(true);
    inputs.teacher_logits = inputs.teacher_logits.sign().mul(-1e4).to(type);
    const at::Tensor loss = make_loss(GetParam())(inputs);
    loss.backward();
    EXPECT_TRUE(std::isfinite(loss.item().toDouble()));
    EXPECT_TRUE(at::isfinite(inputs.student_logits.grad()).all().item().toBool());
  }
}

TEST_P(EveryLoss, LowPrecisionIsComputedInFloat32) {
  LossInputs inputs = small_inputs();
  inputs.student_logits = inputs.student_logits.to(at::kBFloat16);
  inputs.teacher_logits = inputs.teacher_logits.to(at::kHalf);
  const at::Tensor loss = make_loss(GetParam())(inputs);
  EXPECT_EQ(loss.scalar_type(), at::kFloat);
  const LossInputs wide{inputs.student_logits.to(at::kDouble), inputs.teacher_logits.to(at::kDouble), inputs.labels};
  const double expected = value_of(make_loss(GetParam()), wide);
  EXPECT_NEAR(loss.item().toDouble(), expected, 1e-5 * std::abs(expected));
}

TEST_P(EveryLoss, RefusesLogitsThatDoNotFit) {
  const Loss loss = make_loss(GetParam());
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

TEST(MakeLoss, ListsNamesHelpAndSettings) {
  const std::vector<ListedItem> items = list_losses();
  ASSERT_FALSE(items.empty());
  EXPECT_EQ(items[0].name, "kd");
  EXPECT_FALSE(items[0].help.empty());
  ASSERT_EQ(items[0].settings.size(), 1u);
  EXPECT_EQ(items[0].settings[0].name, "temperature");
  EXPECT_EQ(items[0].settings[0].default_value, "3");
}

TEST(MakeLoss, RefusesWhatItDoesNotKnow) {
  const auto usage = Error::Kind::usage;
  test::expect_error([] { make_loss("kdd"); }, {"kdd", "kd"}, usage);
  test::expect_error([] { make_loss(""); }, {"NAME"}, usage);
  test::expect_error([] { make_loss("kd:temprature=3"); }, {"temprature", "temperature"}, usage);
  for (const char* value : {"0", "-1", "1e4", "nan", "warm", ""}) {
    test::expect_error([&] { make_loss(str("kd:temperature=", value)); }, {"temperature"}, usage);
  }
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

TEST(Objective, SkipsATermWithoutWeight) {
  const LossInputs in = small_inputs();
  const Loss never = [](const LossInputs&) -> at::Tensor { throw std::logic_error("was called"); };
  EXPECT_EQ(distillation_objective(never, 0, 0.1, in).item().toDouble(),
            cross_entropy(in.student_logits, in.labels, 0.1).item().toDouble());
  const Loss kd = make_loss("kd");
  const LossInputs unlabelled{in.student_logits, in.teacher_logits, {}};
  EXPECT_EQ(distillation_objective(kd, 1, 0.1, unlabelled).item().toDouble(), value_of(kd, in));
}

TEST(Objective, RefusesAnAlphaOutsideItsRange) {
  for (const double alpha : {-0.1, 1.1, std::nan("")}) {
    test::expect_error([&] { distillation_objective(make_loss("kd"), alpha, 0, small_inputs()); }, {"alpha"},
                       Error::Kind::usage);
  }
}

}  // namespace
}  // namespace retort
