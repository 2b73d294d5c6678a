#include "retort/zoo.h"

#include <gtest/gtest.h>

#include <functional>
#include <map>
#include <set>

namespace retort {
namespace {

/// The message of the error that `call` throws.
std::string message_of(const std::function<void()>& call) {
  try {
    call();
  } catch (const Error& error) {
    EXPECT_EQ(error.kind(), Error::Kind::usage);
    return error.what();
  }
  return "nothing was thrown";
}

TEST(ZooTest, ListsEveryModelOnce) {
  std::set<std::string> names;
  for (const ModelInfo& info : list_models()) {
    EXPECT_TRUE(names.insert(info.name).second) << info.name;
    EXPECT_FALSE(info.family.empty()) << info.name;
    EXPECT_EQ(info.input_size.size(), 3u) << info.name;
  }
  for (const char* name :
       {"resnet10t", "resnet152", "wide_resnet101_2", "resnext50_32x4d", "seresnet50", "regnety_016",
        "mobilenetv3_small_050", "mobilenetv4_conv_small", "efficientnet_b4", "efficientnet_lite0", "resnet8_half",
        "wrn_16_2", "vgg8", "shufflenetv2", "vit_small_patch32_384", "deit_tiny_patch16_224", "convnext_atto"}) {
    EXPECT_TRUE(names.count(name)) << name;
  }
}

TEST(ZooTest, FindsRows) {
  EXPECT_EQ(find_model("resnet18").family, "resnet");
  EXPECT_EQ(find_model("resnet18").input_size, (Shape{3, 224, 224}));
  EXPECT_EQ(find_model("resnet14t").input_size, (Shape{3, 176, 176}));
  EXPECT_EQ(find_model("efficientnet_b1").input_size, (Shape{3, 240, 240}));
  EXPECT_EQ(find_model("wrn_40_2").input_size, (Shape{3, 32, 32}));
}

TEST(ZooTest, UnknownNamesAndCounts) {
  EXPECT_NE(message_of([] { build_model("resnt18", 10); }).find("did you mean 'resnet18'"), std::string::npos);
  EXPECT_NE(message_of([] { find_model("wrn_16_22"); }).find("did you mean 'wrn_16_2'"), std::string::npos);
  EXPECT_NE(message_of([] { build_model("", 10); }).find("unknown name ''"), std::string::npos);
  EXPECT_NE(message_of([] { build_model(std::string(5000, 'x'), 10); }).find("known: resnet10t"), std::string::npos);
  EXPECT_NE(message_of([] { build_model("vgg8", 0); }).find("0 classes"), std::string::npos);
  EXPECT_NE(message_of([] { build_model("vgg8", -3); }).find("-3 classes"), std::string::npos);
  EXPECT_NE(message_of([] { build_model("vgg8", 10, 0); }).find("0 image channels"), std::string::npos);
}

/// What must hold for every backbone.
class EveryModelTest : public testing::TestWithParam<ModelInfo> {};

TEST_P(EveryModelTest, GraphIsWellFormed) {
  const Graph graph = build_model(GetParam().name, 7);
  std::set<std::string> names;
  std::vector<int> uses(graph.parameters.size(), 0);
  for (size_t i = 0; i < graph.nodes.size(); ++i) {
    const Node& node = graph.nodes[i];
    EXPECT_TRUE(names.insert(node.name).second) << node.name;
    EXPECT_EQ(node.op == Op::input, i == 0) << node.name;
    for (int input : node.inputs) EXPECT_LT(input, static_cast<int>(i)) << node.name;
    for (int parameter : node.parameters) {
      ++uses.at(static_cast<size_t>(parameter));
      // "layer1.0.conv1.weight" belongs to "layer1.0.conv1", and "cls_token" is a node itself.
      const std::string& name = graph.parameters[static_cast<size_t>(parameter)].name;
      EXPECT_TRUE(name == node.name || name.starts_with(node.name + ".")) << name;
    }
  }
  EXPECT_EQ(uses, std::vector<int>(uses.size(), 1));
  std::set<std::string> parameter_names;
  for (const Parameter& p : graph.parameters) EXPECT_TRUE(parameter_names.insert(p.name).second) << p.name;
  EXPECT_EQ(graph.architecture, GetParam().name);
  EXPECT_EQ(graph.nodes.back().name, graph.distill_classifier.empty() ? graph.classifier : "mean");
  EXPECT_EQ(graph.nodes[static_cast<size_t>(graph.find(graph.first_conv))].op, Op::conv2d);
}

TEST_P(EveryModelTest, EndsInLogitsAtEverySize) {
  const bool patches = GetParam().fixed_input_size || GetParam().family == "convnext";  // of up to 32 pixels
  std::vector<Shape> images = {GetParam().input_size, {3, 28, 28}, {3, 32, 32}, {3, 33, 47}, {3, 64, 64}, {3, 225, 97}};
  for (const Shape& image : images) {
    if (patches && image[1] < 32) continue;
    const Graph graph = build_model(GetParam().name, 7, 3, image[1]);
    if (GetParam().fixed_input_size && image[1] != image[2]) {
      EXPECT_THROW(infer_shapes(graph, image), Error);
      continue;
    }
    const std::vector<Shape> shapes = infer_shapes(graph, image);
    EXPECT_EQ(shapes.size(), graph.nodes.size());
    EXPECT_EQ(shapes.back(), Shape{7}) << image[1] << " x " << image[2];
  }
}

TEST_P(EveryModelTest, TakesGreyImages) {
  const Graph grey = build_model(GetParam().name, 10, 1, 32);
  EXPECT_EQ(infer_shapes(grey, {1, 32, 32}).back(), Shape{10});
  EXPECT_THROW(infer_shapes(grey, {3, 32, 32}), Error);
  // Only the first convolution and the classifier know of channels and classes.
  const Graph colour = build_model(GetParam().name, 11, 3, 32);
  const auto shape_of = [](const Graph& graph, const std::string& name) {
    const Node& node = graph.nodes[static_cast<size_t>(graph.find(name))];
    return graph.parameters[static_cast<size_t>(node.parameters[0])].shape;
  };
  const Shape stem = shape_of(grey, grey.first_conv);
  const int64_t features = shape_of(grey, grey.classifier)[1];
  EXPECT_EQ(cost(colour, {3, 32, 32}).parameters - cost(grey, {1, 32, 32}).parameters,
            stem[0] * 2 * stem[2] * stem[3] + (features + 1) * (grey.distill_classifier.empty() ? 1 : 2));
}

TEST_P(EveryModelTest, DepthwiseIsWhatTheRowSays) {
  const Graph graph = build_model(GetParam().name, 10);
  bool depthwise = false;
  for (const Node& node : graph.nodes) depthwise = depthwise || (node.groups > 1 && node.groups == node.out_channels);
  EXPECT_EQ(depthwise, GetParam().depthwise);
}

struct InitRule {
  Init convolution, linear;
};

/// As timm's and mdistiller's families start.
InitRule init_of(const std::string& family) {
  const InitRule resnet{Init::kaiming_fan_out, Init::torch_default}, google{Init::conv_fan_out, Init::linear_uniform};
  static const std::map<std::string, InitRule> kRules = {
      {"resnet", resnet},
      {"regnet", {Init::conv_fan_out, Init::linear_normal}},
      {"mobilenetv3", google},
      {"mobilenetv4", google},
      {"efficientnet", google},
      {"vit", {Init::torch_default, Init::trunc_normal}},
      {"convnext", {Init::trunc_normal, Init::trunc_normal}},
      {"resnet_small", resnet},
      {"wide_resnet", resnet},
      {"vgg", resnet},
      {"mobilenetv2_small", {Init::kaiming_fan_out, Init::linear_normal}},
      {"shufflenetv1", {Init::torch_default, Init::torch_default}},
      {"shufflenetv2", {Init::torch_default, Init::torch_default}},
  };
  return kRules.at(family);
}

TEST_P(EveryModelTest, EveryParameterHasItsInit) {
  const Graph graph = build_model(GetParam().name, 10);
  const InitRule rule = init_of(GetParam().family);
  const bool last_norms_are_zero = GetParam().family == "resnet" || GetParam().family == "regnet";
  const std::map<std::string, Init> alone = {{"cls_token", Init::class_token},
                                             {"dist_token", Init::trunc_normal},
                                             {"pos_embed", Init::trunc_normal},
                                             {"gamma", Init::layer_scale}};
  for (const Parameter& p : graph.parameters) {
    const bool weight = p.name.ends_with(".weight");
    const bool ones = p.name.ends_with(".running_var") || (weight && p.shape.size() == 1);
    if (weight && p.shape.size() == 4) {
      EXPECT_EQ(p.init, rule.convolution) << p.name;
    } else if (weight && p.shape.size() == 2) {
      EXPECT_EQ(p.init, rule.linear) << p.name;
    } else if (const auto it = alone.find(p.name.substr(p.name.rfind('.') + 1)); it != alone.end()) {
      EXPECT_EQ(p.init, it->second) << p.name;
    } else if (ones && !last_norms_are_zero) {
      EXPECT_EQ(p.init, Init::ones) << p.name;
    } else if (!ones) {
      EXPECT_EQ(p.init, Init::zeros) << p.name;
    }
    EXPECT_EQ(p.integer, p.name.ends_with(".num_batches_tracked")) << p.name;
    EXPECT_EQ(p.buffer, p.integer || p.name.find(".running_") != std::string::npos) << p.name;
  }
}

INSTANTIATE_TEST_SUITE_P(Zoo, EveryModelTest, testing::ValuesIn(list_models()),
                         [](const auto& test) { return test.param.name; });

TEST(ResidualTest, LastNormOfEachBlockStartsAtZero) {
  for (const auto& [name, last, blocks] : {std::tuple{"resnet18", ".bn2.weight", 8},
                                           {"resnet50", ".bn3.weight", 16},
                                           {"seresnet18", ".bn2.weight", 8},
                                           {"regnety_002", ".conv3.bn.weight", 13}}) {
    int zeros = 0;
    for (const Parameter& p : build_model(name, 10).parameters) {
      const bool is_last = p.name.ends_with(last);
      if (!p.name.ends_with(".weight") || p.shape.size() != 1) continue;
      EXPECT_EQ(p.init, is_last ? Init::zeros : Init::ones) << p.name;
      zeros += is_last ? 1 : 0;
    }
    EXPECT_EQ(zeros, blocks) << name;
  }
}

TEST(ResNetTest, TieredShortcutsPoolBeforeTheyProject) {
  const Graph graph = build_model("resnet14t", 10);
  const auto at = [&](const std::string& name) { return graph.nodes[static_cast<size_t>(graph.find(name))]; };
  EXPECT_THROW(graph.find("layer1.0.downsample.0"), Error);  // stride 1: nothing to pool
  EXPECT_EQ(at("layer1.0.downsample.1").out_channels, 256);
  EXPECT_EQ(at("layer2.0.downsample.0").op, Op::avg_pool);
  EXPECT_EQ(at("layer2.0.downsample.0").kernel, 2);
  EXPECT_EQ(at("layer2.0.downsample.1").stride, 1);
  // Odd maps: the pool rounds up, as the strided convolution that it is added to.
  const auto shapes = infer_shapes(graph, {3, 36, 36});
  EXPECT_EQ(shapes[static_cast<size_t>(graph.find("layer2.0.downsample.0"))], (Shape{256, 5, 5}));
  EXPECT_EQ(shapes[static_cast<size_t>(graph.find("layer2.0.add"))], (Shape{512, 5, 5}));
}

}  // namespace
}  // namespace retort
