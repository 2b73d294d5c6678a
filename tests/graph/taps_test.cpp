#include <gtest/gtest.h>

#include "retort/graph.h"
#include "support/expect_error.h"

namespace retort {
namespace {

/// A stem whose norm has its activation inside, as in timm's mobilenets, and two blocks, the tenth and the first.
Graph net() {
  GraphBuilder b("taps", 3, 2);
  int x = b.batch_norm(b.conv2d(b.input(), "stem", {.out = 4}), "bn1");
  x = b.apply(Op::relu, "bn1.act", {x});
  for (const std::string block : {"layer1.10", "layer1.1"}) {
    const int y = b.conv2d(x, block + ".conv", {.out = 4});
    x = b.apply(Op::add, block + ".add", {y, x});
  }
  x = b.apply(Op::flatten, "pool.flatten", {b.apply(Op::global_avg_pool, "pool.pool", {x})});
  b.linear(x, "fc", 2);
  return b.finish("stem", "fc");
}

TEST(Taps, AModuleIsTheLastNodeInIt) {
  const Graph graph = net();
  const auto node_of = [&](const std::string& name) {
    return graph.nodes.at(static_cast<size_t>(graph.tap(name))).name;
  };
  EXPECT_EQ(node_of("stem"), "stem");
  EXPECT_EQ(node_of("bn1"), "bn1.act");
  EXPECT_EQ(node_of("bn1.act"), "bn1.act");
  EXPECT_EQ(node_of("layer1.10"), "layer1.10.add");
  EXPECT_EQ(node_of("layer1.1"), "layer1.1.add");
  EXPECT_EQ(node_of("layer1"), "layer1.1.add");
  EXPECT_EQ(node_of("layer1.1.conv"), "layer1.1.conv");
  EXPECT_EQ(node_of("pool"), "pool.flatten");
  EXPECT_EQ(node_of("input"), "input");
}

TEST(Taps, UnknownNamesAreNamedWithANearOne) {
  const Graph graph = net();
  for (const auto& [name, near] : {std::pair{"layer2", "'layer1'"}, {"layer1.1.cov", "'layer1.1.conv'"}}) {
    test::expect_error([&] { graph.tap(name); }, {str("'", name, "'"), near}, Error::Kind::usage);
  }
  for (const char* name : {"", ".", "layer1.", "layer", "bn"}) {
    test::expect_error([&] { graph.tap(name); }, {str("'", name, "'"), "'stem' to 'fc'"}, Error::Kind::usage);
  }
}

TEST(Taps, ListHasEachOnceInOrder) {
  std::string text;
  for (const TapInfo& tap : list_taps(net(), {3, 5, 4})) {
    std::vector<std::string> sizes;
    for (int64_t size : tap.shape) sizes.push_back(std::to_string(size));
    text += tap.name + " " + join(sizes, "x") + "; ";
  }
  EXPECT_EQ(text,
            "input 3x5x4; stem 4x5x4; bn1 4x5x4; bn1.act 4x5x4; layer1.10.conv 4x5x4; layer1.10 4x5x4; "
            "layer1.10.add 4x5x4; layer1.1.conv 4x5x4; layer1 4x5x4; layer1.1 4x5x4; layer1.1.add 4x5x4; "
            "pool.pool 4x1x1; pool 4; pool.flatten 4; fc 2; ");
}

}  // namespace
}  // namespace retort
