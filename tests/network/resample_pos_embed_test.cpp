// Against timm.layers.resample_abs_pos_embed of timm 1.0.31 and torch 2.15, by the rows in pos_embed.json.
#include "network/resample_pos_embed.h"

#include <ATen/ops/from_blob.h>
#include <gtest/gtest.h>

#include "support/expect_error.h"
#include "support/golden.h"

namespace retort {
namespace {

at::Tensor pos_embed(const std::vector<int64_t>& shape) {
  std::vector<float> values = test::fill("pos_embed", shape);
  return at::from_blob(values.data(), shape, at::kFloat).clone();
}

TEST(ResamplePosEmbed, IsTimms) {
  const Json golden = test::read_golden("pos_embed.json");
  ASSERT_EQ(golden["rows"].size(), 4u);
  for (const Json& row : golden["rows"]) {
    const auto values = row["values"].get<std::vector<float>>();
    const at::Tensor got = resample_pos_embed(pos_embed(row["shape"].get<std::vector<int64_t>>()), row["grid"][0],
                                              row["grid"][1], row["prefix"]);
    ASSERT_EQ(got.numel(), static_cast<int64_t>(values.size()));
    EXPECT_TRUE(got.is_contiguous());
    for (size_t i = 0; i < values.size(); ++i) {
      EXPECT_NEAR(got.const_data_ptr<float>()[i], values[i], 1e-8) << row["shape"].dump() << " " << i;
    }
  }
}

TEST(ResamplePosEmbed, KeepsTypeAndPrefix) {
  const at::Tensor half = pos_embed({1, 17, 3}).to(at::kHalf);
  const at::Tensor got = resample_pos_embed(half, 2, 6, 1);
  EXPECT_EQ(got.sizes(), at::IntArrayRef({1, 13, 3}));
  EXPECT_EQ(got.scalar_type(), at::kHalf);
  EXPECT_TRUE(got.slice(1, 0, 1).equal(half.slice(1, 0, 1)));
}

TEST(ResamplePosEmbed, RefusesWhatIsNoSquareGrid) {
  test::expect_error([] { resample_pos_embed(pos_embed({1, 13, 3}), 2, 2, 1); }, {"[1, 13, 3]", "side"});
  test::expect_error([] { resample_pos_embed(pos_embed({1, 16, 3}), 2, 2, 17); }, {"[1, 16, 3]"});
  test::expect_error([] { resample_pos_embed(pos_embed({2, 16, 3}), 2, 2, 0); }, {"[2, 16, 3]"});
  test::expect_error([] { resample_pos_embed(pos_embed({16, 3}), 2, 2, 0); }, {"[16, 3]"});
  test::expect_error([] { resample_pos_embed(pos_embed({1, 16, 3}), 0, 2, 0); }, {"0 x 2"});
}

}  // namespace
}  // namespace retort
