#include <gtest/gtest.h>

#include <algorithm>
#include <atomic>
#include <chrono>
#include <map>
#include <numeric>
#include <set>
#include <thread>

#include "base/hash.h"
#include "retort/data.h"
#include "support/expect_error.h"

namespace retort {
namespace {

constexpr ImageShape kShape{2, 5, 4};

// Pixels that tell the sample; a chosen one is broken, and reading may be slow.
class FakeSource : public Source {
 public:
  explicit FakeSource(int64_t size, int64_t broken = -1) : size_(size), broken_(broken) {}
  int64_t size() const override { return size_; }
  uint64_t id(int64_t index) const override { return 1000 + static_cast<uint64_t>(index); }
  int64_t label(int64_t index) const override { return index % 7; }
  Picture picture(int64_t index) const override {
    ++reads;
    if (index == broken_) fail("fake", "sample ", index, " is broken");
    if (slow) std::this_thread::sleep_for(std::chrono::milliseconds(1));
    thread_local std::vector<uint8_t> pixels;
    pixels.resize(static_cast<size_t>(kShape.numel()));
    for (int64_t i = 0; i < kShape.numel(); ++i) pixels[static_cast<size_t>(i)] = static_cast<uint8_t>(index * 3 + i);
    return Picture::of_pixels(pixels.data(), kShape);
  }
  mutable std::atomic<int64_t> reads = 0;
  bool slow = false;

