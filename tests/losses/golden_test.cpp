// Values and gradients that the reference implementations compute.
#include <ATen/core/grad_mode.h>
#include <ATen/ops/eye.h>
#include <ATen/ops/from_blob.h>
#include <ATen/ops/stack.h>
#include <ATen/ops/zeros.h>
#include <gtest/gtest.h>

#include <cmath>

#include "losses/features.h"
#include "losses/loss_case.h"

namespace retort {
namespace {

// An input as losses.json describes it: scale * u of its own name; labels count up modulo 10.
at::Tensor input(const Json& golden, const std::string& name) {
  const Json& row = golden.at("inputs").at(name);
  const auto shape = row.at("shape").get<std::vector<int64_t>>();
  if (name == "labels") {
    std::vector<int64_t> labels;
    for (int64_t i = 0; i < shape[0]; ++i) labels.push_back(i % 10);
    return test::labels_of(labels);
  }
  const at::Tensor values = test::numbers(name, shape, row.at("scale").get<double>());
  return row.value("relu", false) ? values.relu() : values;
}

// The row's loss as this project spells it: other names of settings, and the weight of one that the references have.
std::string spec_of(const Json& row) {
  static const std::map<std::string, std::string> renamed = {{"dkd alpha", "target_weight"},
                                                             {"dkd beta", "other_weight"},
                                                             {"dist beta", "inter_weight"},
                                                             {"dist gamma", "intra_weight"},
                                                             {"attention p", "power"}};
  const auto name = row.at("name").get<std::string>();
  std::string spec = (name == "kd_plus_ce" ? "kd" : name) + ":weight=1";
  if (name == "hint") spec += ":projection=none";
  for (const auto& [setting, value] : row.at("params").items()) {
    const auto ours = renamed.find(name + " " + setting);
    if (setting == "eps" || (name == "kd_plus_ce" && setting == "alpha")) continue;
    spec += ":" + (ours == renamed.end() ? setting : ours->second) + "=" + value.dump();
  }
  return spec;
}

/// A loss whose networks have one stage, "layer1", of the features' channels.
class Connected {
 public:
  Connected(const std::string& spec, const at::Tensor& student, const at::Tensor& teacher)
      : student_(test::staged_graph({student.size(1)}, 3)),
        teacher_(test::staged_graph({teacher.size(1)}, 3)),
        loss(spec) {
    const int64_t side = student.dim() == 4 ? student.size(2) : 8;
    const auto parameter = [this](const std::string& name) { return parameters.at(name); };
    loss.connect({.student = {&student_, {3, side, side}, {}},
                  .teacher = {&teacher_, {3, side, side}, parameter},
                  .options = student.options().requires_grad(false)});
    in.student_logits = in.teacher_logits = at::zeros({student.size(0), 3}, student.options().requires_grad(false));
    for (const auto& [tap, none] : loss.student_taps()) in.student_features[tap] = student;
    for (const auto& [tap, none] : loss.teacher_taps()) in.teacher_features[tap] = teacher;
  }
  double value() { return loss(in).item().toDouble(); }

  // Of the teacher: what ofd reads of a batch norm, srrl of a classifier.
  inline static Tensors parameters;

 private:
  Graph student_, teacher_;

