// Values and gradients that the reference implementations compute.
#include "support/golden.h"

#include <ATen/ops/from_blob.h>
#include <gtest/gtest.h>

#include <cmath>

#include "retort/losses.h"

namespace retort {
namespace {

// An input as losses.json describes it: scale * u of its own name; labels count up modulo 10.
at::Tensor input(const Json& golden, const std::string& name) {
  const Json& row = golden.at("inputs").at(name);
  const auto shape = row.at("shape").get<std::vector<int64_t>>();
  if (name == "labels") {
    std::vector<int64_t> labels;
    for (int64_t i = 0; i < shape[0]; ++i) labels.push_back(i % 10);
    return at::from_blob(labels.data(), shape, at::kLong).clone();
  }
  std::vector<double> values = test::unit(name, c10::multiply_integers(shape));
  for (double& v : values) v *= row.at("scale").get<double>();
  return at::from_blob(values.data(), shape, at::kDouble).clone();
}

// The row's loss as this project spells it: other names of settings, and the weight of one that the references have.
std::string spec_of(const Json& row) {
  static const std::map<std::string, std::map<std::string, std::string>> ours = {
      {"kd", {{"temperature", "temperature"}}},
      {"kd_plus_ce", {{"temperature", "temperature"}}},
      {"kd_standardized", {{"temperature", "temperature"}}},
      {"dkd", {{"temperature", "temperature"}, {"alpha", "target_weight"}, {"beta", "other_weight"}}},
      {"dist", {{"temperature", "temperature"}, {"beta", "inter_weight"}, {"gamma", "intra_weight"}}}};
  const auto name = row.at("name").get<std::string>();
  std::string spec = (name == "kd_plus_ce" ? "kd" : name) + ":weight=1";
  for (const auto& [setting, theirs] : row.at("params").items()) {
    if (ours.at(name).contains(setting)) spec += ":" + ours.at(name).at(setting) + "=" + theirs.dump();
  }
  return spec;
}

at::Tensor loss_of(const Json& row, const LossInputs& inputs) {
  Loss loss(spec_of(row));
  if (row.at("name") != "kd_plus_ce") return loss(inputs);
  return distillation_objective(loss, row.at("params").at("alpha"), 0, inputs).total;
}

void compare(const Json& golden, const Json& row, at::ScalarType type, double tolerance) {
  SCOPED_TRACE(row.at("name").dump() + row.at("params").dump());
  LossInputs inputs{input(golden, "student_logits").to(type).set_requires_grad(true),
                    input(golden, "teacher_logits").to(type), input(golden, "labels")};
  const at::Tensor loss = loss_of(row, inputs);
  EXPECT_EQ(loss.scalar_type(), type);
  const double value = row.at("value"), norm = row.at("grad_norm");
  EXPECT_NEAR(loss.item().toDouble(), value, tolerance * value);
  loss.backward();
  const at::Tensor gradient = inputs.student_logits.grad().to(at::kDouble).flatten();
  EXPECT_NEAR(gradient.norm().item().toDouble(), norm, tolerance * norm);
  const auto head = row.at("grad_head").get<std::vector<double>>();
  for (size_t i = 0; i < head.size(); ++i) {
    EXPECT_NEAR(gradient[static_cast<int64_t>(i)].item().toDouble(), head[i], tolerance * norm) << i;
  }
}

TEST(GoldenLosses, ValueAndGradient) {
  const Json golden = test::read_golden("losses.json");
  std::map<std::string, int> seen;
  for (const Json& row : golden.at("losses")) {
    const auto name = row.at("name").get<std::string>();
    if (row.at("inputs")[0] != "student_logits") continue;
    ++seen[name];
    compare(golden, row, at::kDouble, 1e-9);
    compare(golden, row, at::kFloat, 1e-5);
  }
  EXPECT_EQ(seen, (std::map<std::string, int>{
                      {"kd", 4}, {"kd_plus_ce", 3}, {"kd_standardized", 2}, {"dkd", 2}, {"dist", 2}}));
}

/// Four samples of six classes in closed form.
class Sines : public testing::Test {
 protected:
  Sines() {
    for (int n = 0; n < 24; ++n) {
      student_.push_back(3 * std::sin(0.7 * n + 0.1));
      teacher_.push_back(3 * std::sin(1.3 * n + 0.5));
    }
    in_ = {.student_logits = at::from_blob(student_.data(), {4, 6}, at::kDouble),
           .teacher_logits = at::from_blob(teacher_.data(), {4, 6}, at::kDouble),
           .labels = at::from_blob(labels_.data(), {4}, at::kLong)};
  }
  double value(const std::string& spec) const { return Loss(spec)(in_).item().toDouble(); }

  std::vector<double> student_, teacher_;
  std::vector<int64_t> labels_{1, 3, 0, 5};
  LossInputs in_;
};

// Values of mdistiller's, the DIST authors' and torchdistill's functions in float64.
TEST_F(Sines, AsTheReferences) {
  EXPECT_NEAR(cross_entropy(in_.student_logits, in_.labels).item().toDouble(), 2.522612, 1e-6);
  EXPECT_NEAR(value("kd:temperature=4"), 3.398048, 1e-6);
  EXPECT_NEAR(value("kd:temperature=1"), 2.028193, 1e-6);
  EXPECT_NEAR(value("dkd:other_weight=0"), 0.677063, 1e-6);
  EXPECT_NEAR(value("dkd:target_weight=0:other_weight=1"), 3.269631, 1e-6);
  EXPECT_NEAR(value("dkd"), 26.834115, 1e-6);
  EXPECT_NEAR(value("dist:weight=1:intra_weight=0"), 0.783573, 1e-6);
  EXPECT_NEAR(value("dist:weight=1:inter_weight=0"), 0.811286, 1e-6);
  EXPECT_NEAR(value("dist:weight=1:temperature=4"), 28.397142, 1e-6);
  EXPECT_NEAR(value("kd_standardized"), 0.745132, 1e-6);
}

// Values of tests/golden/losses_restated.py, which writes the papers' formulas down once more, in NumPy.
TEST_F(Sines, AsRestated) {
  EXPECT_NEAR(value("wsld:weight=1"), 4.032321616072, 1e-9);
  EXPECT_NEAR(value("mlld"), 7.684112345260, 1e-9);
  EXPECT_NEAR(value("mlld:masks=false:temperature=2"), 16.236713589597, 1e-9);
  EXPECT_NEAR(value("tfkd"), 2.457379998105, 1e-9);
  EXPECT_NEAR(value("tfkd:temperature=20:correct=0.9"), 2.376090157128, 1e-9);
}

}  // namespace
}  // namespace retort
