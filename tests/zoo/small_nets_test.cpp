// Parameters and multiply-adds of the distillation papers' networks: mdistiller's own, at 100 classes and 3 x 32 x 32.
#include <gtest/gtest.h>

#include <cmath>

#include "retort/zoo.h"

namespace retort {
namespace {

struct Known {
  const char* name;
  int64_t parameters;
  double million_macs;  ///< to one digit
};

class KnownCostTest : public testing::TestWithParam<Known> {};

TEST_P(KnownCostTest, ParametersAndMacs) {
  const Known& known = GetParam();
  const Cost c = cost(build_model(known.name, 100), {3, 32, 32});
  EXPECT_EQ(c.parameters, known.parameters);
  EXPECT_DOUBLE_EQ(std::round(static_cast<double>(c.macs) / 1e5) / 10, known.million_macs) << c.macs;
}

INSTANTIATE_TEST_SUITE_P(Mdistiller, KnownCostTest,
                         testing::Values(Known{"resnet20", 278324, 40.8}, Known{"resnet32", 472756, 69.1},
                                         Known{"resnet56", 861620, 125.8}, Known{"resnet110", 1736564, 253.2},
                                         Known{"resnet8x4", 1233540, 177.1}, Known{"resnet32x4", 7433860, 1083.0},
                                         Known{"wrn_16_2", 703284, 101.1}, Known{"wrn_40_1", 569780, 83.3},
                                         Known{"wrn_40_2", 2255156, 327.6}, Known{"vgg8", 3965028, 96.2},
                                         Known{"vgg13", 9462180, 284.9}, Known{"mobilenetv2_half", 812836, 6.5},
                                         Known{"shufflenetv1", 949258, 38.7}, Known{"shufflenetv2", 1355528, 44.5}),
                         [](const auto& test) { return std::string(test.param.name); });

TEST(SmallNetsTest, StudentsOfTheDemo) {
  const Cost full = cost(build_model("resnet8", 10, 1), {1, 28, 28});
  const Cost half = cost(build_model("resnet8_half", 10, 1), {1, 28, 28});
  EXPECT_EQ(full.parameters, 77754);
  EXPECT_EQ(half.parameters, 19810);
}

TEST(SmallNetsTest, NamesAreMdistillers) {
  const Graph resnet = build_model("resnet8", 10);
  for (const char* name :
       {"conv1", "bn1", "layer1.0.conv1", "layer1.0.bn2", "layer2.0.downsample.0", "layer3.0.downsample.1", "fc"}) {
    EXPECT_NO_THROW(resnet.find(name));
  }
  EXPECT_THROW(resnet.find("layer1.0.downsample.0"), Error);
  const Graph wide = build_model("wrn_16_2", 10);
  for (const char* name : {"conv1", "block1.layer.0.bn1", "block1.layer.0.convShortcut", "block1.layer.1.conv2",
                           "block3.layer.1.bn2", "bn1", "fc"}) {
    EXPECT_NO_THROW(wide.find(name));
  }
  EXPECT_THROW(wide.find("block1.layer.1.convShortcut"), Error);
  const Graph vgg = build_model("vgg13", 10);
  for (const char* name : {"block0.0", "block0.1", "block0.3", "block4.4", "classifier"})
    EXPECT_NO_THROW(vgg.find(name));
  EXPECT_TRUE(vgg.nodes[static_cast<size_t>(vgg.find("block0.3"))].has_bias);
}

TEST(SmallNetsTest, FeaturesBeforeTheClassifier) {
  for (const auto& [name, features] :
       {std::pair{"resnet110", 64}, {"mobilenetv2_half", 1280}, {"shufflenetv1", 960}, {"shufflenetv2", 1024}}) {
    const Graph graph = build_model(name, 100);
    const Node& classifier = graph.nodes.back();
    EXPECT_EQ(graph.parameters[static_cast<size_t>(classifier.parameters[0])].shape, (Shape{100, features})) << name;
  }
}

TEST(SmallNetsTest, WideShortcutsReadTheActivatedInputOnlyWhereTheyProject) {
  const Graph graph = build_model("wrn_16_2", 10);
  const auto inputs_of = [&](const std::string& name) {
    return graph.nodes[static_cast<size_t>(graph.find(name))].inputs;
  };
  EXPECT_EQ(inputs_of("block2.layer.0.convShortcut"), std::vector<int>{graph.find("block2.layer.0.relu1")});
  EXPECT_EQ(inputs_of("block2.layer.1.add"),
            (std::vector<int>{graph.find("block2.layer.1.conv2"), graph.find("block2.layer.0.add")}));
}

TEST(SmallNetsTest, StemsKeepTheResolution) {
  const auto map_at = [](const char* model, const char* node, int64_t side) {
    const Graph graph = build_model(model, 10, 1);
    return infer_shapes(graph, {1, side, side})[static_cast<size_t>(graph.find(node))];
  };
  EXPECT_EQ(map_at("resnet20", "conv1", 28), (Shape{16, 28, 28}));
  EXPECT_EQ(map_at("resnet20", "layer3.2.act2", 28), (Shape{64, 7, 7}));
  EXPECT_EQ(map_at("wrn_40_2", "block3.layer.5.add", 28), (Shape{128, 7, 7}));
  EXPECT_EQ(map_at("vgg8", "block4.2", 32), (Shape{512, 4, 4}));
  EXPECT_EQ(map_at("vgg8", "block4.2", 28), (Shape{512, 3, 3}));
}

TEST(SmallNetsTest, VggNeedsEightPixels) {
  const Graph graph = build_model("vgg8", 10);
  EXPECT_EQ(infer_shapes(graph, {3, 8, 8}).back(), Shape{10});
  try {
    infer_shapes(graph, {3, 8, 7});
    FAIL() << "nothing was thrown";
  } catch (const Error& error) {
    EXPECT_NE(std::string(error.what()).find("vgg8: pool2"), std::string::npos) << error.what();
  }
}

}  // namespace
}  // namespace retort