 public:
  Loss loss;
  LossInputs in;
};

at::Tensor loss_of(const Json& row, const std::vector<at::Tensor>& inputs) {
  if (inputs[0].dim() == 4 || row.at("inputs")[0] == "student_embedding") {
    Connected connected(spec_of(row), inputs[0], inputs[1]);
    return connected.loss(connected.in);
  }
  const LossInputs in{
      .student_logits = inputs[0], .teacher_logits = inputs[1], .labels = inputs.size() > 2 ? inputs[2] : at::Tensor()};
  Loss loss(spec_of(row));
  return row.at("name") == "kd_plus_ce" ? distillation_objective(loss, row.at("params").at("alpha"), 0, in).total
                                        : loss(in);
}

void compare(const Json& golden, const Json& row, at::ScalarType type, double tolerance) {
  SCOPED_TRACE(row.at("name").dump() + row.at("params").dump());
  std::vector<at::Tensor> inputs;
  for (const auto& name : row.at("inputs")) {
    const at::Tensor values = input(golden, name);
    inputs.push_back(values.is_floating_point() ? values.to(type) : values);
  }
  inputs[0].set_requires_grad(true);
  const at::Tensor loss = loss_of(row, inputs);
  EXPECT_EQ(loss.scalar_type(), type);
  const double value = row.at("value"), norm = row.at("grad_norm");
  EXPECT_NEAR(loss.item().toDouble(), value, tolerance * value);
  loss.backward();
  const at::Tensor gradient = inputs[0].grad().to(at::kDouble).flatten();
  EXPECT_NEAR(gradient.norm().item().toDouble(), norm, tolerance * norm);
  const auto head = row.at("grad_head").get<std::vector<double>>();
  for (size_t i = 0; i < head.size(); ++i) {
    EXPECT_NEAR(gradient[static_cast<int64_t>(i)].item().toDouble(), head[i], tolerance * norm) << i;
  }
}

// Every row of the file.
TEST(GoldenLosses, ValueAndGradient) {
  const Json golden = test::read_golden("losses.json");
  for (const Json& row : golden.at("losses")) {
    compare(golden, row, at::kDouble, 1e-9);
    compare(golden, row, at::kFloat, 1e-5);
  }
  EXPECT_EQ(golden.at("losses").size(), 19u);
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
  double value(const std::string& spec) { return Loss(spec)(in_).item().toDouble(); }

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

// Two teachers, by CA-MKD's authors' functions in float64.
TEST_F(Sines, OfTwoTeachers) {
  std::vector<double> second;
  for (int n = 0; n < 24; ++n) second.push_back(3 * std::sin(2.1 * n + 1.1));
  in_.member_logits = at::stack({in_.teacher_logits, at::from_blob(second.data(), {4, 6}, at::kDouble)});
  EXPECT_NEAR(value("kd_average"), 3.568931, 1e-6);
  EXPECT_NEAR(value("ebkd"), 1.802050, 1e-6);
  EXPECT_NEAR(value("camkd"), 1.811269, 1e-6);
  EXPECT_NEAR(value("kd_mean_probabilities"), 2.578767812451, 1e-9);  // tests/golden/losses_restated.py
}

/// Maps 4x3x4x4 and vectors 4x3 in closed form.
class Waves : public testing::Test {
 protected:
  Waves() : maps_{wave(192, 0.3, 0.2), wave(192, 0.37, 0.4 + kQuarter)} {
    for (at::Tensor& map : maps_) map = map.view({4, 3, 4, 4});
    vectors_[0] = maps_[0].mean({2, 3}).mul(5).add(wave(12, 0.9, 0.3).view({4, 3}), 3);
    vectors_[1] = maps_[1].mean({2, 3}).mul(5).add(wave(12, 1.7, 0.8).view({4, 3}), 3);
  }
  static at::Tensor wave(int64_t n, double step, double phase) {
    std::vector<double> values;
    for (int64_t i = 0; i < n; ++i) values.push_back(std::sin(step * static_cast<double>(i) + phase));
    return at::from_blob(values.data(), {n}, at::kDouble).clone();
  }
  double of_maps(const std::string& spec) const { return Connected(spec, maps_[0], maps_[1]).value(); }
  double of_vectors(const std::string& spec) const { return Connected(spec, vectors_[0], vectors_[1]).value(); }
  // Projections become identities.
  static void set_identity(Loss& loss) {
    const at::NoGradGuard no_grad;
    for (auto [name, parameter] : loss.parameters()) {
      if (name.ends_with(".bias")) parameter.zero_();
      if (parameter.dim() > 1) parameter.copy_(at::eye(3, at::kDouble).view(parameter.sizes()));
    }
  }

  static constexpr double kQuarter = 1.5707963267948966;  // a cosine is a sine of this phase
  at::Tensor maps_[2], vectors_[2];
};

// Values of mdistiller's and RepDistiller's functions in float64.
TEST_F(Waves, AsTheReferences) {
  EXPECT_NEAR(of_maps("attention:weight=1"), 0.023563, 1e-6);
  EXPECT_NEAR(of_maps("similarity:weight=1"), 0.256985, 1e-6);
  EXPECT_NEAR(of_maps("nst:weight=1"), 0.598080, 1e-6);
  EXPECT_NEAR(of_vectors("rkd:distance_weight=1:angle_weight=0"), 0.050444, 1e-6);
  EXPECT_NEAR(of_vectors("rkd:distance_weight=0:angle_weight=1"), 0.084443, 1e-6);
  EXPECT_NEAR(of_vectors("pkt:weight=1"), 0.234827, 1e-6);
  EXPECT_NEAR(hierarchical_context(maps_[0], maps_[1]).item().toDouble(), 0.739081, 1e-6);
  const at::Tensor scores = wave(20, 0.5, 0.2).abs().mul(3.0 / 100).add(0.001).view({4, 5});
  EXPECT_NEAR(noise_contrastive(scores, 4, 50000).item().toDouble(), 21.181029, 1e-6);
}

// Margins of three kinds of batch norm: -0.808834, -0.731209 and, hardly ever negative, -3.
TEST_F(Waves, OfdAsTheReference) {
  const std::vector<double> mean{0.2, -0.4, 5}, deviation{1.1, -0.7, 1};
  const auto tensor = [](const std::vector<double>& v) {
    return at::from_blob(const_cast<double*>(v.data()), {3}, at::kDouble).clone();
  };
  Connected::parameters = {{"layer1.bn.weight", tensor(deviation)}, {"layer1.bn.bias", tensor(mean)}};
  EXPECT_NEAR(of_maps("ofd:weight=1:projection=none"), 45.927379, 1e-6);
}

// CA-MKD's authors' CAMKD in float64, of two members whose classifiers are the identity and twice its mirror image.
TEST_F(Waves, CamkdFeaturesAsTheReference) {
  const Graph graph = test::staged_graph({3}, 3);
  const auto network = [&](const at::Tensor& weight) -> LossNetwork {
    const auto parameter = [weight](const std::string& name) {
      return name.ends_with("weight") ? weight : at::zeros({3}, at::kDouble);
    };
    return {&graph, {3, 4, 4}, parameter};
  };
  const at::Tensor identity = at::eye(3, at::kDouble);
  Loss loss("camkd_features:weight=1");
  loss.connect({.student = network(identity),
                .teacher = network(identity),
                .members = {network(identity), network(identity.flip(0).mul(2))},
                .options = at::kDouble});
  set_identity(loss);
  const std::string tap = loss.student_taps().begin()->first;
  const at::Tensor logits = at::zeros({4, 3}, at::kDouble);
  const LossInputs in{.student_logits = logits,
                      .teacher_logits = logits,
                      .labels = test::labels_of({1, 2, 0, 2}),
                      .student_features = {{tap, maps_[0]}},
                      .member_features = {{{tap, maps_[1]}}, {{tap, wave(192, 0.23, 0.9).view({4, 3, 4, 4})}}}};
  EXPECT_NEAR(loss(in).item().toDouble(), 0.484756697428, 1e-9);
}

// Values of tests/golden/losses_restated.py.
TEST_F(Waves, AsRestated) {
  EXPECT_NEAR(of_vectors("correlation"), 0.059639378151, 1e-9);
  const auto with_identity = [](const std::string& spec, const at::Tensor& s, const at::Tensor& t) {
    Connected connected(spec, s, t);
    set_identity(connected.loss);
    return connected.value();
  };
  EXPECT_NEAR(with_identity("ickd:weight=1", maps_[0], maps_[1]), 0.331285508159, 1e-9);
  EXPECT_NEAR(with_identity("label_free", vectors_[0], vectors_[1]), 9.895552637213, 1e-9);
  EXPECT_NEAR(with_identity("vid", maps_[0], maps_[1]), 0.879769689867, 1e-9);
  EXPECT_NEAR(with_identity("hint:weight=1", maps_[0], maps_[1]), 0.997394515506, 1e-9);

  Connected::parameters = {{"fc.weight", at::eye(3, at::kDouble)}, {"fc.bias", at::zeros({3}, at::kDouble)}};
  Connected srrl("srrl", maps_[0], vectors_[1]);
  set_identity(srrl.loss);
  srrl.in.teacher_logits = vectors_[1];
  EXPECT_NEAR(srrl.value(), 8.688896611447, 1e-9);
}

}  // namespace
}  // namespace retort
