#include "train/checkpoint.h"

#include <ATen/ops/arange.h>
#include <ATen/ops/full.h>
#include <ATen/ops/zeros.h>
#include <gtest/gtest.h>

#include "support/expect_error.h"
#include "support/temp_dir.h"

namespace retort {
namespace {

class CheckpointTest : public testing::Test {
 protected:
  CheckpointTest() {
    const at::Tensor kernel = at::arange(54, at::kFloat).reshape({3, 2, 3, 3});
    written_ = {{"kernel", kernel.contiguous(at::MemoryFormat::ChannelsLast)}, {"count", at::full({}, 7, at::kLong)}};
    write_checkpoint(dir_.path(), written_, {{"epoch", 3}, {"loss", 0.1}});
    file_ = checkpoint_path(dir_.path());
  }
  static std::vector<NamedTensor> empty() {
    const at::Tensor kernel = at::zeros({3, 2, 3, 3}, at::kFloat);
    return {{"kernel", kernel.contiguous(at::MemoryFormat::ChannelsLast)}, {"count", at::zeros({}, at::kLong)}};
  }
  void expect_damaged(const std::vector<std::string>& words) const {
    test::expect_error([&] { Checkpoint(dir_.path()).load(empty()); }, words, Error::Kind::failure);
  }

  test::TempDir dir_;
  std::vector<NamedTensor> written_;
  fs::path file_;
};

TEST_F(CheckpointTest, GivesBackWhatWasWritten) {
  const Checkpoint checkpoint(dir_.path());
  EXPECT_EQ(checkpoint.state().at("epoch"), 3);
  EXPECT_EQ(checkpoint.state().at("loss").get<double>(), 0.1);
  const std::vector<NamedTensor> read = empty();
  checkpoint.load(read);
  for (size_t i = 0; i < read.size(); ++i) EXPECT_TRUE(read[i].tensor.equal(written_[i].tensor)) << read[i].name;
}

TEST_F(CheckpointTest, RefusesOneCutAnywhere) {
  const std::string whole = read_file(file_);
  for (size_t size = 0; size < whole.size(); size += size < 64 ? 1 : 13) {
    write_file(file_, whole.substr(0, size));
    expect_damaged({"state.safetensors"});
  }
}

TEST_F(CheckpointTest, RefusesOneWithAChangedByte) {
  const std::string whole = read_file(file_);
  for (size_t at = 0; at < whole.size(); at += 7) {
    std::string changed = whole;
    changed[at] = static_cast<char>(changed[at] ^ 0x11);
    write_file(file_, changed);
    try {
      const std::vector<NamedTensor> read = empty();
      Checkpoint(dir_.path()).load(read);
      EXPECT_TRUE(read[0].tensor.equal(written_[0].tensor)) << at;  // a byte that means nothing
    } catch (const Error& error) {
      EXPECT_EQ(std::string(error.what()).find('\n'), std::string::npos);
    }
  }
}

TEST_F(CheckpointTest, RefusesOtherTensors) {
  const Checkpoint checkpoint(dir_.path());
  const auto refuse = [&](std::vector<NamedTensor> tensors, const std::string& word) {
    test::expect_error([&] { checkpoint.load(tensors); }, {word});
  };
  refuse({{"kernel", at::zeros({3, 2, 3, 3})}}, "2 tensors");
  refuse({{"kernel", at::zeros({3, 2, 9})}, {"count", at::zeros({}, at::kLong)}}, "kernel");
  refuse({{"kernel", at::zeros({3, 2, 3, 3})}, {"count", at::zeros({})}}, "count");
  refuse({{"kernel", at::zeros({3, 2, 3, 3})}, {"counts", at::zeros({}, at::kLong)}}, "counts");
}

TEST_F(CheckpointTest, RefusesOtherFilesAndVersions) {
  write_safetensors(file_, {}, {{"format", "pt"}});
  expect_damaged({"no checkpoint"});
  write_safetensors(file_, {}, {{"retort_checkpoint", "3"}});
  expect_damaged({"version 2"});
  fs::remove(file_);
  expect_damaged({"cannot open"});
}

}  // namespace
}  // namespace retort
