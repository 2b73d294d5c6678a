#include "retort/data.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <set>

#include "support/idx_files.h"
#include "support/temp_dir.h"

namespace retort {
namespace {

std::set<uint64_t> ids(const Samples& samples) {
  std::set<uint64_t> out;
  for (int64_t i = 0; i < samples.size(); ++i) out.insert(samples.id(i));
  return out;
}

bool ascending(const std::vector<int64_t>& values) {
  return std::adjacent_find(values.begin(), values.end(), std::greater_equal<>()) == values.end();
}

class Splits : public testing::Test {
 protected:
  Splits()
      : data_(open_data(test::write_idx_data(dir_.path(), {.train = 5000, .test = 300, .height = 2, .width = 2}))) {}
  test::TempDir dir_;
  DataSet data_;
};

TEST_F(Splits, AreDisjointAndWhole) {
  const std::set<uint64_t> train = ids(data_.train), val = ids(data_.val), test = ids(data_.test);
  std::set<uint64_t> all = train;
  all.insert(val.begin(), val.end());
  all.insert(test.begin(), test.end());
  EXPECT_EQ(all.size(), 5300u);
  EXPECT_EQ(train.size() + val.size(), 5000u);
  EXPECT_EQ(test.size(), 300u);
  EXPECT_NEAR(static_cast<double>(val.size()), 500, 100);  // five standard deviations
}

TEST_F(Splits, KeepTheOrderOfTheFiles) {
  for (const char* name : {"train", "val", "test"}) {
    EXPECT_EQ(data_.split(name).split, name);
    EXPECT_TRUE(ascending(data_.split(name).indices));
  }
  EXPECT_THROW(data_.split("valid"), Error);
}

TEST_F(Splits, DoNotDependOnHowManySamplesThereAre) {
  const test::TempDir other;
  const DataSet fewer = open_data(test::write_idx_data(other.path(), {.train = 1000, .height = 3, .width = 2}));
  EXPECT_TRUE(std::equal(fewer.val.indices.begin(), fewer.val.indices.end(), data_.val.indices.begin()));
  EXPECT_EQ(fewer.train.id(0), data_.train.id(0));
}

// Stores and predictions on disk name samples by these ids: they must never change.
TEST_F(Splits, IdsAndSplitsAreFixedForEver) {
  EXPECT_EQ(data_.train.id(0), 7804140424620613037ull);
  EXPECT_EQ(data_.test.id(0), 16683380517727509353ull);
  EXPECT_EQ(data_.val.indices[0], 6);
  EXPECT_EQ(data_.train.subset(3).indices, (std::vector<int64_t>{2116, 3828, 4705}));
}

TEST_F(Splits, SubsetsAreNestedAndOrdered) {
  std::set<uint64_t> before;
  for (const int64_t count : {1, 10, 500, 2000, 4000}) {
    const Samples subset = data_.train.subset(count);
    EXPECT_EQ(subset.size(), count);
    EXPECT_EQ(subset.split, "train");
    EXPECT_TRUE(ascending(subset.indices));
    const std::set<uint64_t> now = ids(subset);
    EXPECT_TRUE(std::includes(now.begin(), now.end(), before.begin(), before.end()));
    before = now;
    EXPECT_EQ(subset.subset(1).id(0), data_.train.subset(1).id(0));
  }
  for (const int64_t count : {int64_t{0}, int64_t{-1}, data_.train.size(), int64_t{1000000}}) {
    EXPECT_EQ(data_.train.subset(count).indices, data_.train.indices);
  }
}

TEST_F(Splits, HashTellsSamplesApart) {
  Samples samples = data_.val;
  EXPECT_EQ(samples.hash(), data_.val.hash());
  std::swap(samples.indices[0], samples.indices[1]);
  EXPECT_NE(samples.hash(), data_.val.hash());
  EXPECT_NE(data_.val.subset(10).hash(), data_.val.subset(11).hash());
  const test::TempDir other;
  const DataSet relabelled = open_data(
      test::write_idx_data(other.path(), {.train = 5000, .test = 300, .classes = 9, .height = 2, .width = 2}));
  EXPECT_NE(relabelled.val.hash(), data_.val.hash());
}

TEST(Data, ListsItsKinds) {
  std::set<std::string> names;
  for (const ListedItem& item : list_data()) {
    names.insert(item.name);
    EXPECT_FALSE(item.help.empty());
  }
  EXPECT_EQ(names, (std::set<std::string>{"cifar10", "cifar100", "fashion-mnist", "folder", "idx"}));
}

TEST(Data, OpensFashionMnist) {
  if (!fs::exists("/usr/share/datasets/fashion-mnist")) GTEST_SKIP() << "dataset-fashion-mnist is not installed";
  const DataSet data = open_data("fashion-mnist");
  EXPECT_EQ(data.shape, (ImageShape{1, 28, 28}));
  EXPECT_EQ(data.classes(), 10);
  EXPECT_EQ(data.label_names[9], "Ankle boot");
  EXPECT_EQ(data.train.size() + data.val.size(), 60000);
  EXPECT_NEAR(static_cast<double>(data.val.size()), 6000, 400);
  EXPECT_EQ(data.test.size(), 10000);
  EXPECT_EQ(data.test.label(0), 9);
  EXPECT_EQ(data.hash, "d1fd84a877f3b78fa9a171b3de73f93e7b6f69ed94bada3feae9d96821401f5c");
  const DataSet measured = open_data("idx:/usr/share/datasets/fashion-mnist");
  EXPECT_EQ(measured.hash, data.hash);
  EXPECT_EQ(measured.val.hash(), data.val.hash());
  EXPECT_NEAR(measured.mean[0], data.mean[0], 1e-4);
  EXPECT_NEAR(measured.std[0], data.std[0], 1e-4);
}

}  // namespace
}  // namespace retort
