// Weights for another number of classes or channels, as fine-tuning loads them.
#include <gtest/gtest.h>

#include <cmath>
#include <limits>

#include "base/safetensors.h"
#include "network/adapt_input_conv.h"
#include "network/resample_pos_embed.h"
#include "network/tiny_graph.h"
#include "support/expect_error.h"
#include "support/temp_dir.h"

namespace retort {
namespace {

using Lines = std::vector<std::string>;
constexpr LoadOptions kPretrained{.pretrained = true};

Graph graph(int64_t channels, int64_t classes) {
  GraphBuilder b("tiny", channels, classes);
  int x = b.conv2d(b.input(), "stem", {.out = 4, .kernel = 3, .padding = 1});
  x = b.apply(Op::relu, "act", {b.batch_norm(x, "norm")});
  x = b.apply(Op::flatten, "flat", {b.apply(Op::global_avg_pool, "pool", {x})});
  b.linear(x, "head", classes);
  return b.finish("stem", "head");
}

Network net(int64_t channels, int64_t classes, uint64_t seed, bool fill = true) {
  return Network(graph(channels, classes), {.precision = Precision::f32, .seed = seed, .fill = fill});
}

class Pretrained : public testing::Test {
 protected:
  Pretrained() { net(3, 5, 1).save(file_); }

  /// The file with tensors that `change` has put into others' place.
  template <class Change>
  fs::path changed(const Change& change) {
    const Safetensors whole(file_);
    auto tensors = whole.tensors();
    change(tensors);
    write_safetensors(dir_ / "changed.safetensors", tensors);
    return dir_ / "changed.safetensors";
  }

