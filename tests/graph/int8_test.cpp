#include "graph/int8.h"

#include <gtest/gtest.h>

#include <limits>

#include "support/expect_error.h"

namespace retort {
namespace {

using test::expect_error;

// relu(bn(conv)), a branch of another norm and an activation, their sum, and one more that no convolution ends.
Graph residual() {
  GraphBuilder b("residual", 2, 3);
  const int stem = b.apply(Op::relu, "stem_act", {b.batch_norm(b.conv2d(b.input(), "stem", {.out = 4}), "stem_norm")});
  const int branch = b.batch_norm(b.conv2d(stem, "branch", {.out = 4}), "branch_norm");
  const int sum = b.apply(Op::add, "sum", {branch, stem});
  const int act = b.apply(Op::sigmoid, "act", {b.conv2d(sum, "second", {.out = 4})});
  const int both = b.apply(Op::add, "both", {act, sum});
  b.linear(b.apply(Op::flatten, "flat", {b.apply(Op::global_avg_pool, "pool", {both})}), "head", 3);
  return b.finish("stem", "head");
}

TEST(Int8, SitesAreConvolutionsLinearLayersBranchEndsAndAverages) {
  const Graph graph = residual();
  std::vector<std::string> found;
  for (const Int8Site& site : int8_sites(graph)) {
    std::string text = graph.nodes[static_cast<size_t>(site.node)].name + ":";
    for (const int input : site.inputs) text += " " + graph.nodes[static_cast<size_t>(input)].name;
    found.push_back(text);
  }
  EXPECT_EQ(found, (std::vector<std::string>{"stem: input", "branch: stem_act", "sum: branch_norm stem_act",
                                             "second: sum", "pool: both", "head: flat"}));
}

TEST(Int8, NormsOfConvolutionsThatOthersReadAreNotFolded) {
  GraphBuilder b("shared", 2, 3);
  const int conv = b.conv2d(b.input(), "conv", {.out = 4});
  const int sum = b.apply(Op::add, "sum", {b.batch_norm(conv, "norm"), conv});
  b.linear(b.apply(Op::flatten, "flat", {b.apply(Op::global_avg_pool, "pool", {sum})}), "head", 3);
  for (const int norm : folded_norms(b.finish("conv", "head"))) EXPECT_EQ(norm, -1);
  const Graph graph = residual();
  EXPECT_EQ(folded_norms(graph)[static_cast<size_t>(graph.find("stem"))], graph.find("stem_norm"));
}

TEST(Int8, StepsHaveAnExactZero) {
  const Int8Steps both = int8_steps({-1, 3}), positive = int8_steps({0.5F, 2}), nothing = int8_steps({0, 0});
  EXPECT_FLOAT_EQ(both.scale, 4.0F / 255);
  EXPECT_EQ(both.zero, 64);
  EXPECT_FLOAT_EQ(positive.scale, 2.0F / 255);
  EXPECT_EQ(positive.zero, 0);
  EXPECT_GT(nothing.scale, 0);
  const float nan = std::numeric_limits<float>::quiet_NaN();
  EXPECT_FLOAT_EQ(int8_steps({nan, 2}).scale, 2.0F / 255);
  EXPECT_EQ(int8_steps({nan, nan}).zero, 0);
}

TEST(Int8, RangesComeBackAsTheyWere) {
  const Int8Ranges ranges{{"a.b", {-0.1F, 1.0F / 3}}, {"c", {0, 1e-7F}}};
  const Int8Ranges back = parse_int8_ranges("test", int8_ranges_text(ranges));
  ASSERT_EQ(back.size(), 2);
  EXPECT_EQ(back.at("a.b").low, -0.1F);
  EXPECT_EQ(back.at("a.b").high, 1.0F / 3);
  EXPECT_EQ(back.at("c").high, 1e-7F);
}

TEST(Int8, DamagedRangesAreRefused) {
  const std::string whole = int8_ranges_text({{"a", {-1, 1}}});
  for (size_t size = 0; size < whole.size(); ++size) {
    expect_error([&] { parse_int8_ranges("file", whole.substr(0, size)); }, {"[file]"}, Error::Kind::failure);
  }
  expect_error([] { parse_int8_ranges("file", R"({"version":9,"ranges":{}})"); }, {"9"});
  for (const char* range : {"[1,-1]", "[1]", "[0,1,2]", "\"x\"", "[0,1e300]", "[\"a\",1]", "{\"low\":0}"}) {
    expect_error([&] { parse_int8_ranges("file", str(R"({"version":1,"ranges":{"n":)", range, "}}")); }, {"'n'"});
  }
}

}  // namespace
}  // namespace retort
