// Weights on disk.
#include <gtest/gtest.h>

#include "base/safetensors.h"
#include "network/tiny_graph.h"
#include "support/expect_error.h"
#include "support/temp_dir.h"

namespace retort {
namespace {

const std::vector<int64_t> kImages{2, 2, 9, 7};

Network tiny_network(uint64_t seed) { return Network(test::tiny_graph(), {.precision = Precision::f32, .seed = seed}); }

class WeightsFile : public testing::Test {
 protected:
  /// A file of `change(tensors)`, tensors being those of a saved network.
  template <class Change>
  fs::path changed(const Change& change) {
    const fs::path whole = dir_ / "whole.safetensors", path = dir_ / "changed.safetensors";
    tiny_network(1).save(whole);
    const Safetensors file(whole);
    auto tensors = file.tensors();
    change(tensors);
    write_safetensors(path, tensors);
    return path;
  }

  /// Loading must fail with these words and leave the network as it was.
  void expect_refused(const fs::path& path, std::vector<std::string> words) {
    Network network = tiny_network(2);
    const auto before = test::state_of(network);
    words.push_back(path.filename().string());
    test::expect_error([&] { network.load(path); }, words, Error::Kind::failure);
    EXPECT_TRUE(before == test::state_of(network));
  }

  test::TempDir dir_;
};

TEST_F(WeightsFile, ComesBackBitForBit) {
  Network saved = tiny_network(1), loaded = tiny_network(2);
  const at::Tensor images = test::golden_images(kImages);
  saved.forward(images, true);  // so that the running statistics are no defaults
  const fs::path path = dir_ / "model.safetensors";
  saved.save(path, {{"format", "pt"}});
  loaded.load(path);
  EXPECT_TRUE(test::state_of(saved) == test::state_of(loaded));
  const at::Tensor a = saved.forward(images, true), b = loaded.forward(images, true);
  EXPECT_EQ(test::bytes_of(a), test::bytes_of(b));
  b.sum().backward();
  for (const auto& [name, tensor] : loaded.parameters()) EXPECT_TRUE(tensor.grad().defined()) << name;
}

TEST_F(WeightsFile, IsWhatPyTorchReads) {
  Network network = tiny_network(1);
  const fs::path path = dir_ / "model.safetensors";
  network.save(path, {{"format", "pt"}});
  const Safetensors file(path);
  EXPECT_EQ(file.metadata().at("format"), "pt");
  EXPECT_EQ(file.tensors().size(), network.graph().parameters.size());
  for (const auto& [name, tensor] : test::all_tensors(network)) {
    const TensorView& view = file.at(name);
    EXPECT_EQ(view.dtype, name.ends_with("num_batches_tracked") ? DType::i64 : DType::f32) << name;
    EXPECT_EQ(view.shape, tensor.sizes().vec()) << name;
    const std::string bytes(reinterpret_cast<const char*>(view.bytes.data()), view.bytes.size());
    EXPECT_EQ(bytes, test::bytes_of(tensor)) << name;
  }
}

TEST_F(WeightsFile, HalfPrecisionIsRead) {
  Network network = tiny_network(2);
  const Network saved = tiny_network(1);
  const std::map<DType, at::ScalarType> types{{DType::f16, at::kHalf}, {DType::bf16, at::kBFloat16}};
  for (const auto& row : types) {
    const DType dtype = row.first;  // clang 14 captures no structured bindings
    const at::ScalarType type = row.second;
    std::vector<at::Tensor> kept;
    network.load(changed([&](auto& tensors) {
      for (const auto& [name, tensor] : test::all_tensors(saved)) {
        if (!tensor.is_floating_point()) continue;
        const at::Tensor& low = kept.emplace_back(tensor.detach().to(type).contiguous());
        tensors[name] = {dtype, low.sizes().vec(), {static_cast<const std::byte*>(low.const_data_ptr()), low.nbytes()}};
      }
    }));
    for (size_t i = 0; i < saved.parameters().size(); ++i) {
      const auto& [name, tensor] = network.parameters()[i];
      EXPECT_EQ(tensor.scalar_type(), at::kFloat) << name;
      EXPECT_EQ(test::bytes_of(tensor), test::bytes_of(saved.parameters()[i].tensor.to(type).to(at::kFloat))) << name;
    }
  }
}

TEST_F(WeightsFile, MissingExtraAndMisshapenAreListed) {
  const std::vector<float> numbers(6);
  const auto view = [&](std::vector<int64_t> shape) {
    return TensorView{DType::f32, std::move(shape), std::as_bytes(std::span(numbers))};
  };
  const fs::path path = changed([&](auto& tensors) {
    tensors.erase("stem.weight");
    tensors["fc.weight"] = view({6});
    tensors["odd\nname"] = view({6});
    tensors["head.bias"] = view({2, 3});
    tensors["gone.weight"] = view({1, 6});
  });
  expect_refused(path, {"tiny", "missing", "stem.weight", "extra", "fc.weight", "head.bias", "[2, 3]", "[3]"});
}

TEST_F(WeightsFile, LongListsAreCut) {
  const fs::path path = changed([](auto& tensors) { tensors.clear(); });
  expect_refused(path, {"missing", "more"});
  try {
    tiny_network(1).load(path);
  } catch (const Error& error) {
    EXPECT_LT(std::strlen(error.what()), 600u);
  }
}

TEST_F(WeightsFile, OtherNumberTypesAreRefused) {
  expect_refused(changed([](auto& tensors) { tensors.at("head.bias").dtype = DType::i32; }), {"head.bias", "I32"});
  const std::vector<int64_t> whole(3);
  expect_refused(changed([&](auto& t) {
                   t["head.bias"] = {DType::i64, {3}, std::as_bytes(std::span(whole))};
                 }),
                 {"head.bias", "I64", "F32"});
  const float number = 0;
  expect_refused(changed([&](auto& t) {
                   t["stem_norm.num_batches_tracked"] = {DType::f32, {}, std::as_bytes(std::span(&number, 1))};
                 }),
                 {"stem_norm.num_batches_tracked", "F32", "I64"});
}

TEST_F(WeightsFile, DamagedFilesAreRefused) {
  const fs::path path = changed([](auto&) {});
  fs::resize_file(path, fs::file_size(path) - 8);
  expect_refused(path, {});
  fs::remove(path);
  expect_refused(path, {});
}

TEST_F(WeightsFile, NothingIsLeftWhereWritingFails) {
  const fs::path path = dir_ / "no_such_directory/model.safetensors";
  test::expect_error([&] { tiny_network(1).save(path); }, {"no_such_directory"});
  EXPECT_FALSE(fs::exists(path));
}

}  // namespace
}  // namespace retort
