#include "retort/graph.h"

#include <gtest/gtest.h>

#include <functional>

namespace retort {
namespace {

/// conv -> norm -> relu -> pool -> linear, the least network there is.
Graph small_net(int64_t channels = 3, int64_t classes = 10) {
  GraphBuilder b("small", channels, classes);
  int x = b.conv2d(b.input(), "conv1", {.out = 8, .kernel = 3, .padding = 1});
  x = b.batch_norm(x, "bn1");
  x = b.apply(Op::relu, "act1", {x});
  x = b.apply(Op::global_avg_pool, "pool", {x});
  x = b.apply(Op::flatten, "flatten", {x});
  b.linear(x, "fc", classes);
  return b.finish("conv1", "fc");
}

/// One operation between the input of `channels` and a head.
Graph around(int64_t channels, const std::function<int(GraphBuilder&)>& operation) {
  GraphBuilder b("around", channels, 2);
  int x = operation(b);
  x = b.conv2d(x, "last", {.out = 4});
  x = b.apply(Op::global_avg_pool, "pool", {x});
  x = b.apply(Op::flatten, "flatten", {x});
  b.linear(x, "fc", 2);
  // The input's first convolution is called "conv" by every caller.
  return b.finish("conv", "fc");
}

/// The message of the error that `call` throws.
std::string message_of(const std::function<void()>& call) {
  try {
    call();
  } catch (const Error& error) {
    return error.what();
  }
  return "nothing was thrown";
}

void expect_message(const std::string& part, const std::function<void()>& call) {
  const std::string message = message_of(call);
  EXPECT_NE(message.find(part), std::string::npos) << message;
  EXPECT_EQ(message.find('\n'), std::string::npos) << message;
}

TEST(GraphTest, NamesAndShapesOfParameters) {
  const Graph graph = small_net();
  std::vector<std::string> names;
  for (const Parameter& p : graph.parameters) names.push_back(p.name);
  EXPECT_EQ(join(names, " "),
            "conv1.weight bn1.weight bn1.bias bn1.running_mean bn1.running_var bn1.num_batches_tracked fc.weight "
            "fc.bias");
  EXPECT_EQ(graph.parameters[0].shape, (Shape{8, 3, 3, 3}));
  EXPECT_EQ(graph.parameters[1].init, Init::ones);
  EXPECT_TRUE(graph.parameters[3].buffer);
  EXPECT_EQ(graph.parameters[4].init, Init::ones);
  EXPECT_TRUE(graph.parameters[5].integer);
  EXPECT_EQ(graph.parameters[5].shape, Shape{});
  EXPECT_EQ(graph.parameters[6].shape, (Shape{10, 8}));
  EXPECT_EQ(graph.parameters[6].init, Init::torch_default);
  EXPECT_EQ(graph.first_conv, "conv1");
  EXPECT_EQ(graph.classifier, "fc");
}

TEST(GraphTest, CostByHand) {
  const Cost c = cost(small_net(), {3, 5, 7});
  EXPECT_EQ(c.parameters, 8 * 27 + 16 + 80 + 10);
  EXPECT_EQ(c.macs, 8 * 27 * 5 * 7 + 80);
}

TEST(GraphTest, CostOfGroups) {
  const Graph graph = around(8, [](GraphBuilder& b) {
    return b.conv2d(b.input(), "conv", {.out = 16, .kernel = 3, .stride = 2, .padding = 1, .groups = 4, .bias = true});
  });
  const Cost c = cost(graph, {8, 9, 9});
  EXPECT_EQ(graph.parameters[0].shape, (Shape{16, 2, 3, 3}));
  EXPECT_EQ(graph.parameters[0].groups, 4);
  EXPECT_EQ(c.parameters, 16 * 2 * 9 + 16 + 64 + 8 + 2);
  EXPECT_EQ(c.macs, 16 * 2 * 9 * 25 + 64 * 25 + 8);
}

TEST(GraphTest, Find) {
  const Graph graph = small_net();
  EXPECT_EQ(graph.find("input"), 0);
  EXPECT_EQ(graph.nodes[static_cast<size_t>(graph.find("fc"))].name, "fc");
  expect_message("did you mean 'conv1'", [&] { graph.find("conv2"); });
  expect_message("no node is called ''", [&] { graph.find(""); });
}

TEST(GraphTest, OpNames) {
  EXPECT_EQ(op_name(Op::input), "input");
  EXPECT_EQ(op_name(Op::conv2d), "conv2d");
  EXPECT_EQ(op_name(Op::hard_sigmoid), "hard_sigmoid");
  EXPECT_EQ(op_name(Op::flatten), "flatten");
  EXPECT_THROW(op_name(static_cast<Op>(99)), Error);
}

struct Window {
  Op op;
  int64_t kernel, stride, padding, in, out;
  bool ceil_mode = false;
};

// What PyTorch 2.15 gives for Conv2d, MaxPool2d and AvgPool2d.
class WindowTest : public testing::TestWithParam<Window> {};

TEST_P(WindowTest, CountsPositionsAsPyTorchDoes) {
  const Window w = GetParam();
  const Graph graph = around(1, [&](GraphBuilder& b) {
    const bool conv = w.op == Op::conv2d;
    const int x = b.conv2d(
        b.input(), "conv",
        {.out = 1, .kernel = conv ? w.kernel : 1, .stride = conv ? w.stride : 1, .padding = conv ? w.padding : 0});
    return conv ? x : b.pool(w.op, x, "window", w.kernel, w.stride, w.padding, w.ceil_mode);
  });
  const auto shapes = infer_shapes(graph, {1, w.in, w.in + w.stride});
  EXPECT_EQ(shapes[static_cast<size_t>(graph.find("last"))], (Shape{4, w.out, w.out + 1}));
}

constexpr bool kCeil = true;
INSTANTIATE_TEST_SUITE_P(
    Sizes, WindowTest,
    testing::Values(Window{Op::conv2d, 3, 2, 1, 7, 4}, Window{Op::conv2d, 3, 2, 1, 8, 4},
                    Window{Op::conv2d, 7, 2, 3, 1, 1}, Window{Op::conv2d, 5, 3, 0, 9, 2},
                    Window{Op::max_pool, 2, 2, 0, 7, 3}, Window{Op::max_pool, 3, 2, 1, 7, 4},
                    Window{Op::max_pool, 2, 2, 0, 7, 4, kCeil}, Window{Op::avg_pool, 2, 2, 0, 7, 4, kCeil},
                    Window{Op::avg_pool, 2, 2, 0, 8, 4, kCeil}, Window{Op::avg_pool, 2, 2, 0, 1, 1, kCeil},
                    Window{Op::avg_pool, 3, 2, 1, 6, 4, kCeil}, Window{Op::avg_pool, 3, 2, 1, 6, 3},
                    // The last window would lie wholly in the padding, so it is dropped.
                    Window{Op::avg_pool, 2, 3, 1, 5, 2, kCeil}));

TEST(ShapesTest, TooSmallImages) {
  const Graph graph = around(3, [](GraphBuilder& b) {
    const int x = b.conv2d(b.input(), "conv", {.out = 4, .kernel = 5});
    return b.pool(Op::max_pool, x, "halve", 2, 2, 0);
  });
  EXPECT_EQ(infer_shapes(graph, {3, 6, 6}).back(), Shape{2});
  expect_message("around: halve", [&] { infer_shapes(graph, {3, 6, 5}); });
  expect_message("give the network larger images", [&] { infer_shapes(graph, {3, 4, 6}); });
}

TEST(ShapesTest, ImpossibleImages) {
  const Graph graph = small_net(3);
  expect_message("expected [3, H, W]", [&] { infer_shapes(graph, {1, 8, 8}); });
  expect_message("expected [3, H, W]", [&] { infer_shapes(graph, {3, 8}); });
  expect_message("expected [3, H, W]", [&] { infer_shapes(graph, {}); });
  expect_message("expected sides", [&] { infer_shapes(graph, {3, 0, 8}); });
  expect_message("expected sides", [&] { infer_shapes(graph, {3, 8, -1}); });
  expect_message("expected sides", [&] { cost(graph, {3, int64_t{1} << 40, 8}); });
}

TEST(ShapesTest, WrongOrderOfOperations) {
  const auto ends_in = [](const std::function<int(GraphBuilder&, int)>& head) {
    GraphBuilder b("odd", 3, 2);
    b.linear(head(b, b.conv2d(b.input(), "conv", {.out = 4})), "fc", 2);
    return b.finish("conv", "fc");
  };
  const Graph unpooled = ends_in([](GraphBuilder& b, int x) { return b.apply(Op::flatten, "flatten", {x}); });
  EXPECT_EQ(infer_shapes(unpooled, {3, 1, 1}).back(), Shape{2});
  expect_message("one pixel", [&] { infer_shapes(unpooled, {3, 2, 2}); });
  const Graph unflattened = ends_in([](GraphBuilder&, int x) { return x; });
  expect_message("a vector", [&] { infer_shapes(unflattened, {3, 2, 2}); });
  const Graph twice = ends_in(
      [](GraphBuilder& b, int x) { return b.conv2d(b.apply(Op::flatten, "flatten", {x}), "again", {.out = 4}); });
  expect_message("a map", [&] { infer_shapes(twice, {3, 1, 1}); });
}

TEST(ShapesTest, TwoInputs) {
  const auto both = [](Op op, int64_t stride) {
    return around(3, [=](GraphBuilder& b) {
      const int x = b.conv2d(b.input(), "conv", {.out = 4});
      const int y = b.conv2d(b.input(), "other", {.out = 4, .stride = stride});
      return b.apply(op, "both", {x, y});
    });
  };
  EXPECT_EQ(infer_shapes(both(Op::add, 1), {3, 4, 4}).back(), Shape{2});
  expect_message("around: both] add is given [4, 2, 2]", [&] { infer_shapes(both(Op::add, 2), {3, 4, 4}); });
  EXPECT_EQ(infer_shapes(both(Op::multiply, 4), {3, 4, 4}).back(), Shape{2});
  expect_message("a gate", [&] { infer_shapes(both(Op::multiply, 1), {3, 4, 4}); });
}

TEST(ShapesTest, Channels) {
  const auto shape_of = [](const std::function<int(GraphBuilder&, int)>& operation) {
    const Graph graph =
        around(3, [&](GraphBuilder& b) { return operation(b, b.conv2d(b.input(), "conv", {.out = 6})); });
    return infer_shapes(graph, {3, 5, 4}).at(static_cast<size_t>(graph.find("last")) - 1);
  };
  const auto slice = [](GraphBuilder& b, int x) { return b.channel_slice(x, "part", 4, 2); };
  EXPECT_EQ(shape_of(slice), (Shape{2, 5, 4}));
  EXPECT_EQ(shape_of([](GraphBuilder& b, int x) { return b.channel_shuffle(x, "mixed", 3); }), (Shape{6, 5, 4}));
  EXPECT_EQ(shape_of([&](GraphBuilder& b, int x) {
              return b.apply(Op::concat, "both", {slice(b, x), x});
            }),
            (Shape{8, 5, 4}));
  expect_message("around: both] concat is given [6, 3, 2]", [&] {
    shape_of([](GraphBuilder& b, int x) {
      return b.apply(Op::concat, "both", {x, b.pool(Op::max_pool, x, "halved", 2, 2, 0, true)});
    });
  });
}

TEST(ShapesTest, GraphsNotFromTheBuilder) {
  EXPECT_THROW(infer_shapes(Graph{}, {3, 8, 8}), Error);
  const auto broken = [](const std::function<void(Graph&)>& damage) {
    Graph graph = small_net();
    damage(graph);
    return [graph] { infer_shapes(graph, {3, 8, 8}); };
  };
  expect_message("reads node 5", broken([](Graph& g) { g.nodes[2].inputs = {5}; }));
  expect_message("reads node -1", broken([](Graph& g) { g.nodes[2].inputs = {-1}; }));
  expect_message("was given 0 inputs", broken([](Graph& g) { g.nodes[2].inputs.clear(); }));
  expect_message("uses parameter 77", broken([](Graph& g) { g.nodes[1].parameters = {77}; }));
  expect_message("has 0 parameters", broken([](Graph& g) { g.nodes[1].parameters.clear(); }));
  expect_message("stride is 0", broken([](Graph& g) { g.nodes[1].stride = 0; }));
  expect_message("groups is 0", broken([](Graph& g) { g.nodes[1].groups = 0; }));
  expect_message("its weight [8]", broken([](Graph& g) { g.parameters[0].shape = {8}; }));
  expect_message("as many channels", broken([](Graph& g) { g.parameters[1].shape = {9}; }));
  expect_message("input stands at 1", broken([](Graph& g) { g.nodes[1].op = Op::input; }));
  expect_message("operation 40", broken([](Graph& g) { g.nodes[1].op = static_cast<Op>(40); }));
}

}  // namespace
}  // namespace retort
