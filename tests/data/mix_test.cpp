// mixup and cutmix: a view is mixed with the same view of another sample, as a pure function of seed, id and view.
#include "data/mix.h"

#include <gtest/gtest.h>

#include <cmath>

#include "retort/data.h"
#include "support/expect_error.h"
#include "support/idx_files.h"
#include "support/temp_dir.h"

namespace retort {
namespace {

struct Mixed {
  std::vector<float> images, shares;
  std::vector<int64_t> labels, others;
};

class MixTest : public testing::Test {
 protected:
  MixTest() : data(open_data(test::write_idx_data(dir / "data", {.train = 60, .test = 20, .classes = 4}))) {}

  Preprocess preprocess(int64_t side = 12) const {
    return {.size = {1, side, side}, .crop_pct = 1, .mean = {0.0}, .std = {1.0}};
  }
  Mixed batch(const std::string& augment, int64_t view, int workers = 1, int64_t side = 12) const {
    Loader loader(data.train, preprocess(side),
                  {.batch = 16, .seed = 3, .augment = Augment(augment), .workers = workers});
    loader.start(0, view);
    const Batch& b = *loader.next();
    return {b.images, b.shares, b.labels, b.other_labels};
  }

  test::TempDir dir;
  DataSet data;
};

TEST(DrawBeta, HasTheMomentsOfBeta) {
  for (const double alpha : {0.2, 1.0, 4.0}) {
    Rng rng = stream(1, Purpose::sample);
    double sum = 0, squares = 0;
    constexpr int kDraws = 20000;
    for (int i = 0; i < kDraws; ++i) {
      const double x = draw_beta(alpha, rng);
      ASSERT_TRUE(x >= 0 && x <= 1);
      sum += x, squares += x * x;
    }
    const double mean = sum / kDraws, variance = squares / kDraws - mean * mean;
    const double expected = 1 / (4 * (2 * alpha + 1));
    EXPECT_NEAR(mean, 0.5, 4 * std::sqrt(expected / kDraws));
    EXPECT_NEAR(variance / expected, 1, 0.05);
  }
}

TEST_F(MixTest, MixupIsAWeightedSumOfTwoViews) {
  const Mixed mixed = batch("hflip,mixup:alpha=1", 2), plain = batch("hflip", 2);
  const size_t numel = 144;
  ASSERT_EQ(mixed.shares.size(), 16u);
  EXPECT_TRUE(plain.shares.empty());
  EXPECT_EQ(mixed.labels, plain.labels);
  // The rest, divided by its share, is a view of one of the samples of that label.
  Loader seeded(data.train, preprocess(), {.batch = data.train.size(), .seed = 3, .augment = Augment("hflip")});
  seeded.start(0, 2);
  const Batch& views = *seeded.next();
  for (size_t i = 0; i < 16; ++i) {
    const float share = mixed.shares[i];
    if (share > 0.99F) continue;
    double least = 1e9;
    for (size_t j = 0; j < views.labels.size(); ++j) {
      if (views.labels[j] != mixed.others[i]) continue;
      double off = 0;
      for (size_t p = 0; p < numel; ++p) {
        const float rest = (mixed.images[i * numel + p] - share * plain.images[i * numel + p]) / (1 - share);
        off = std::max(off, static_cast<double>(std::abs(rest - views.images[j * numel + p])));
      }
      least = std::min(least, off);
    }
    EXPECT_LT(least, 1e-3) << i;
  }
}

TEST_F(MixTest, CutmixPastesABoxOfItsShare) {
  const Mixed mixed = batch("cutmix", 0, 1, 64), plain = batch("", 0, 1, 64);
  int cut = 0;
  for (size_t i = 0; i < 16; ++i) {
    int64_t changed = 0;
    for (size_t p = 0; p < 64 * 64; ++p) changed += mixed.images[i * 4096 + p] != plain.images[i * 4096 + p];
    const double share = static_cast<double>(changed) / 4096;  // equal pixels are not seen
    EXPECT_LE(share, 1 - mixed.shares[i] + 0.04) << i;
    EXPECT_TRUE(mixed.shares[i] >= 0 && mixed.shares[i] <= 1);
    cut += share > 0.05;
  }
  EXPECT_GT(cut, 5);
}

TEST_F(MixTest, LabelsAndSharesDoNotDependOnSizeOrWorkers) {
  for (const std::string augment : {"mixup", "cutmix:p=0.5"}) {
    const Mixed a = batch(augment, 5), b = batch(augment, 5, 3), c = batch(augment, 5, 1, 40), d = batch(augment, 6);
    EXPECT_EQ(a.images, b.images);
    EXPECT_EQ(a.shares, b.shares);
    EXPECT_EQ(a.shares, c.shares);
    EXPECT_EQ(a.others, c.others);
    EXPECT_NE(a.others, d.others);
  }
}

TEST_F(MixTest, WhatIsDrawnFromCanBeGiven) {
  const Samples few{"train", data.train.source, {data.train.indices[0], data.train.indices[1]}};
  const auto others = [&](const Samples& samples, std::vector<int64_t> pool) {
    Loader loader(samples, preprocess(),
                  {.batch = 2, .augment = Augment("mixup"), .mix_with = std::move(pool), .workers = 1});
    loader.start(0, 0);
    const Batch& b = *loader.next();
    return std::vector<float>(b.images.begin(), b.images.begin() + 2 * 144);
  };
  EXPECT_EQ(others(few, data.train.indices), others(data.train, {}));
}

TEST_F(MixTest, ThePlainViewIsNotMixed) {
  const Mixed plain = batch("mixup", kPlainView);
  EXPECT_TRUE(plain.shares.empty());
  EXPECT_EQ(plain.images, batch("", kPlainView).images);
}

TEST(Mix, IsDoneOnceAndWithSenseOnly) {
  test::expect_error([] { Augment("mixup,cutmix"); }, {"mixes twice"}, Error::Kind::usage);
  test::expect_error([] { Augment("mixup:alpha=0"); }, {"alpha"}, Error::Kind::usage);
  EXPECT_TRUE(Augment("hflip,mixup").mixes(0));
  EXPECT_FALSE(Augment("hflip,mixup").mixes(kPlainView));
  EXPECT_FALSE(Augment("hflip").mixes(0));
}

}  // namespace
}  // namespace retort
