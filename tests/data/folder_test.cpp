#include <gtest/gtest.h>

#include <algorithm>
#include <fstream>
#include <set>

#include "base/file.h"
#include "data/file_list.h"
#include "retort/data.h"
#include "support/expect_error.h"
#include "support/temp_dir.h"

namespace retort {
namespace {

using test::expect_error;
using test::TempDir;
using Names = std::vector<std::string>;

class Folder : public testing::Test {
 protected:
  // A file that is no image: opening does not look.
  void put(const std::string& path, const std::string& bytes = "x") {
    fs::create_directories((dir_ / path).parent_path());
    std::ofstream(dir_ / path) << bytes;  // write_file syncs
  }
  void put_many(const std::string& directory, int count) {
    for (int i = 0; i < count; ++i) put(directory + "/" + std::to_string(i) + ".png");
  }
  DataSet open(const std::string& below = "") const { return open_data("folder:" + (dir_ / below).string()); }
  void expect_refused(const std::vector<std::string>& words, const std::string& below = "") {
    expect_error([&] { open(below); }, words, Error::Kind::failure);
  }
  // Paths below the directory, of all samples of a split.
  Names names(const Samples& samples) const {
    Names out;
    for (const int64_t i : samples.indices) {
      out.push_back(fs::path(samples.source->name(i)).lexically_relative(dir_.path()).string());
    }
    return out;
  }

