// Training that goes on from pretrained weights.
#include "train/fine_tuning.h"

#include <ATen/ops/ones.h>

#include <algorithm>
#include <cmath>

#include "base/safetensors.h"
#include "retort/zoo.h"
#include "support/golden.h"
#include "train/checkpoint.h"
#include "train/ema.h"
#include "train/optimizer.h"
#include "train/options.h"
#include "train/tiny_training.h"

namespace retort::test {
namespace {

using Lines = std::vector<std::string>;

TEST(LayerIds, FollowTimmsGroups) {
  const Json golden = read_golden("fine_tuning.json");
  TrainOptions options;
  options.layer_decay = golden.at("layer_decay");
  for (const auto& [model, groups] : golden.at("param_groups_layer_decay").items()) {
    const Graph graph = build_model(model, 1000, 3);
    const std::map<std::string, double> scales = lr_scales(graph, options);
    for (const Json& group : groups) {
      for (const std::string name : group.at("parameters")) {
        ASSERT_TRUE(scales.contains(name)) << model << " " << name;
        EXPECT_NEAR(scales.at(name), group.at("lr_scale").get<double>(), 1e-12) << model << " " << name;
        const auto p = std::find_if(graph.parameters.begin(), graph.parameters.end(),
                                    [&](const Parameter& candidate) { return candidate.name == name; });
        const bool decays = p->shape.size() > 1 && !p->no_decay;
        EXPECT_EQ(decays, group.at("weight_decay").get<double>() > 0) << model << " " << name;
      }
    }
  }
}

TEST(LayerIds, GrowAlongEveryGraph) {
  for (const ModelInfo& model : list_models()) {
    const Graph graph = build_model(model.name, 10, 3);
    const std::vector<int> ids = layer_ids(graph);
    ASSERT_EQ(ids.size(), graph.parameters.size());
    EXPECT_TRUE(std::is_sorted(ids.begin(), ids.end())) << model.name;
    EXPECT_EQ(ids.front(), 0) << model.name;
    EXPECT_GE(ids.back(), 4) << model.name;
  }
}

TEST(LrScales, TheClassifierHasAFactorOfItsOwn) {
  const Graph graph = build_model("resnet8", 4, 1);
  EXPECT_TRUE(lr_scales(graph, {}).empty());
  TrainOptions o;
  o.head_lr_scale = 10;
  std::map<std::string, double> scales = lr_scales(graph, o);
  EXPECT_EQ(scales.at(graph.classifier + ".weight"), 10);
  EXPECT_EQ(scales.at(graph.classifier + ".bias"), 10);
  EXPECT_EQ(scales.at("conv1.weight"), 1);
  o.layer_decay = 0.5;
  scales = lr_scales(graph, o);
  EXPECT_EQ(scales.at(graph.classifier + ".weight"), 10);
  EXPECT_EQ(scales.at("layer3.0.conv1.weight"), 0.5);
  EXPECT_EQ(scales.at("conv1.weight"), 0.0625);
}

Network small() { return Network(build_model("resnet8_half", 4, 1), {.precision = Precision::f32}); }

Lines names(const std::vector<NamedTensor>& tensors) {
  Lines out;
  for (const NamedTensor& t : tensors) out.push_back(t.name);
  return out;
}

TEST(Freeze, TakesModulesWithAllBelowThem) {
  const Network network = small();
  freeze(network, {"layer1", "layer2.0", "layer3.0.conv1.weight", "conv1"}, false);
  for (const NamedTensor& p : network.parameters()) {
    const bool frozen = p.name.starts_with("layer1.") || p.name.starts_with("layer2.0.") ||
                        p.name == "layer3.0.conv1.weight" || p.name == "conv1.weight";
    EXPECT_EQ(p.tensor.requires_grad(), !frozen) << p.name;
  }
}

TEST(Freeze, NothingIsComputedOrKeptForWhatIsFrozen) {
  Network network = small();
  freeze(network, {"conv1", "bn1", "layer1"}, false);
  const at::Tensor images = at::ones({4, 1, 8, 8});
  network.forward(images, /*training=*/true).sum().backward();
  for (const NamedTensor& p : network.parameters()) EXPECT_EQ(p.tensor.grad().defined(), p.tensor.requires_grad());
  Optimizer optimizer(trainable(network), {});
  EXPECT_EQ(optimizer.state().size(), trainable(network).size());
  optimizer.step(0.1);
  for (const std::string& name : names(Ema(network, 0.9).state())) {
    EXPECT_FALSE(name == "conv1.weight" || name == "layer1.0.conv1.weight") << name;
  }
}

TEST(Freeze, FrozenBatchNormsKeepTheirStatistics) {
  for (const bool all : {false, true}) {
    Network network = small();
    freeze(network, all ? Lines{} : Lines{"bn1"}, all);
    const Network untouched = small();
    network.forward(at::ones({4, 1, 8, 8}), /*training=*/true);
    for (size_t i = 0; i < network.buffers().size(); ++i) {
      const auto& [name, tensor] = network.buffers()[i];
      EXPECT_EQ(tensor.equal(untouched.buffers()[i].tensor), all || name.starts_with("bn1.")) << name;
    }
    for (const NamedTensor& p : trainable(network))
      EXPECT_EQ(p.name.find("bn"), all ? std::string::npos : p.name.find("bn"));
  }
}

TEST(Freeze, RefusesUnknownNamesAndAllOfThem) {
  expect_error([] { freeze(small(), {"layer11"}, false); }, {"--freeze", "layer11", "'layer1'"}, Error::Kind::usage);
  expect_error([] { freeze(small(), {"layer"}, false); }, {"--freeze", "layer"}, Error::Kind::usage);
  expect_error(
      [] {
        freeze(small(), {"conv1", "bn1", "layer1", "layer2", "layer3", "fc"}, false);
      },
      {"all parameters"}, Error::Kind::usage);
}

class FineTuning : public TrainTest {
 protected:
  /// A run on other data, with other classes.
  void pretrain(const std::string& name) {
    TrainOptions o = options(name);
    o.data = write_idx_data(dir_ / "other_data", {.train = 96, .test = 20, .classes = 6, .seed = 5});
    o.epochs = 1;
    train(o);
  }
  TrainOptions from_run(const std::string& name, const std::string& pretrained) {
    TrainOptions o = options(name);
    o.pretrained = path(pretrained);
    o.freeze = {"conv1", "layer1"};
    o.layer_decay = 0.5;
    o.head_lr_scale = 5;
    return o;
  }
};

TEST_F(FineTuning, GoesOnFromARunAndLeavesFrozenPartsAlone) {
  pretrain("pretrained");
  Lines said;
  Monitor monitor;
  monitor.say = [&](const std::string& line) { said.push_back(line); };
  TrainOptions o = from_run("run", "pretrained");
  o.pretrained = "local-dir:" + o.pretrained;
  o.ema = 0.9;
  train(o, monitor);
  EXPECT_EQ(said, (Lines{"classifier fc: 6 -> 4 classes, made anew"}));
  const Safetensors before(dir_ / "pretrained" / "model.safetensors"), after(dir_ / "run" / "model.safetensors");
  for (const auto& [name, view] : after.tensors()) {
    if (name.starts_with("fc.")) continue;
    const bool same = std::ranges::equal(view.bytes, before.at(name).bytes);
    EXPECT_EQ(same, name.starts_with("conv1.") || name.starts_with("layer1.")) << name;
  }
}

TEST_F(FineTuning, ResumesBitForBitWithoutThePretrainedWeights) {
  pretrain("pretrained");
  train(from_run("whole", "pretrained"));
  TrainOptions o = from_run("parts", "pretrained");
  EXPECT_TRUE(train(o, stop_after(6)).stopped);
  fs::remove(dir_ / "pretrained" / "model.safetensors");
  o.resume = true;
  EXPECT_FALSE(train(o).stopped);
  EXPECT_EQ(weights("parts"), weights("whole"));
}

TEST_F(FineTuning, FreezingSavesCheckpointSpace) {
  const auto bytes = [&](const std::string& name, Lines frozen) {
    TrainOptions o = options(name);
    o.freeze = std::move(frozen);
    train(o, stop_after(1));
    return fs::file_size(checkpoint(name));
  };
  EXPECT_LT(bytes("frozen", {"layer1", "layer2", "layer3"}), bytes("free", {}) * 3 / 4);
}

TEST_F(FineTuning, RefusesWhatDoesNotFitBeforeAnythingIsWritten) {
  pretrain("pretrained");
  TrainOptions o = from_run("run", "pretrained");
  o.model = "resnet8";
  expect_error([&] { train(o); }, {"[train --pretrained]", "resnet8_half", "resnet8"}, Error::Kind::usage);
  o = from_run("run", "nowhere");
  expect_error([&] { train(o); }, {"nowhere"}, Error::Kind::failure);
  o = options("run");
  o.freeze = {"layer9"};
  expect_error([&] { train(o); }, {"layer9"}, Error::Kind::usage);
  EXPECT_FALSE(has("run"));
}

TEST(FineTuningOptions, AreChecked) {
  TrainOptions o{.out = "run"};
  for (const double bad : {0.0, -0.5, 1.01, std::nan("")}) {
    o.layer_decay = bad;
    expect_error([&] { check_options(o); }, {"[train --layer-decay]"}, Error::Kind::usage);
  }
  o.layer_decay = 1;
  o.head_lr_scale = 0;
  expect_error([&] { check_options(o); }, {"[train --head-lr-scale]"}, Error::Kind::usage);
}

}  // namespace
}  // namespace retort::test
