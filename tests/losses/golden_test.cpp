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

at::Tensor loss_of(const Json& row, const LossInputs& inputs) {
  const Loss kd = make_loss(str("kd:temperature=", row.at("params").at("temperature").get<double>()));
  if (row.at("name") == "kd") return kd(inputs);
  return distillation_objective(kd, row.at("params").at("alpha"), 0, inputs);
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
    if (name != "kd" && name != "kd_plus_ce") continue;
    ++seen[name];
    compare(golden, row, at::kDouble, 1e-9);
    compare(golden, row, at::kFloat, 1e-5);
  }
  EXPECT_EQ(seen, (std::map<std::string, int>{{"kd", 4}, {"kd_plus_ce", 3}}));
}

// A second source: four samples of six classes in closed form, values from mdistiller's functions in float64.
TEST(GoldenLosses, SinesAsLogits) {
  std::vector<double> student, teacher;
  for (int n = 0; n < 24; ++n) {
    student.push_back(3 * std::sin(0.7 * n + 0.1));
    teacher.push_back(3 * std::sin(1.3 * n + 0.5));
  }
  std::vector<int64_t> labels{1, 3, 0, 5};
  const LossInputs in{at::from_blob(student.data(), {4, 6}, at::kDouble),
                      at::from_blob(teacher.data(), {4, 6}, at::kDouble), at::from_blob(labels.data(), {4}, at::kLong)};
  EXPECT_NEAR(cross_entropy(in.student_logits, in.labels).item().toDouble(), 2.522612, 1e-6);
  EXPECT_NEAR(make_loss("kd:temperature=4")(in).item().toDouble(), 3.398048, 1e-6);
  EXPECT_NEAR(make_loss("kd:temperature=1")(in).item().toDouble(), 2.028193, 1e-6);
}

}  // namespace
}  // namespace retort