 private:
  int64_t size_, broken_;
};

DataSet fake_data(std::shared_ptr<const Source> source) {
  DataSet data;
  data.shape = kShape;
  data.train = {"train", std::move(source), {}};
  data.train.indices.resize(static_cast<size_t>(data.train.source->size()));
  std::iota(data.train.indices.begin(), data.train.indices.end(), int64_t{0});
  return data;
}

DataSet fake_data(int64_t size) { return fake_data(std::make_shared<FakeSource>(size)); }

Preprocess fake_preprocess() { return {.size = kShape, .crop_pct = 1, .mean = {0.25, 0.5}, .std = {0.5, 0.125}}; }

Loader make_loader(const DataSet& data, LoaderOptions options) {
  return {data.train, fake_preprocess(), std::move(options)};
}

std::vector<int64_t> positions(Loader& loader) {
  std::vector<int64_t> all;
  while (const Batch* batch = loader.next()) all.insert(all.end(), batch->positions.begin(), batch->positions.end());
  return all;
}

// Images by position.
std::map<int64_t, std::vector<float>> images(Loader& loader) {
  std::map<int64_t, std::vector<float>> all;
  while (const Batch* batch = loader.next()) {
    for (int64_t i = 0; i < batch->size; ++i) {
      const auto first = batch->images.begin() + i * kShape.numel();
      all[batch->positions[static_cast<size_t>(i)]] = {first, first + kShape.numel()};
    }
  }
  return all;
}

TEST(Loader, NormalisesPlainImagesInOrder) {
  const DataSet data = fake_data(10);
  Loader loader = make_loader(data, {.batch = 4});
  EXPECT_EQ(loader.batches(), 3);
  loader.start(0, kPlainView);
  int64_t position = 0;
  for (const int64_t size : {4, 4, 2}) {
    const Batch* batch = loader.next();
    ASSERT_NE(batch, nullptr);
    ASSERT_EQ(batch->size, size);
    EXPECT_EQ(batch->view, kPlainView);
    ASSERT_EQ(batch->images.size(), static_cast<size_t>(size * kShape.numel()));
    ASSERT_EQ(batch->labels.size(), static_cast<size_t>(size));
    for (int64_t i = 0; i < size; ++i, ++position) {
      EXPECT_EQ(batch->positions[static_cast<size_t>(i)], position);
      EXPECT_EQ(batch->labels[static_cast<size_t>(i)], position % 7);
      for (int64_t p = 0; p < kShape.numel(); ++p) {
        const double pixel = static_cast<double>((position * 3 + p) % 256) / 255;
        const double want = p % 2 == 0 ? (pixel - 0.25) / 0.5 : (pixel - 0.5) / 0.125;
        EXPECT_FLOAT_EQ(batch->images[static_cast<size_t>(i * kShape.numel() + p)], static_cast<float>(want));
      }
    }
  }
  EXPECT_EQ(loader.next(), nullptr);
  EXPECT_EQ(loader.next(), nullptr);
}

TEST(Loader, PositionsPointIntoTheSamples) {
  const DataSet data = fake_data(50);
  Samples part = data.train;
  part.indices = {40, 7, 19};
  Loader loader(part, fake_preprocess(), {.batch = 2});
  loader.start(0, kPlainView);
  EXPECT_EQ(loader.next()->labels, (std::vector<int64_t>{40 % 7, 7 % 7}));
  EXPECT_EQ(loader.next()->positions, (std::vector<int64_t>{2}));
}

TEST(Loader, ViewsDoNotDependOnWorkersBatchOrOrder) {
  const DataSet data = fake_data(203);
  const Augment augment("random_crop:padding=2,hflip");
  std::map<int64_t, std::vector<float>> first;
  for (const int workers : {1, 2, 5}) {
    for (const int64_t batch : {1, 16, 500}) {
      Loader loader = make_loader(data, {.batch = batch,
                                         .shuffle = true,
                                         .seed = 3,
                                         .augment = augment,
                                         .workers = workers,
                                         .ahead = workers == 2 ? 1 : 6});
      for (const int64_t epoch : {batch, batch + 1}) {
        loader.start(epoch, 9);
        const auto now = images(loader);
        EXPECT_EQ(now.size(), 203u);
        if (first.empty()) first = now;
        EXPECT_EQ(now, first);
      }
    }
  }
  Loader other = make_loader(data, {.batch = 16, .seed = 3, .augment = augment});
  other.start(0, 10);
  EXPECT_NE(images(other), first);
}

TEST(Loader, BatchesDoNotDependOnWorkers) {
  const DataSet data = fake_data(101);
  const auto digest = [&](int workers, int ahead) {
    Loader loader = make_loader(data, {.batch = 8, .shuffle = true, .seed = 1, .workers = workers, .ahead = ahead});
    loader.start(4, 0);
    Sha256 hash;
    while (const Batch* batch = loader.next()) {
      hash.add(std::as_bytes(std::span(batch->images))).add(std::as_bytes(std::span(batch->labels)));
    }
    return hash.hex();
  };
  const std::string one = digest(1, 1);
  EXPECT_EQ(digest(4, 3), one);
  EXPECT_EQ(digest(3, 20), one);
}

TEST(Loader, EpochOrdersAreDifferentPermutations) {
  const DataSet data = fake_data(60);
  Loader loader = make_loader(data, {.batch = 7, .shuffle = true, .seed = 11, .workers = 2});
  std::set<std::vector<int64_t>> orders;
  for (int64_t epoch = 0; epoch < 5; ++epoch) {
    loader.start(epoch, 0);
    const std::vector<int64_t> order = positions(loader);
    orders.insert(order);
    EXPECT_EQ(std::set<int64_t>(order.begin(), order.end()).size(), 60u);
    EXPECT_EQ(order.size(), 60u);
    loader.start(epoch, 1);
    EXPECT_EQ(positions(loader), order);
  }
  EXPECT_EQ(orders.size(), 5u);
  Loader reseeded = make_loader(data, {.batch = 7, .shuffle = true, .seed = 12});
  reseeded.start(0, 0);
  EXPECT_FALSE(orders.contains(positions(reseeded)));
  Loader plain = make_loader(data, {.batch = 7});
  plain.start(3, 0);
  EXPECT_EQ(positions(plain), data.train.indices);
}

TEST(Loader, ResumesAtABatch) {
  const DataSet data = fake_data(50);
  Loader loader = make_loader(data, {.batch = 8, .shuffle = true, .seed = 2, .workers = 3});
  loader.start(6, 0);
  const std::vector<int64_t> whole = positions(loader);
  for (int64_t first = 0; first <= loader.batches(); ++first) {
    loader.start(6, 0, first);
    const auto begin = whole.begin() + std::min<int64_t>(first * 8, 50);
    EXPECT_EQ(positions(loader), std::vector<int64_t>(begin, whole.end()));
  }
}

TEST(Loader, StartsAgainInTheMiddle) {
  auto source = std::make_shared<FakeSource>(400);
  const DataSet data = fake_data(source);
  Loader loader = make_loader(data, {.batch = 5, .shuffle = true, .workers = 4, .ahead = 7});
  loader.start(1, 0);
  const std::vector<int64_t> want = positions(loader);
  for (int taken = 0; taken < 20; ++taken) {
    loader.start(2, 0, taken);
    for (int i = 0; i < taken; ++i) ASSERT_NE(loader.next(), nullptr);
    loader.start(1, 0);
    EXPECT_EQ(positions(loader), want);
  }
}

TEST(Loader, DropsAnIncompleteLastBatchUnlessItIsTheOnlyOne) {
  const DataSet data = fake_data(10);
  const auto batches = [&](int64_t batch, bool drop_last) {
    return make_loader(data, {.batch = batch, .drop_last = drop_last}).batches();
  };
  EXPECT_EQ(batches(4, false), 3);
  EXPECT_EQ(batches(4, true), 2);
  EXPECT_EQ(batches(5, true), 2);
  EXPECT_EQ(batches(10, true), 1);
  EXPECT_EQ(batches(11, true), 1);
  Loader loader = make_loader(data, {.batch = 4, .drop_last = true});
  loader.start(0, kPlainView);
  EXPECT_EQ(positions(loader).size(), 8u);
}

TEST(Loader, RecyclesItsBuffers) {
  const DataSet data = fake_data(64);
  Loader loader = make_loader(data, {.batch = 8, .workers = 2, .ahead = 3});
  std::set<const float*> buffers;
  for (int64_t epoch = 0; epoch < 4; ++epoch) {
    loader.start(epoch, 0);
    while (const Batch* batch = loader.next()) buffers.insert(batch->images.data());
  }
  EXPECT_LE(buffers.size(), 4u);
}

TEST(Loader, MakesNoMoreThanAhead) {
  auto source = std::make_shared<FakeSource>(100);
  const DataSet data = fake_data(source);
  Loader loader = make_loader(data, {.batch = 2, .workers = 3, .ahead = 4});
  std::this_thread::sleep_for(std::chrono::milliseconds(5));
  EXPECT_EQ(source->reads, 0);  // nothing before start
  loader.start(0, 0);
  loader.next();
  std::this_thread::sleep_for(std::chrono::milliseconds(20));
  EXPECT_LE(source->reads, 2 * (4 + 1));
  positions(loader);
  EXPECT_EQ(source->reads, 100);
}

TEST(Loader, BatchStaysWholeWhileOthersAreMade) {
  const DataSet data = fake_data(100);
  Loader loader = make_loader(data, {.batch = 3, .workers = 3, .ahead = 2});
  loader.start(0, 0);
  while (const Batch* batch = loader.next()) {
    const Batch before = *batch;
    std::this_thread::sleep_for(std::chrono::microseconds(300));
    EXPECT_EQ(before.images, batch->images);
    EXPECT_EQ(before.positions, batch->positions);
  }
}

TEST(Loader, ThrowsWorkersErrorsInTheirPlace) {
  const DataSet data = fake_data(std::make_shared<FakeSource>(40, 25));
  Loader loader = make_loader(data, {.batch = 4, .workers = 3});
  for (int again = 0; again < 2; ++again) {
    loader.start(0, 0);
    for (int i = 0; i < 6; ++i) ASSERT_NE(loader.next(), nullptr);
    EXPECT_THROW(loader.next(), Error);
    EXPECT_THROW(loader.next(), Error);
  }
  loader.start(0, 0, 7);
  EXPECT_EQ(positions(loader).size(), 12u);
}

TEST(Loader, SaysHowToGoOnWithoutBrokenImages) {
  Loader loader = make_loader(fake_data(std::make_shared<FakeSource>(4, 2)), {.batch = 4});
  loader.start(0, 0);
  test::expect_error([&] { loader.next(); }, {"[fake] sample 2 is broken; --skip-broken"}, Error::Kind::failure);
}

TEST(Loader, GoesAwayAtAnyTime) {
  auto source = std::make_shared<FakeSource>(10000);
  source->slow = true;
  const DataSet data = fake_data(source);
  make_loader(data, {.batch = 1000, .workers = 3});
  for (int taken = 0; taken < 2; ++taken) {
    Loader loader = make_loader(data, {.batch = taken == 0 ? 10000 : 2, .workers = 3});
    loader.start(0, 0);
    for (int i = 0; i < taken; ++i) loader.next();
    Loader moved = std::move(loader);
    if (taken > 0) {
      EXPECT_NE(moved.next(), nullptr);
    }
  }
  EXPECT_LT(source->reads, 5000);  // a batch begun is not finished
}

TEST(Loader, CountsWorkersTime) {
  const DataSet data = fake_data(5000);
  Loader loader = make_loader(data, {.batch = 100});
  EXPECT_EQ(loader.worker_cpu_seconds(), 0);
  loader.start(0, 0);
  positions(loader);
  EXPECT_GT(loader.worker_cpu_seconds(), 0);
}

TEST(Loader, RefusesBadOptions) {
  const DataSet data = fake_data(10);
  EXPECT_THROW(make_loader(data, {.batch = 0}), Error);
  EXPECT_THROW(make_loader(data, {.workers = 0}), Error);
  EXPECT_THROW(make_loader(data, {.ahead = 0}), Error);
  EXPECT_THROW(Loader(Samples{}, fake_preprocess(), {}), Error);
  Samples samples = data.train;
  samples.indices.push_back(10);
  EXPECT_THROW(Loader(samples, fake_preprocess(), {}), Error);
  samples.indices.clear();
  EXPECT_THROW(Loader(samples, fake_preprocess(), {}), Error);
  Preprocess other = fake_preprocess();
  other.std = {1, 0};
  EXPECT_THROW(Loader(data.train, other, {}), Error);
  other.std = {1};
  EXPECT_THROW(Loader(data.train, other, {}), Error);
  Loader loader = make_loader(data, {.batch = 5});
  EXPECT_THROW(loader.next(), Error);
  EXPECT_THROW(loader.start(0, 0, -1), Error);
  EXPECT_THROW(loader.start(0, 0, 3), Error);
  EXPECT_THROW(loader.start(0, -2), Error);
  loader.start(0, 0);
  EXPECT_EQ(positions(loader).size(), 10u);
}

}  // namespace
}  // namespace retort
