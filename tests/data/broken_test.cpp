#include <gtest/gtest.h>

#include <algorithm>
#include <atomic>
#include <numeric>

#include "retort/data.h"
#include "support/expect_error.h"

namespace retort {
namespace {

using test::expect_error;

// Sample i is i + 1 pixels wide; every seventh cannot be read.
class PartlyBroken : public Source {
 public:
  explicit PartlyBroken(int64_t size) : pixels_(static_cast<size_t>(size)), size_(size) {}
  int64_t size() const override { return size_; }
  uint64_t id(int64_t index) const override { return static_cast<uint64_t>(index); }
  int64_t label(int64_t) const override { return 0; }
  Picture picture(int64_t index) const override {
    if (index % 7 == 3) fail(name(index), "damaged");
    return Picture::of_pixels(pixels_.data(), {1, 1, index + 1});
  }
  std::string name(int64_t index) const override { return str("dir/", index, ".jpg"); }

 private:
  std::vector<uint8_t> pixels_;
  int64_t size_;
};

Samples samples_of(int64_t size) {
  Samples samples{"train", std::make_shared<PartlyBroken>(size), std::vector<int64_t>(static_cast<size_t>(size))};
  std::iota(samples.indices.begin(), samples.indices.end(), int64_t{0});
  return samples;
}

TEST(Broken, AreFoundInOrderOnAnyNumberOfThreads) {
  Samples samples = samples_of(1000);
  samples.indices.erase(samples.indices.begin(), samples.indices.begin() + 100);
  for (const int threads : {1, 3}) {
    std::atomic<int64_t> done = 0;
    const Survey found = survey(
        samples, threads, {.progress = [&](const Progress& p) { done = std::max<int64_t>(done, p.done); }, .stop = {}});
    EXPECT_EQ(done, 900);
    EXPECT_EQ(found.samples, 900);
    ASSERT_EQ(found.broken.size(), 129u);
    EXPECT_EQ(found.broken[0].position, 1);
    EXPECT_EQ(found.broken[0].name, "dir/101.jpg");
    EXPECT_EQ(found.broken[0].message, "[dir/101.jpg] damaged");
    ASSERT_EQ(found.shapes.size(), 900u - 129u);
    EXPECT_EQ(found.shapes[1].width, 103);
    EXPECT_TRUE(std::is_sorted(found.shapes.begin(), found.shapes.end(),
                               [](const auto& a, const auto& b) { return a.width < b.width; }));
  }
}

TEST(Broken, AreLeftOutAndTold) {
  const Samples samples = samples_of(21);
  std::string note;
  const Samples whole = without_broken(samples, 1, {.progress = [&](const Progress& p) { note = p.note; }, .stop = {}});
  EXPECT_EQ(note, "3 broken");
  EXPECT_EQ(whole.split, "train");
  EXPECT_EQ(whole.size(), 18);
  EXPECT_EQ(whole.indices[3], 4);
  EXPECT_NE(whole.hash(), samples.hash());
  EXPECT_EQ(without_broken(whole, 2).hash(), whole.hash());
}

TEST(Broken, NoneLeftOrStoppedIsAnError) {
  Samples samples = samples_of(21);
  expect_error([&] { without_broken(samples, 1, {.progress = {}, .stop = [] { return true; }}); }, {"stopped"});
  samples.indices = {3, 10};
  expect_error([&] { without_broken(samples, 1); }, {"all 2 images of train", "dir/3.jpg"}, Error::Kind::failure);
}

}  // namespace
}  // namespace retort
