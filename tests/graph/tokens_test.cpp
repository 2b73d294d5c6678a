// Operations on features and on sequences of tokens: shapes, cost, misuse.
#include <gtest/gtest.h>

#include "retort/graph.h"
#include "support/expect_error.h"

namespace retort {
namespace {

constexpr int64_t kFeatures = 12;

/// Patches of 2 x 2 of images [3, 6, 4], a class token, attention of `heads`, a head.
Graph transformer(int64_t heads = 3, int64_t positions = 7) {
  GraphBuilder b("tokens", 3, 5);
  int x = b.conv2d(b.input(), "patches", {.out = kFeatures, .kernel = 2, .stride = 2});
  x = b.layer_norm(x, "map_norm");
  x = b.scale(b.linear(x, "map_linear", kFeatures), "gamma");
  x = b.class_token(b.apply(Op::tokens, "sequence", {x}), "cls_token");
  x = b.position_embedding(x, "pos_embed", positions);
  x = b.attention(b.linear(x, "qkv", 3 * kFeatures), "heads", heads);
  x = b.apply(Op::gelu, "act", {b.layer_norm(x, "norm")});
  b.linear(b.first_token(x, "first"), "head", 5);
  return b.finish("patches", "head");
}

const Shape kImage{3, 6, 4};

TEST(Tokens, Shapes) {
  const Graph graph = transformer();
  const std::vector<Shape> shapes = infer_shapes(graph, kImage);
  const std::vector<std::pair<std::string, Shape>> expected = {
      {"map_norm", {12, 3, 2}}, {"map_linear", {12, 3, 2}}, {"gamma", {12, 3, 2}}, {"sequence", {6, 12}},
      {"cls_token", {7, 12}},   {"pos_embed", {7, 12}},     {"qkv", {7, 36}},      {"heads", {7, 12}},
      {"norm", {7, 12}},        {"act", {7, 12}},           {"first", {12}},       {"head", {5}}};
  for (const auto& [name, shape] : expected) EXPECT_EQ(shapes.at(static_cast<size_t>(graph.find(name))), shape) << name;
}

TEST(Tokens, ParametersAreTimms) {
  std::string text;
  for (const Parameter& p : transformer().parameters) {
    text += p.name + " " + str(p.shape.size()) + (p.no_decay ? " no_decay; " : "; ");
  }
  EXPECT_EQ(text,
            "patches.weight 4; map_norm.weight 1; map_norm.bias 1; map_linear.weight 2; map_linear.bias 1; gamma 1; "
            "cls_token 3 no_decay; pos_embed 3 no_decay; qkv.weight 2; qkv.bias 1; norm.weight 1; norm.bias 1; "
            "head.weight 2; head.bias 1; ");
}

TEST(Tokens, CostByHand) {
  const int64_t features = kFeatures, tokens = 7, pixels = 6;
  const Cost c = cost(transformer(), kImage);
  EXPECT_EQ(c.macs, pixels * 12 * features + pixels * features * features  // patches, map_linear
                        + tokens * features * 3 * features                 // qkv
                        + 2 * tokens * tokens * features                   // scores, and what they weigh
                        + features * 5);                                   // head
  EXPECT_EQ(c.parameters, 12 * 12 + 24 + 12 * 12 + 12 + 12 + 12 + 7 * 12 + 12 * 36 + 36 + 24 + 60 + 5);
  // However the features are shared out among heads.
  EXPECT_EQ(cost(transformer(1), kImage).macs, c.macs);
}

TEST(Tokens, RefusesOtherCounts) {
  test::expect_error([] { infer_shapes(transformer(5), kImage); }, {"heads", "[7, 36]", "5 heads"});
  test::expect_error([] { infer_shapes(transformer(3, 8), kImage); }, {"pos_embed", "[7, 12]", "[1, 8, 12]"});
  test::expect_error([] { transformer(0); }, {"heads is 0"}, Error::Kind::usage);
}

TEST(Tokens, TwoHeadsHaveAMean) {
  const auto two_heads = [](int64_t skipped, const std::string& second) {
    GraphBuilder b("two", 3, 5);
    const int x = b.apply(Op::tokens, "tokens", {b.conv2d(b.input(), "patches", {.out = 8, .kernel = 2, .stride = 2})});
    const int head = b.linear(b.first_token(x, "first"), "head", 5);
    b.apply(Op::mean, "mean", {head, b.linear(b.first_token(x, "second", skipped), second, 5)});
    return b.finish("patches", "head", "head_dist");
  };
  EXPECT_EQ(infer_shapes(two_heads(5, "head_dist"), kImage).back(), Shape{5});
  test::expect_error([&] { infer_shapes(two_heads(6, "head_dist"), kImage); }, {"second", "more than 6 tokens"});
  test::expect_error([&] { two_heads(1, "other"); }, {"'head'", "'head_dist'", "mean"}, Error::Kind::usage);
  test::expect_error([&] { two_heads(-1, "head_dist"); }, {"skipped_tokens is -1"}, Error::Kind::usage);
}

TEST(Tokens, RefusesMapsAsTokensAndTokensAsMaps) {
  const auto around = [](const std::function<int(GraphBuilder&, int)>& operation) {
    GraphBuilder b("mixed", 3, 2);
    const int x = b.conv2d(b.input(), "conv", {.out = 6});
    b.linear(operation(b, x), "fc", 2);
    infer_shapes(b.finish("conv", "fc"), {3, 4, 4});
  };
  const auto tokens = [](GraphBuilder& b, int x) { return b.apply(Op::tokens, "tokens", {x}); };
  using B = GraphBuilder;
  test::expect_error([&] { around([](B& b, int x) { return b.attention(x, "heads", 1); }); }, {"heads", "[T, D]"});
  test::expect_error([&] { around([](B& b, int x) { return b.class_token(x, "class"); }); }, {"class", "[T, D]"});
  test::expect_error([&] { around([](B& b, int x) { return b.position_embedding(x, "positions", 16); }); },
                     {"positions", "[T, D]"});
  test::expect_error([&] { around([](B& b, int x) { return b.first_token(x, "first"); }); }, {"first", "[T, D]"});
  test::expect_error([&] { around([&](B& b, int x) { return b.batch_norm(tokens(b, x), "norm"); }); },
                     {"norm", "a map"});
  test::expect_error([&] { around([&](B& b, int x) { return b.apply(Op::tokens, "twice", {tokens(b, x)}); }); },
                     {"twice", "a map"});
  // A classifier of every token, or of every pixel.
  test::expect_error([&] { around(tokens); }, {"ends in [16, 2]", "a vector of 2 logits"});
  test::expect_error([&] { around([](B&, int x) { return x; }); }, {"ends in [2, 4, 4]", "a vector of 2 logits"});
}

TEST(Tokens, RefusesWeightsOfAnotherSize) {
  for (const char* name : {"map_norm.weight", "gamma", "cls_token", "pos_embed", "qkv.weight", "norm.weight"}) {
    Graph graph = transformer();
    for (Parameter& p : graph.parameters) {
      if (p.name == name) p.shape.back() = 13;
    }
    test::expect_error([&] { infer_shapes(graph, kImage); }, {"tokens"});
  }
}

TEST(ImageSize, IsTheOnlyOneThatFits) {
  const auto net = [](int64_t image_size) {
    GraphBuilder b("fixed", 3, 2, image_size);
    EXPECT_EQ(b.image_size(), image_size);
    int x = b.apply(Op::global_avg_pool, "pool", {b.conv2d(b.input(), "conv", {.out = 6})});
    b.linear(b.apply(Op::flatten, "flatten", {x}), "fc", 2);
    return b.finish("conv", "fc");
  };
  EXPECT_EQ(infer_shapes(net(8), {3, 8, 8}).back(), Shape{2});
  EXPECT_EQ(infer_shapes(net(0), {3, 8, 9}).back(), Shape{2});
  test::expect_error([&] { infer_shapes(net(8), {3, 8, 9}); }, {"[3, 8, 9]", "built for 8 x 8", "--img-size"});
  test::expect_error([&] { infer_shapes(net(8), {3, 16, 16}); }, {"[3, 16, 16]", "built for 8 x 8"});
  test::expect_error([&] { net(-1); }, {"-1 pixels"}, Error::Kind::usage);
}

}  // namespace
}  // namespace retort
