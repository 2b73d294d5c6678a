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

Fitted weights_of(const std::vector<double>& weights) { return {{"weights", {{std::ssize(weights)}, weights}}}; }

Ensemble example() {
  Ensemble e;
  e.members = {{"../vgg8", sha256("a")}, {"../resnet20", sha256("b")}};
  e.combiner = "weighted";
  e.fitted = weights_of({0.25, 0.75});
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
  EXPECT_EQ(read.fitted, e.fitted);
  EXPECT_EQ(read.weights(), (std::vector<double>{0.25, 0.75}));
  EXPECT_EQ(read.data, e.data);
  EXPECT_EQ(read.data_hash, e.data_hash);
  EXPECT_EQ(read.split, e.split);
  EXPECT_EQ(read.val_nll, e.val_nll);
  EXPECT_EQ(read.val_accuracy, e.val_accuracy);
  EXPECT_EQ(read.make()->fitted(), e.fitted);
  const std::string first = read_file(dir / "e" / "ensemble.json");
  save_ensemble(dir / "e", read);
  EXPECT_EQ(read_file(dir / "e" / "ensemble.json"), first);
}

TEST(EnsembleFile, KeepsFullPrecision) {
  const TempDir dir;
  Ensemble e = example();
  e.fitted = weights_of({1 / 3.0, 2 / 3.0});
  e.val_nll = std::sqrt(2);
  save_ensemble(dir / "e", e);
  EXPECT_EQ(load_ensemble(dir / "e").fitted, e.fitted);
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
  e.combiner = "mean_logits", e.fitted = {}, e.split = "";
  save_ensemble(dir / "e", e);
  EXPECT_TRUE(load_ensemble(dir / "e").make()->fitted().empty());
  e.fitted = weights_of({0.5, 0.5});
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
  expect([](Ensemble& e) { e.members.pop_back(); }, {"1 members; fitted on 2"});
  expect([](Ensemble& e) { e.fitted.clear(); }, {"lack 'weights'"});
  expect([](Ensemble& e) { e.members[0].path.clear(); }, {"no path"});
  expect([](Ensemble& e) { e.members[0].path = "\xFF"; }, {"not UTF-8"});
  expect([](Ensemble& e) { e.members[1].sha256 = "abc"; }, {"../resnet20", "'abc'", "64"});
  expect([](Ensemble& e) { e.members[1].sha256[0] = 'A'; }, {"lower-case"});
  expect([](Ensemble& e) { e.combiner = "wieghted"; }, {"did you mean 'weighted'?"});
  expect([](Ensemble& e) { e.combiner = "weighted:x=1"; }, {"unknown setting"});
  expect([](Ensemble& e) { e.fitted = weights_of({1}); }, {"2 members; fitted on 1"});
  expect([](Ensemble& e) { e.fitted = weights_of({0.5, 0.500002}); }, {"sum to 1"});
  expect([](Ensemble& e) { e.fitted = weights_of({-1, 2}); }, {"weight -1"});
  expect([](Ensemble& e) { e.fitted["weights"].values[0] = NAN; }, {"'weights' holds nan", "finite"});
  expect([](Ensemble& e) { e.fitted["weights"].shape = {3}; }, {"2 numbers", "shape"});
  expect([](Ensemble& e) { e.fitted["weights"].shape = {2, 1}; }, {"2 dimensions; expected 1"});
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
  expect("\"retort_ensemble\": 3", "\"retort_ensemble\": 4", {"retort_ensemble is 4"});
  expect("retort_ensemble", "other", {"'retort_ensemble' is missing"});
  expect("\"weighted\"", "\"stacked\"", {"ensemble.json", "unknown name 'stacked'"});
  expect("\"weighted\"", "7", {"'combiner' is 7"});
  expect("0.25,", "0.35,", {"sum to 1.1"});
  expect("0.25,", "null,", {"fitted weights", "'values' is"});
  expect("0.25,", "", {"1 numbers", "shape"});
  expect("\"fitted\": {", "\"fitted\": {\"more\": 1,", {"fitted more", "'shape' is missing"});
  expect("\"weights\"", "\"weight\"", {"lack 'weights'"});
  expect("\"split\": \"val\"", "\"split\": \"test\"", {"ever fitted on test"});
  expect(sha256("b"), sha256("b").substr(1), {"64 lower-case"});
  expect("\"path\": \"../vgg8\"", "\"path\": \"\"", {"no path"});
  expect("\"path\": \"../vgg8\"", "\"path\": 3", {"'path' is 3"});
  expect("\"members\": [", "\"members\": [1,", {"'path' is missing"});
  write_file(file, "[]");
  expect_error([&] { load_ensemble(dir.path()); }, {"'retort_ensemble' is missing"});
  expect_error([&] { load_ensemble(dir / "absent"); }, {"absent", "No such file"});
}

