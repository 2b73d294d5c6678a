// Where losses of features look, and what they keep.
#include "losses/taps.h"

#include <ATen/core/grad_mode.h>
#include <gtest/gtest.h>

#include "losses/loss_case.h"
#include "retort/zoo.h"
#include "support/expect_error.h"

namespace retort {
namespace {

using Names = std::vector<std::string>;

Names taps(const std::string& model, const Shape& input, Look look) {
  return default_taps(build_model(model, 10, input[0], input[1]), input, look);
}

TEST(DefaultTaps, AreStagesByTimmsNames) {
  EXPECT_EQ(taps("resnet20", {3, 32, 32}, Look::stages), (Names{"layer1", "layer2", "layer3"}));
  EXPECT_EQ(taps("resnet50", {3, 224, 224}, Look::stages), (Names{"layer1", "layer2", "layer3", "layer4"}));
  EXPECT_EQ(taps("vgg13", {3, 32, 32}, Look::stages), (Names{"block0", "block1", "block2", "block4"}));
  EXPECT_EQ(taps("vit_tiny_patch16_224", {3, 224, 224}, Look::stages),
            (Names{"blocks.2", "blocks.5", "blocks.8", "blocks"}));
  EXPECT_EQ(taps("resnet20", {3, 32, 32}, Look::embedding), (Names{"flatten"}));
  EXPECT_EQ(taps("resnet20", {3, 32, 32}, Look::pre_activation),
            (Names{"layer1.2.add", "layer2.2.add", "layer3.2.add"}));
}

// Each kind of look finds something of the right dimensions in every backbone.
TEST(DefaultTaps, AreThereInEveryBackbone) {
  for (const ModelInfo& info : list_models()) {
    const Shape input(info.input_size.begin(), info.input_size.end());
    const Graph graph = build_model(info.name, 10, input[0], input[1]);
    const std::vector<Shape> shapes = infer_shapes(graph, input);
    const auto dims = [&](const std::string& tap) { return shapes[static_cast<size_t>(graph.tap(tap))].size(); };
    for (const Look look : {Look::stages, Look::last_map, Look::pre_activation}) {
      const Names found = default_taps(graph, input, look);
      EXPECT_GE(found.size(), look == Look::last_map ? 1u : 3u) << info.name;
      for (const std::string& tap : found) EXPECT_GE(dims(tap), 2u) << info.name << " " << tap;
    }
    EXPECT_EQ(dims(default_taps(graph, input, Look::embedding)[0]), 1u) << info.name;
  }
}

TEST(FindTaps, PairsTheDeepest) {
  const Graph student = build_model("resnet20", 10, 3, 32), teacher = build_model("resnet18", 10, 3, 64);
  Looks looks{.student = Look::stages, .teacher = Look::stages};
  find_taps(looks, {&student, {3, 32, 32}}, {&teacher, {3, 64, 64}});
  EXPECT_EQ(looks.student_taps, (Names{"layer1", "layer2", "layer3"}));
  EXPECT_EQ(looks.teacher_taps, (Names{"layer2", "layer3", "layer4"}));
}

TEST(Taps, CanBeGivenAndAreChecked) {
  const auto connect = [](const std::string& spec) {
    test::LossCase c("kd");
    Loss loss(spec);
    loss.connect(c.setup(at::kDouble));
    return loss.student_taps().begin()->first + " " + loss.teacher_taps().begin()->first;
  };
  EXPECT_EQ(connect("similarity:student_taps=layer1:teacher_taps=layer2.conv"), "layer1 layer2.conv");
  EXPECT_EQ(connect("similarity:student_taps=layer1"), "layer1 layer2.act");
  const auto refuse = [&](const std::string& spec, const Names& words) {
    test::expect_error([&] { connect(spec); }, words, Error::Kind::usage);
  };
  refuse("attention:student_taps=layer3:teacher_taps=layer1", {"layer3", "layer1, layer1.act"});
  refuse("attention:student_taps=layer1,layer2:teacher_taps=layer1", {"2 student_taps", "1 teacher_taps"});
  refuse("attention:student_taps=flatten:teacher_taps=layer1", {"flatten", "feature maps"});
  refuse("hint:projection=none", {"channels"});
  refuse("kd:student_taps=layer1", {"student_taps"});
  refuse("ofd:teacher_taps=layer1.act:student_taps=layer1", {"batch norm"});
}

// Of a teacher that does not run, vectors may be stored.
TEST(Taps, MayBeStored) {
  const test::LossCase c("kd");
  const auto connect = [&](const std::string& spec) {
    LossSetup setup = c.setup(at::kDouble);
    setup.teacher = {.stored = {{"layer1", 5}, {"flatten", 8}}};
    Loss loss(spec);
    loss.connect(setup);
    return loss;
  };
  Loss loss = connect("crd:negatives=4 + pkt:teacher_taps=layer1 + kd");
  EXPECT_TRUE(loss.map_terms().empty());
  Names found;
  for (const auto& [tap, none] : loss.teacher_taps()) found.push_back(tap);
  EXPECT_EQ(found, (Names{"flatten", "layer1"}));
  EXPECT_EQ(loss.parameters().at("0.crd.teacher.weight").size(1), 8);
  test::expect_error([&] { connect("rkd:teacher_taps=layer2"); }, {"layer2", "layer1, flatten", "--features layer2"},
                     Error::Kind::usage);
  EXPECT_EQ(Loss("kd + srrl + rkd + camkd_features").map_terms(), (Names{"srrl", "camkd_features"}));
}

TEST(Taps, AreOfAllTerms) {
  const test::LossCase c("attention + similarity + kd");
  EXPECT_EQ(c.loss.feature_terms(), (Names{"attention", "similarity"}));
  Names found;
  for (const auto& [tap, none] : c.loss.student_taps()) found.push_back(tap);
  EXPECT_EQ(found, (Names{"layer1", "layer2", "layer2.act"}));
}

TEST(FeatureTerms, RefuseACallBeforeTheyKnowTheNetworks) {
  const test::LossCase c("kd");
  Loss loss("attention");
  test::expect_error([&] { loss(c.in); }, {"attention", "connect"});
  test::LossCase without("attention");
  without.in.teacher_features.clear();
  test::expect_error([&] { without.value(); }, {"layer1", "3 samples"});
}

// Two terms of one kind do not share parts, and equal seeds make equal ones.
TEST(FeatureTerms, HavePartsOfTheirOwn) {
  test::LossCase a("hint + hint:student_taps=layer2:teacher_taps=layer2"), b("hint + kd");
  EXPECT_EQ(a.loss.parameters().size(), 2 * b.loss.parameters().size());
  for (const auto& [name, parameter] : b.loss.parameters()) EXPECT_TRUE(parameter.equal(a.loss.parameters().at(name)));
}

// A step along the gradient of vid changes its variances: in mdistiller they are never trained.
TEST(Vid, TrainsItsVariances) {
  test::LossCase c("vid");
  c.value().backward();
  int scales = 0;
  for (const auto& [name, parameter] : c.loss.parameters()) {
    if (!name.ends_with("log_scale")) continue;
    ++scales;
    EXPECT_GT(parameter.grad().abs().min().item().toDouble(), 0) << name;
  }
  EXPECT_EQ(scales, 2);
}

// The same epoch and samples draw the same negatives; memories move towards what was seen, and stay of length 1.
TEST(Crd, RemembersWhatItSaw) {
  test::LossCase a("crd:negatives=8:dim=4"), b("crd:negatives=8:dim=4");
  EXPECT_EQ(a.value().item().toDouble(), b.value().item().toDouble());
  const at::Tensor memory = a.loss.buffers().at("0.crd.student.memory");
  for (const int64_t i : {0, 5, 11}) EXPECT_NEAR(memory[i].norm().item().toDouble(), 1, 1e-12);
  EXPECT_TRUE(memory.equal(b.loss.buffers().at("0.crd.student.memory")));
  b.in.epoch = a.in.epoch = 1;
  EXPECT_EQ(a.value().item().toDouble(), b.value().item().toDouble());
}

TEST(LabelFree, KeepsTheLastEmbeddings) {
  test::LossCase c("label_free:queue=4");
  c.value();
  const at::Tensor queue = c.loss.buffers().at("0.label_free.queue");
  EXPECT_EQ(queue[3].abs().sum().item().toDouble(), 0);
  c.value();
  const at::Tensor embedding = c.in.teacher_features.at("flatten");
  const auto is_kept = [&](int64_t slot, int64_t sample) {
    return queue[slot].sub(embedding[sample].div(embedding[sample].norm())).abs().max().item().toDouble() < 1e-12;
  };
  EXPECT_TRUE(is_kept(3, 0) && is_kept(0, 1) && is_kept(1, 2) && is_kept(2, 2));
  EXPECT_EQ(c.loss.buffers().at("0.label_free.written").item().toDouble(), 6);
}

}  // namespace
}  // namespace retort