  test::TempDir dir_;
  fs::path file_ = dir_ / "model.safetensors";
};

TEST_F(Pretrained, AClassifierOfOtherClassesKeepsItsInitialValues) {
  const auto before = test::state_of(net(3, 7, 2)), source = test::state_of(net(3, 5, 1));
  for (const bool fill : {true, false}) {
    Network network = net(3, 7, 2, fill);
    EXPECT_EQ(network.load(file_, kPretrained), (Lines{"classifier head: 5 -> 7 classes, made anew"}));
    for (const auto& [name, bytes] : test::state_of(network)) {
      EXPECT_TRUE(bytes == (name.starts_with("head.") ? before : source).at(name)) << name;
    }
  }
}

TEST_F(Pretrained, WhatFitsIsLoadedWithoutARemark) {
  Network network = net(3, 5, 2, /*fill=*/false);
  EXPECT_EQ(network.load(file_, kPretrained), Lines{});
  EXPECT_TRUE(test::state_of(network) == test::state_of(net(3, 5, 1)));
}

TEST_F(Pretrained, InputConvIsTimms) {
  for (const Json& golden : test::read_golden("fine_tuning.json").at("adapt_input_conv")) {
    const auto from = golden.at("from").get<int64_t>(), to = golden.at("to").get<int64_t>();
    ASSERT_TRUE(can_adapt_input_conv(from, to));
    std::vector<float> weight;
    for (const double u : test::unit("conv", 2 * from * 4)) weight.push_back(static_cast<float>(u));
    const at::Tensor out = adapt_input_conv(at::from_blob(weight.data(), {2, from, 2, 2}), to).contiguous();
    ASSERT_EQ(out.sizes(), (at::IntArrayRef{2, to, 2, 2}));
    const auto expected = golden.at("values").get<std::vector<float>>();
    for (size_t i = 0; i < expected.size(); ++i) {
      EXPECT_NEAR(out.const_data_ptr<float>()[i], expected[i], 1e-6) << to << " channels, " << i;
    }
  }
  EXPECT_FALSE(can_adapt_input_conv(1, 3));
  EXPECT_FALSE(can_adapt_input_conv(4, 1));
}

TEST_F(Pretrained, AnInputConvOfOtherChannelsIsAdapted) {
  Network network = net(1, 5, 2);
  EXPECT_EQ(network.load(file_, kPretrained),
            (Lines{"first_conv stem: 3 -> 1 channels, adapted from the pretrained ones"}));
  const at::Tensor expected = adapt_input_conv(net(3, 5, 1).parameters().front().tensor.detach(), 1);
  EXPECT_EQ(test::bytes_of(network.parameters().front().tensor), test::bytes_of(expected));
  EXPECT_TRUE(network.parameters().front().tensor.is_contiguous(at::MemoryFormat::ChannelsLast));
}

TEST_F(Pretrained, NothingElseMayDiffer) {
  const std::vector<float> numbers(36);
  const auto view = [&](std::vector<int64_t> shape, size_t n) {
    return TensorView{DType::f32, std::move(shape), std::as_bytes(std::span(numbers).first(n))};
  };
  const auto refuse = [&](const fs::path& path, int64_t channels, std::vector<std::string> words) {
    Network network = net(channels, 7, 2);
    const auto before = test::state_of(network);
    test::expect_error([&] { network.load(path, kPretrained); }, words, Error::Kind::failure);
    EXPECT_TRUE(before == test::state_of(network));
  };
  refuse(changed([](auto& t) { t.erase("norm.weight"); }), 3, {"missing: norm.weight"});
  refuse(changed([](auto& t) { t.erase("head.bias"); }), 3, {"missing: head.bias"});
  refuse(changed([&](auto& t) { t["neck.weight"] = view({6}, 6); }), 3, {"extra: neck.weight"});
  refuse(changed([&](auto& t) { t["norm.weight"] = view({6}, 6); }), 3, {"norm.weight [6] for [4]"});
  refuse(changed([&](auto& t) { t["head.weight"] = view({5, 6}, 30); }), 3, {"head.weight [5, 6] for [7, 4]"});
  refuse(changed([&](auto& t) { t["stem.weight"] = view({4, 1, 3, 3}, 36); }), 3, {"stem.weight [4, 1, 3, 3]"});
  refuse(changed([&](auto& t) { t["stem.weight"] = view({4, 1, 3, 3}, 36); }), 2, {"stem.weight [4, 1, 3, 3]"});
}

TEST_F(Pretrained, ARunDiffersInNothing) {
  Network network = net(3, 7, 2);
  test::expect_error([&] { network.load(file_); }, {"head.weight [5, 4] for [7, 4]", "head.bias"});
  Network grey = net(1, 5, 2);
  test::expect_error([&] { grey.load(file_); }, {"stem.weight [4, 3, 3, 3] for [4, 1, 3, 3]"});
}

// Tokens of an image of `side` pixels.
Network tokens(int64_t side, uint64_t seed, bool fill = true) {
  GraphBuilder b("tiny", 3, 5, side);
  int x = b.conv2d(b.input(), "stem", {.out = 4, .kernel = 2, .stride = 2});
  x = b.class_token(b.apply(Op::tokens, "tokens", {x}), "cls_token");
  x = b.position_embedding(x, "pos_embed", 1 + side / 2 * (side / 2));
  b.linear(b.first_token(x, "pool"), "head", 5);
  return Network(b.finish("stem", "head"), {.precision = Precision::f32, .seed = seed, .fill = fill});
}

TEST_F(Pretrained, APositionEmbeddingOfAnotherSizeIsResampled) {
  const Network source = tokens(8, 1);
  source.save(file_);
  Network network = tokens(12, 2, /*fill=*/false);
  EXPECT_EQ(network.load(file_), (Lines{"position embedding pos_embed: 17 -> 37 tokens, resampled"}));
  const auto find = [](const Network& n, const std::string& name) {
    for (const NamedTensor& p : n.parameters()) {
      if (p.name == name) return p.tensor.detach();
    }
    return at::Tensor();
  };
  const at::Tensor expected = resample_pos_embed(find(source, "pos_embed"), 6, 6, 1);
  EXPECT_EQ(test::bytes_of(find(network, "pos_embed")), test::bytes_of(expected));
  EXPECT_EQ(test::bytes_of(find(network, "cls_token")), test::bytes_of(find(source, "cls_token")));
}

TEST_F(Pretrained, NumbersThatAreNotFiniteAreRemarkedOn) {
  std::vector<float> stem(4 * 3 * 9, 1), bias(5, 1);
  stem[77] = std::numeric_limits<float>::infinity();
  bias[4] = std::nanf("");
  const fs::path path = changed([&](auto& t) {
    t["stem.weight"].bytes = std::as_bytes(std::span(stem));
    t["head.bias"].bytes = std::as_bytes(std::span(bias));
  });
  const Lines both{"tensor stem.weight holds NaN or infinite values", "tensor head.bias holds NaN or infinite values"};
  EXPECT_EQ(net(3, 5, 2).load(path), both);
  EXPECT_EQ(net(1, 7, 2).load(path, kPretrained),
            (Lines{"first_conv stem: 3 -> 1 channels, adapted from the pretrained ones", both[0],
                   "classifier head: 5 -> 7 classes, made anew"}));
}

TEST_F(Pretrained, ANetworkThatHoldsNothingSaysSo) {
  Network network = net(3, 5, 1, /*fill=*/false);
  const at::Tensor images = test::golden_images({1, 3, 8, 8});
  test::expect_error([&] { network.forward(images, false); }, {"tiny", "load its weights"});
  test::expect_error([&] { network.load(dir_ / "nowhere.safetensors"); }, {"nowhere"});
  test::expect_error([&] { network.forward(images, false); }, {"tiny", "load its weights"});
  network.load(file_);
  EXPECT_EQ(test::bytes_of(network.forward(images, false)), test::bytes_of(net(3, 5, 1).forward(images, false)));
}

TEST_F(Pretrained, PicklesAreToldHowTheyAreConverted) {
  for (const std::string start : {"PK\x03\x04", "\x80\x02"}) {
    const fs::path path = dir_ / "model.pth";
    write_file(path, start + std::string(100, 'x'));
    test::expect_error([&] { net(3, 5, 1).load(path); }, {"model.pth", "tools/to_safetensors.py"});
  }
}

}  // namespace
}  // namespace retort
