#include <gtest/gtest.h>

#include <set>

#include "retort/zoo.h"
#include "support/expect_error.h"

namespace retort {
namespace {

const Parameter& parameter_of(const Graph& graph, const std::string& name) {
  for (const Parameter& p : graph.parameters) {
    if (p.name == name) return p;
  }
  throw std::out_of_range(name);
}

TEST(Vit, PositionsFollowTheImageSize) {
  const auto positions = [](const std::string& name, int64_t image_size) {
    return parameter_of(build_model(name, 10, 3, image_size), "pos_embed").shape;
  };
  EXPECT_EQ(positions("vit_tiny_patch16_224", 0), (Shape{1, 197, 192}));
  EXPECT_EQ(positions("vit_tiny_patch16_384", 0), (Shape{1, 577, 192}));
  EXPECT_EQ(positions("vit_small_patch32_224", 384), (Shape{1, 145, 384}));
  EXPECT_EQ(positions("deit_base_patch16_224", 28), (Shape{1, 2, 768}));  // one patch, and pixels left over
}

TEST(Vit, TakesTheSizeItIsBuiltForAlone) {
  const Graph graph = build_model("deit_tiny_patch16_224", 10, 3, 64);
  EXPECT_EQ(graph.image_size, 64);
  EXPECT_EQ(infer_shapes(graph, {3, 64, 64}).back(), Shape{10});
  for (const Shape& image : {Shape{3, 224, 224}, {3, 65, 65}, {3, 64, 80}}) {  // 65 has as many patches
    test::expect_error([&] { infer_shapes(graph, image); }, {"built for 64 x 64", "--img-size"});
  }
  test::expect_error([] { build_model("vit_small_patch32_224", 10, 3, 28); }, {"28 pixels", "patch of 32"},
                     Error::Kind::usage);
  test::expect_error([] { build_model("vit_tiny_patch16_224", 10, 3, -64); }, {"-64 pixels"}, Error::Kind::usage);
  EXPECT_TRUE(find_model("vit_tiny_patch16_224").fixed_input_size);
}

TEST(Vit, OtherFamiliesIgnoreTheSize) {
  for (const char* name : {"resnet18", "convnext_atto"}) {
    EXPECT_FALSE(find_model(name).fixed_input_size) << name;
    const Graph graph = build_model(name, 10, 3, 64);
    EXPECT_EQ(graph.image_size, 0) << name;
    EXPECT_EQ(infer_shapes(graph, {3, 96, 128}).back(), Shape{10}) << name;
  }
}

// timm's no_weight_decay().
TEST(Vit, TokenAndPositionsDoNotDecay) {
  std::set<std::string> exempt;
  for (const Parameter& p : build_model("vit_tiny_patch16_224", 10).parameters) {
    if (p.no_decay) exempt.insert(p.name);
  }
  EXPECT_EQ(exempt, (std::set<std::string>{"cls_token", "pos_embed"}));
}

// DeiT's distillation token stands behind the class token; each has its classifier.
TEST(Vit, DistilledOnesHaveASecondToken) {
  const Graph graph = build_model("deit_tiny_distilled_patch16_224", 10, 3, 64);
  EXPECT_EQ(parameter_of(graph, "pos_embed").shape, (Shape{1, 18, 192}));
  EXPECT_EQ(parameter_of(graph, "dist_token").init, Init::trunc_normal);
  EXPECT_TRUE(parameter_of(graph, "dist_token").no_decay);
  EXPECT_EQ(graph.classifier, "head");
  EXPECT_EQ(graph.distill_classifier, "head_dist");
  const std::vector<Shape> shapes = infer_shapes(graph, {3, 64, 64});
  for (const char* head : {"head", "head_dist"}) EXPECT_EQ(shapes.at(static_cast<size_t>(graph.tap(head))), Shape{10});
  EXPECT_EQ(build_model("deit_tiny_patch16_224", 10).distill_classifier, "");
}

TEST(Vit, TapsAreTokens) {
  const Graph graph = build_model("vit_tiny_patch16_224", 10);
  const std::vector<Shape> shapes = infer_shapes(graph, {3, 224, 224});
  const auto shape_of = [&](const char* tap) { return shapes.at(static_cast<size_t>(graph.tap(tap))); };
  EXPECT_EQ(shape_of("patch_embed.proj"), (Shape{192, 14, 14}));
  EXPECT_EQ(shape_of("patch_embed"), (Shape{196, 192}));
  EXPECT_EQ(shape_of("blocks.3.attn"), (Shape{197, 192}));
  EXPECT_EQ(shape_of("blocks.3"), (Shape{197, 192}));
  EXPECT_EQ(shape_of("norm"), (Shape{197, 192}));
}

}  // namespace
}  // namespace retort