TEST(EnsembleFile, ReadsVersion1) {
  const TempDir dir;
  const auto write = [&](const std::string& combiner, const std::string& weights) {
    write_file(dir / "ensemble.json",
               R"({"retort_ensemble": 1, "members": [{"path": "a", "sha256": ")" + sha256("a") +
                   R"("}, {"path": "b", "sha256": ")" + sha256("b") + R"("}], "combiner": ")" + combiner +
                   R"(", "weights": )" + weights +
                   R"(, "data": "d", "data_hash": "h", "split": "val", "val_nll": 1, "val_accuracy": 0.5})");
  };
  write("weighted", "[0.25, 0.75]");
  EXPECT_EQ(load_ensemble(dir.path()).fitted, weights_of({0.25, 0.75}));
  write("mean_logits", "[]");
  EXPECT_TRUE(load_ensemble(dir.path()).fitted.empty());
  write("weighted", "[0.25]");
  expect_error([&] { load_ensemble(dir.path()); }, {"2 members; fitted on 1"});
}

TEST(EnsembleFile, MembersOfNoWeightLeave) {
  const TempDir dir;
  Ensemble e = example();
  e.members.push_back({"../vgg13", sha256("c")});
  e.fitted = weights_of({0.25, 0, 0.75});
  const Predictions in{{"a", "b", "c"}, 1, 3, "val", "", {1}, {0}, {1, 2, 3, 9, 9, 9, 3, 2, -1}};
  const Predictions before = combine(*e.make(), in, "e");
  e.drop_idle_members();
  ASSERT_EQ(e.members.size(), 2u);
  EXPECT_EQ(e.members[1].path, "../vgg13");
  EXPECT_EQ(e.weights(), (std::vector<double>{0.25, 0.75}));
  const Predictions kept[]{in.only(0), in.only(2)};
  EXPECT_EQ(combine(*e.make(), align(kept), "e").logits, before.logits);
  e.fitted = weights_of({1, 0});
  e.drop_idle_members();
  save_ensemble(dir / "e", e);
  EXPECT_EQ(load_ensemble(dir / "e").members.size(), 1u);  // one member may be the best selection
}

Calibration calibration() {
  return {"temperature", {{"temperatures", {{1}, {2}}}}, "fashion-mnist", "1234", 0.3, 0.25, 0.1, 0.05};
}

TEST(EnsembleFile, KeepsACalibration) {
  const TempDir dir;
  Ensemble e = example();
  e.calibration = calibration();
  save_ensemble(dir / "e", e);
  const Ensemble read = load_ensemble(dir / "e");
  ASSERT_TRUE(read.calibration);
  EXPECT_EQ(read.calibration->spec, "temperature");
  EXPECT_EQ(read.calibration->fitted, e.calibration->fitted);
  EXPECT_EQ(read.calibration->nll_after, 0.25);
  EXPECT_EQ(read.calibration->ece_before, 0.1);
  // Logits 4, 0 and 8, 0 combine to 7, 0, and to 3.5, 0 at temperature 2.
  const Predictions in{{"a", "b"}, 1, 2, "val", "", {1}, {0}, {4, 0, 8, 0}};
  const Predictions out = combine(*read.make(), in, "e");
  EXPECT_NEAR(out.logits[0] - out.logits[1], 3.5, 1e-6);
  e.calibration->fitted = {};
  expect_error([&] { save_ensemble(dir / "f", e); }, {"'temperature' cannot be made", "lack 'temperatures'"});
  e.calibration->fitted = {{"temperatures", {{1}, {-2}}}};
  expect_error([&] { save_ensemble(dir / "f", e); }, {"temperature -2"});
}

TEST(CalibrationFile, ComesBackAndKnowsItsWeights) {
  const TempDir dir;
  EXPECT_FALSE(load_calibration(dir.path(), sha256("a")));
  save_calibration(dir.path(), calibration(), sha256("a"));
  const auto read = load_calibration(dir.path(), sha256("a"));
  ASSERT_TRUE(read);
  EXPECT_EQ(read->fitted, calibration().fitted);
  EXPECT_EQ(read->data, "fashion-mnist");
  EXPECT_EQ(read->data_hash, "1234");
  EXPECT_EQ(read->ece_after, 0.05);
  expect_error([&] { load_calibration(dir.path(), sha256("b")); }, {"calibrate it again"});
}

TEST(CalibrationFile, RefusesDamagedAndForeignFiles) {
  const TempDir dir;
  save_calibration(dir.path(), calibration(), sha256("a"));
  const fs::path file = dir / "calibration.json";
  const std::string good = read_file(file);
  for (size_t size = 0; size + 2 < good.size(); size += 5) {
    write_file(file, good.substr(0, size));
    expect_error([&] { load_calibration(dir.path(), sha256("a")); }, {"calibration.json"}, Error::Kind::failure);
  }
  const auto expect = [&](const std::string& from, const std::string& to, const std::vector<std::string>& words) {
    std::string text = good;
    write_file(file, text.replace(text.find(from), from.size(), to));
    expect_error([&] { load_calibration(dir.path(), sha256("a")); }, words, Error::Kind::failure);
  };
  expect("\"retort_calibration\": 1", "\"retort_calibration\": 2", {"retort_calibration is 2"});
  expect("\"temperature\"", "\"temperatur\"", {"did you mean 'temperature'?"});
  expect("\"temperatures\"", "\"scales\"", {"lack 'temperatures'"});
  expect("2.0", "1e999", {"calibration.json"});
  expect("2.0", "0.0", {"temperature 0"});
  expect("0.05", "1.05", {"ECE", "shares"});
  expect(sha256("a"), "abc", {"'abc'", "64"});
}

}  // namespace
}  // namespace retort