  TempDir dir_;
};

std::set<uint64_t> ids(const Samples& samples) {
  std::set<uint64_t> out;
  for (int64_t i = 0; i < samples.size(); ++i) out.insert(samples.id(i));
  return out;
}

// Without labels no class directories are needed, nor looked at.
TEST_F(Folder, MayBePlainWhereLabelsAreNotNeeded) {
  const auto open_plain = [&](const std::string& below = "") {
    return open_unlabeled("folder:" + (dir_ / below).string());
  };
  expect_error([&] { open_plain(); }, {"there is no image", ".webp"}, Error::Kind::failure);
  expect_error([&] { open_plain("nowhere"); }, {"nowhere", "not a directory"});
  put("b.png"), put("a.jpg"), put("notes.txt"), put("some/deep/c.webp");
  const Unlabeled plain = open_plain();
  EXPECT_EQ(plain.spec, "folder:" + dir_.path().string() + "/");
  EXPECT_EQ(names(plain.samples), (Names{"a.jpg", "b.png", "some/deep/c.webp"}));
  EXPECT_EQ(plain.samples.label(0), kNoLabel);
  EXPECT_EQ(ids(plain.samples).size(), 3u);
  put("d.png");
  EXPECT_NE(open_plain().hash, plain.hash);
  put("parts/train/cat/1.png"), put("parts/test/cat/2.png");
  EXPECT_EQ(names(open_plain("parts").samples), (Names{"parts/train/cat/1.png"}));
}

TEST_F(Folder, UnlabelledSamplesStandBehindThoseOfTrain) {
  put_many("labelled/cat", 20), put_many("labelled/dog", 20), put_many("more", 3);
  DataSet data = open("labelled");
  const DataSet before = data;
  add_unlabeled(data, open_unlabeled("folder:" + (dir_ / "more").string()));
  const int64_t labelled = before.train.size();
  ASSERT_EQ(data.train.size(), labelled + 3);
  for (int64_t i = 0; i < labelled; ++i) {
    EXPECT_EQ(data.train.id(i), before.train.id(i));
    EXPECT_EQ(data.train.label(i), before.train.label(i));
  }
  EXPECT_EQ(data.train.label(labelled), kNoLabel);
  EXPECT_EQ(data.train.source->name(data.train.indices.back()), (dir_ / "more/2.png").string());
  EXPECT_EQ(data.hash, before.hash);
  EXPECT_FALSE(data.unlabeled_hash.empty());
  EXPECT_NE(data.train.hash(), before.train.hash());
  EXPECT_EQ(data.val.hash(), before.val.hash());
  // The same data once more, as if nobody knew its labels, are other samples.
  DataSet twice = before;
  add_unlabeled(twice, {before.spec, before.hash, before.train});
  EXPECT_EQ(ids(twice.train).size(), static_cast<size_t>(2 * labelled));
}

TEST_F(Folder, ReadsClassesBelowTrainValAndTest) {
  for (const char* part : {"train", "validation", "test"}) {
    put(std::string(part) + "/dog/b.JPG");
    put(std::string(part) + "/cat/deep/down/a.webp");
  }
  put("train/dog/a.jpeg");
  put("train/ant/1.png");
  const DataSet data = open();
  EXPECT_EQ(data.label_names, (Names{"ant", "cat", "dog"}));
  EXPECT_EQ(data.shape, (ImageShape{3, 0, 0}));
  EXPECT_EQ(data.mean, (std::vector<double>{0.485, 0.456, 0.406}));
  EXPECT_EQ(names(data.train),
            (Names{"train/ant/1.png", "train/cat/deep/down/a.webp", "train/dog/a.jpeg", "train/dog/b.JPG"}));
  EXPECT_EQ(names(data.val), (Names{"validation/cat/deep/down/a.webp", "validation/dog/b.JPG"}));
  EXPECT_EQ(names(data.split("test")), (Names{"test/cat/deep/down/a.webp", "test/dog/b.JPG"}));
  EXPECT_EQ(data.val.label(0), 1);
  EXPECT_EQ(data.test.label(1), 2);
  EXPECT_EQ(data.split("all").size(), 8);
  EXPECT_EQ(ids(data.split("all")).size(), 8u);  // the same path in other parts is another sample
}

TEST_F(Folder, HoldsValOutOfTrainWhereThereIsOnlyTest) {
  put_many("train/a", 1000);
  put_many("test/a", 3);
  const DataSet data = open();
  EXPECT_EQ(data.train.size() + data.val.size(), 1000);
  EXPECT_NEAR(static_cast<double>(data.val.size()), 100, 47);  // five standard deviations
  EXPECT_EQ(data.test.size(), 3);
}

TEST_F(Folder, WithoutTestSaysWhatThereIs) {
  put_many("train/a", 50);
  put_many("valid/a", 5);
  const DataSet data = open();
  EXPECT_EQ(data.train.size(), 50);
  EXPECT_EQ(data.split("val").size(), 5);
  EXPECT_EQ(data.test.size(), 0);
  expect_error([&] { data.split("test"); }, {"no split test", "--split train or val"}, Error::Kind::usage);
  EXPECT_EQ(data.split("all").size(), 55);
}

TEST_F(Folder, SplitsAFlatFolderByItsIds) {
  put_many("a", 700);
  put_many("b", 300);
  const DataSet data = open();
  EXPECT_NEAR(static_cast<double>(data.train.size()), 800, 63);
  EXPECT_NEAR(static_cast<double>(data.val.size()), 100, 47);
  EXPECT_NEAR(static_cast<double>(data.test.size()), 100, 47);
  EXPECT_EQ(data.split("all").size(), 1000);
  EXPECT_EQ(data.split("all").split, "all");
  const std::set<uint64_t> before = ids(data.val);
  put_many("c", 10);  // and nothing else moves
  const std::set<uint64_t> after = ids(open().val);
  EXPECT_TRUE(std::includes(after.begin(), after.end(), before.begin(), before.end()));
}

TEST_F(Folder, AClassMayBeCalledTrain) {
  put_many("train", 3);
  put_many("car", 3);
  EXPECT_EQ(open().label_names, (Names{"car", "train"}));
}

// Stores and predictions on disk name samples by these ids: they must never change.
TEST_F(Folder, IdsAndSplitsAreFixedForEver) {
  put_many("train/cat", 12);
  put("test/cat/sub/x.jpg");
  const DataSet data = open();
  EXPECT_EQ(data.test.id(0), 6384950370006867782u);
  EXPECT_EQ(names(data.val), (Names{"train/cat/10.png"}));
}

TEST_F(Folder, IdsAndHashDoNotDependOnWhereItLies) {
  put_many("here/train/a", 20);
  put_many("here/val/a", 5);
  const DataSet before = open("here");
  fs::rename(dir_ / "here", dir_ / "there");
  fs::rename(dir_ / "there/val", dir_ / "there/validation");
  const DataSet after = open("there");
  EXPECT_EQ(after.hash, before.hash);
  EXPECT_EQ(after.train.hash(), before.train.hash());
  EXPECT_EQ(after.val.hash(), before.val.hash());
  put("there/train/a/3.png", "longer");
  EXPECT_NE(open("there").hash, before.hash);
  EXPECT_EQ(open("there").train.hash(), before.train.hash());
}

TEST_F(Folder, CountsWhatItPassesOver) {
  put_many("a", 3);
  for (const char* name : {"a/x.bmp", "a/y.TIF", "a/deep/z.bmp", "a/noextension", "a/.hidden.png", ".git/b/1.png",
                           "a/.thumbs/1.png", "outside.jpg", "README.md"}) {
    put(name);
  }
  const DataSet data = open();
  EXPECT_EQ(data.label_names, (Names{"a"}));
  EXPECT_EQ(data.split("all").size(), 3);
  const std::map<std::string, int64_t> want = {
      {".bmp", 2}, {".tif", 1}, {"other", 1}, {".md", 1}, {"images outside a class directory", 1}};
  EXPECT_EQ(data.passed_over, want);
}

TEST_F(Folder, FollowsLinksButNotInCircles) {
  put_many("elsewhere/one/a", 2);
  put("data/real/1.png");
  fs::create_directory_symlink(dir_ / "elsewhere/one", dir_ / "data/linked");
  fs::create_symlink(dir_ / "elsewhere/one/a/0.png", dir_ / "data/real/2.png");
  fs::create_directory_symlink(dir_ / "data", dir_ / "data/real/up");
  fs::create_directory_symlink(dir_ / "data/real", dir_ / "data/real/self");
  fs::create_symlink(dir_ / "nowhere", dir_ / "data/real/dangling.png");
  const DataSet data = open("data");
  EXPECT_EQ(names(data.split("all")), (Names{"data/linked/a/0.png", "data/linked/a/1.png", "data/real/1.png",
                                             "data/real/2.png", "data/real/dangling.png"}));
}

TEST_F(Folder, RefusesWhatIsNoImageFolder) {
  fs::create_directories(dir_ / "empty");
  expect_refused({"no class directories", "DIR/CLASS/*.jpg"}, "empty");
  put("file", "");
  expect_refused({"not a directory"}, "file");
  expect_error([] { open_data("folder"); }, {"folder:DIR"}, Error::Kind::usage);
  put_many("onlyval/val/a", 1);
  expect_refused({"no train", "folder:", "onlyval/val", "--split all"}, "onlyval");
  put_many("two/train/a", 1), put_many("two/val/a", 1), put_many("two/valid/a", 1);
  expect_refused({"two directories for val"}, "two");
}

TEST_F(Folder, RefusesClassesThatDoNotAgree) {
  put_many("train/a", 1), put_many("train/b", 1), put_many("val/b", 1);
  EXPECT_EQ(open().val.label(0), 1);
  put("val/zebra/1.png");
  expect_refused({"val", "class 'zebra'"});
  fs::remove_all(dir_ / "val/zebra");
  put("train/c/1.bmp");
  expect_refused({"train/c", "no image"});
  fs::remove_all(dir_ / "train/c");
  put("train/\xff/1.png");
  expect_refused({"not UTF-8"});
}

TEST_F(Folder, ListsPathsInTheOrderOfTheirBytes) {
  for (const char* name : {"a/b.png", "a.png", "a/a/c.png", "a-b.png", "a0.png", "B.png"}) put(name, "12345");
  const FileList list = list_images(dir_.path(), {});
  EXPECT_EQ(list.names, "B.pnga-b.pnga.pnga/a/c.pnga/b.pnga0.png");
  EXPECT_EQ(list.ends, (std::vector<uint64_t>{5, 12, 17, 26, 33, 39}));
  EXPECT_EQ(list.sizes, std::vector<uint64_t>(6, 5));
}

}  // namespace
}  // namespace retort
