#include <gtest/gtest.h>

#include <functional>

#include "retort/graph.h"

namespace retort {
namespace {

/// Expects a usage error that says `part` on one line.
void expect_misuse(const std::string& part, const std::function<void(GraphBuilder&)>& use) {
  GraphBuilder builder("misused", 3, 10);
  try {
    use(builder);
    FAIL() << "nothing was thrown; expected '" << part << "'";
  } catch (const Error& error) {
    const std::string message = error.what();
    EXPECT_EQ(error.kind(), Error::Kind::usage) << message;
    EXPECT_NE(message.find(part), std::string::npos) << message;
    EXPECT_EQ(message.find('\n'), std::string::npos) << message;
  }
}

/// A classifier of `classes` on node `x`, called fc.
int add_head(GraphBuilder& b, int x, int64_t classes = 10) {
  x = b.apply(Op::global_avg_pool, "pool", {x});
  return b.linear(b.apply(Op::flatten, "flatten", {x}), "fc", classes);
}

TEST(BuilderTest, ChannelsFollowTheNodes) {
  GraphBuilder b("net", 3, 10);
  EXPECT_EQ(b.channels_of(b.input()), 3);
  const int conv = b.conv2d(b.input(), "conv", {.out = 12, .groups = 3});
  EXPECT_EQ(b.channels_of(conv), 12);
  EXPECT_EQ(b.channels_of(b.pool(Op::max_pool, conv, "pool", 2, 2, 0)), 12);
  EXPECT_EQ(b.channels_of(b.linear(conv, "fc", 7)), 7);
}

TEST(BuilderTest, Counts) {
  EXPECT_THROW(GraphBuilder("net", 0, 10), Error);
  EXPECT_THROW(GraphBuilder("net", 3, 0), Error);
  EXPECT_THROW(GraphBuilder("net", 3, -5), Error);
  EXPECT_THROW(GraphBuilder("net", 3, int64_t{1} << 60), Error);
}

TEST(BuilderTest, MisusedNodes) {
  expect_misuse("node 4 was asked for", [](GraphBuilder& b) { b.conv2d(4, "conv", {.out = 8}); });
  expect_misuse("node -1 was asked for", [](GraphBuilder& b) { b.apply(Op::relu, "act", {-1}); });
  expect_misuse("was given 2 inputs", [](GraphBuilder& b) { b.apply(Op::relu, "act", {0, 0}); });
  expect_misuse("was given 0 inputs", [](GraphBuilder& b) { b.apply(Op::add, "sum", {}); });
  expect_misuse("has no name", [](GraphBuilder& b) { b.apply(Op::relu, "", {0}); });
  expect_misuse("input stands at 1", [](GraphBuilder& b) { b.apply(Op::input, "second", {}); });
  expect_misuse("add it with its own method", [](GraphBuilder& b) { b.apply(Op::conv2d, "conv", {0}); });
  expect_misuse("max_pool has settings; add it with its own method",
                [](GraphBuilder& b) { b.apply(Op::max_pool, "pool", {0}); });
  expect_misuse("attention has settings; add it with its own method",
                [](GraphBuilder& b) { b.apply(Op::attention, "heads", {0}); });
  expect_misuse("add it with its own method", [](GraphBuilder& b) { b.apply(Op::layer_norm, "norm", {0}); });
  expect_misuse("of 8 and 3 channels", [](GraphBuilder& b) {
    b.apply(Op::add, "sum", {b.conv2d(0, "conv", {.out = 8}), 0});
  });
}

TEST(BuilderTest, MisusedSettings) {
  using Conv = GraphBuilder::Conv;
  const auto conv = [](const Conv& settings) { return [settings](GraphBuilder& b) { b.conv2d(0, "conv", settings); }; };
  expect_misuse("out_channels is 0", conv({}));
  expect_misuse("kernel is 0", conv({.out = 8, .kernel = 0}));
  expect_misuse("stride is 0", conv({.out = 8, .stride = 0}));
  expect_misuse("padding is -1", conv({.out = 8, .padding = -1}));
  expect_misuse("2 groups do not divide 3", conv({.out = 8, .groups = 2}));
  expect_misuse("3 groups do not divide 3 input and 8", conv({.out = 8, .groups = 3}));
  expect_misuse("0 groups", conv({.out = 8, .groups = 0}));
  expect_misuse("is not a pool", [](GraphBuilder& b) { b.pool(Op::add, 0, "pool", 2, 2, 0); });
  expect_misuse("at most half", [](GraphBuilder& b) { b.pool(Op::max_pool, 0, "pool", 2, 2, 2); });
  expect_misuse("2 channels from 2 of 3", [](GraphBuilder& b) { b.channel_slice(0, "part", 2, 2); });
  expect_misuse("0 channels from 1", [](GraphBuilder& b) { b.channel_slice(0, "part", 1, 0); });
  expect_misuse("1 channels from -1", [](GraphBuilder& b) { b.channel_slice(0, "part", -1, 1); });
  expect_misuse("2 groups do not divide 3 channels", [](GraphBuilder& b) { b.channel_shuffle(0, "mixed", 2); });
  expect_misuse("0 groups", [](GraphBuilder& b) { b.channel_shuffle(0, "mixed", 0); });
  expect_misuse("eps is 0", [](GraphBuilder& b) { b.batch_norm(0, "bn", Init::ones, 0); });
  expect_misuse("eps is -1", [](GraphBuilder& b) { b.layer_norm(0, "norm", -1); });
  expect_misuse("out_channels is -1", [](GraphBuilder& b) { b.linear(0, "fc", -1); });
}

TEST(BuilderTest, MisusedFinish) {
  expect_misuse("expected the linear layer 'fc'", [](GraphBuilder& b) { b.finish("conv", "fc"); });
  expect_misuse("two nodes are called 'conv'", [](GraphBuilder& b) {
    add_head(b, b.conv2d(b.conv2d(0, "conv", {.out = 8}), "conv", {.out = 8}));
    b.finish("conv", "fc");
  });
  expect_misuse("nothing reads node 'idle'", [](GraphBuilder& b) {
    const int x = b.conv2d(0, "conv", {.out = 8});
    b.apply(Op::relu, "idle", {x});
    add_head(b, x);
    b.finish("conv", "fc");
  });
  expect_misuse("of 10 classes", [](GraphBuilder& b) {
    add_head(b, b.conv2d(0, "conv", {.out = 8}), 9);
    b.finish("conv", "fc");
  });
  expect_misuse("did you mean 'conv'", [](GraphBuilder& b) {
    add_head(b, b.conv2d(0, "conv", {.out = 8}));
    b.finish("conv1", "fc");
  });
  expect_misuse("'later' is not a convolution of the input", [](GraphBuilder& b) {
    add_head(b, b.conv2d(b.conv2d(0, "conv", {.out = 8}), "later", {.out = 8}));
    b.finish("later", "fc");
  });
  // The input itself has no input to look at.
  expect_misuse("'input' is not a convolution", [](GraphBuilder& b) {
    add_head(b, b.conv2d(0, "conv", {.out = 8}));
    b.finish("input", "fc");
  });
}

}  // namespace
}  // namespace retort
