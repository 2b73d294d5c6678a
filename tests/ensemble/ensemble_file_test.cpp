#include <gtest/gtest.h>

#include <cmath>

#include "base/file.h"
#include "base/hash.h"
#include "retort/ensemble.h"
#include "support/expect_error.h"
#include "support/temp_dir.h"

namespace retort {
namespace {

using test::expect_error;
using test::TempDir;

Ensemble example() {
  Ensemble e;
  e.members = {{"../vgg8", sha256("a")}, {"../resnet20", sha256("b")}};
  e.combiner = "weighted";
  e.weights = {0.25, 0.75};
  e.data = "fashion-mnist";
  e.data_hash = "1234";
  e.split = "val";
  e.val_nll = 0.25, e.val_accuracy = 0.9;
  return e;
}

TEST(EnsembleFile, ComesBackAsItWas) {
  const TempDir dir;
  const Ensemble e = example();
  save_ensemble(dir / "e", e);
  const Ensemble read = load_ensemble(dir / "e");
  ASSERT_EQ(read.members.size(), 2u);
  EXPECT_EQ(read.members[0].path, "../vgg8");
  EXPECT_EQ(read.members[1].sha256, sha256("b"));
  EXPECT_EQ(read.combiner, e.combiner);
  EXPECT_EQ(read.weights, e.weights);
  EXPECT_EQ(read.data, e.data);
  EXPECT_EQ(read.data_hash, e.data_hash);
  EXPECT_EQ(read.split, e.split);
  EXPECT_EQ(read.val_nll, e.val_nll);
  EXPECT_EQ(read.val_accuracy, e.val_accuracy);
  EXPECT_EQ(read.make()->weights(), e.weights);
  const std::string first = read_file(dir / "e" / "ensemble.json");
  save_ensemble(dir / "e", read);
  EXPECT_EQ(read_file(dir / "e" / "ensemble.json"), first);
}

TEST(EnsembleFile, KeepsFullPrecision) {
  const TempDir dir;
  Ensemble e = example();
  e.weights = {1 / 3.0, 2 / 3.0};
  e.val_nll = std::sqrt(2);
  save_ensemble(dir / "e", e);
  EXPECT_EQ(load_ensemble(dir / "e").weights, e.weights);
  EXPECT_EQ(load_ensemble(dir / "e").val_nll, e.val_nll);
}

TEST(EnsembleFile, MakesAbsolutePathsRelative) {
  const TempDir dir;
  Ensemble e = example();
  e.members[0].path = (dir / "runs" / "vgg8").string();
  save_ensemble(dir / "e", e);
  EXPECT_EQ(load_ensemble(dir / "e").members[0].path, "../runs/vgg8");
}

TEST(EnsembleFile, CombinersWithoutNumbersHaveNone) {
  const TempDir dir;
  Ensemble e = example();
  e.combiner = "mean_logits", e.weights = {}, e.split = "";
  save_ensemble(dir / "e", e);
  EXPECT_TRUE(load_ensemble(dir / "e").make()->weights().empty());
  e.weights = {0.5, 0.5};
  expect_error([&] { save_ensemble(dir / "e", e); }, {"mean_logits", "nothing to fit"});
}

TEST(EnsembleFile, RefusesToSaveNonsense) {
  const TempDir dir;
  const auto expect = [&](const auto& change, const std::vector<std::string>& words) {
    Ensemble e = example();
    change(e);
    expect_error([&] { save_ensemble(dir / "e", e); }, words);
    EXPECT_FALSE(fs::exists(dir / "e" / "ensemble.json"));
  };
  expect([](Ensemble& e) { e.members.clear(); }, {"0 members"});
  expect([](Ensemble& e) { e.members.pop_back(), e.weights = {1}; }, {"1 members", "at least two"});
  expect([](Ensemble& e) { e.members[0].path.clear(); }, {"no path"});
  expect([](Ensemble& e) { e.members[0].path = "\xFF"; }, {"not UTF-8"});
  expect([](Ensemble& e) { e.members[1].sha256 = "abc"; }, {"../resnet20", "'abc'", "64"});
  expect([](Ensemble& e) { e.members[1].sha256[0] = 'A'; }, {"lower-case"});
  expect([](Ensemble& e) { e.combiner = "wieghted"; }, {"did you mean 'weighted'?"});
  expect([](Ensemble& e) { e.combiner = "weighted:x=1"; }, {"unknown setting"});
  expect([](Ensemble& e) { e.weights = {1}; }, {"1 weights for 2 members"});
  expect([](Ensemble& e) { e.weights = {0.5, 0.500002}; }, {"sum to 1"});
  expect([](Ensemble& e) { e.weights = {-1, 2}; }, {"weight -1"});
  expect([](Ensemble& e) { e.split = "test"; }, {"nothing is ever fitted on test"});
  expect([](Ensemble& e) { e.val_nll = NAN; }, {"val_nll nan"});
  expect([](Ensemble& e) { e.val_accuracy = 1.5; }, {"val_accuracy 1.5"});
}

TEST(EnsembleFile, RefusesDamagedAndForeignFiles) {
  const TempDir dir;
  save_ensemble(dir.path(), example());
  const fs::path file = dir / "ensemble.json";
  const std::string good = read_file(file);
  for (size_t size = 0; size + 2 < good.size(); size += 5) {
    write_file(file, good.substr(0, size));
    expect_error([&] { load_ensemble(dir.path()); }, {"ensemble.json"}, Error::Kind::failure);
  }
  const auto expect = [&](const std::string& from, const std::string& to, const std::vector<std::string>& words) {
    std::string text = good;
    const size_t at = text.find(from);
    ASSERT_NE(at, std::string::npos) << from;
    write_file(file, text.replace(at, from.size(), to));
    expect_error([&] { load_ensemble(dir.path()); }, words, Error::Kind::failure);
  };
  expect("\"retort_ensemble\": 1", "\"retort_ensemble\": 2", {"retort_ensemble is 2"});
  expect("retort_ensemble", "other", {"'retort_ensemble' is missing"});
  expect("\"weighted\"", "\"stacked\"", {"ensemble.json", "unknown name 'stacked'"});
  expect("\"weighted\"", "7", {"'combiner' is 7"});
  expect("0.25,", "0.35,", {"sum to 1.1"});
  expect("0.25,", "null,", {"'weights' is"});
  expect("0.25,", "", {"1 weights for 2 members"});
  expect("\"split\": \"val\"", "\"split\": \"test\"", {"ever fitted on test"});
  expect(sha256("b"), sha256("b").substr(1), {"64 lower-case"});
  expect("\"path\": \"../vgg8\"", "\"path\": \"\"", {"no path"});
  expect("\"path\": \"../vgg8\"", "\"path\": 3", {"'path' is 3"});
  expect("\"members\": [", "\"members\": [1,", {"'path' is missing"});
  write_file(file, "[]");
  expect_error([&] { load_ensemble(dir.path()); }, {"'retort_ensemble' is missing"});
  expect_error([&] { load_ensemble(dir / "absent"); }, {"absent", "No such file"});
}

}  // namespace
}  // namespace retort
