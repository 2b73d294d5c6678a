#include <gtest/gtest.h>

#include <atomic>

#include "base/file.h"
#include "base/file_lock.h"
#include "base/json.h"
#include "retort/recipe.h"
#include "support/expect_error.h"
#include "support/idx_files.h"
#include "support/temp_dir.h"

namespace retort {
namespace {

using Names = std::vector<std::string>;

/// Recipes of a second or less, in a directory of their own.
class RunRecipe : public testing::Test {
 protected:
  RunRecipe() { data_ = test::write_idx_data(dir_ / "data", {.train = 160, .test = 20, .classes = 4}); }

  RecipeOptions recipe(const Names& set = {}) const {
    std::string text = R"(
[defaults.train]
epochs = 1
batch = 32
augment = "random_crop:padding=1"
precision = "f32"
[[train]]
name = "a"
model = "resnet8_quarter"
[[train]]
name = "b"
model = "resnet8_quarter"
seed = 1
[[ensemble]]
name = "both"
method = "weighted"
members = ["a", "b"]
[[label]]
name = "labels"
teacher = "both"
views = 1
augment = "random_crop:padding=1"
[[distill]]
name = "student"
model = "resnet8_quarter"
labels = "labels"
teacher = "both"
)";
    return {.name = "r.toml",
            .text = str("out = \"", out().string(), "\"\ndata = \"", data_, "\"\n", text),
            .set = set,
            .threads = 2};
  }
  fs::path out() const { return dir_ / "out"; }
  std::string weights(const std::string& step) const { return read_file(out() / step / "model.safetensors"); }

  test::TempDir dir_;
  std::string data_;
};

TEST_F(RunRecipe, RunsAllThenNothingThenWhatHasChanged) {
  EXPECT_EQ(plan_recipe(recipe()).names(StepStatus::planned).size(), 5u);
  EXPECT_FALSE(is_there(out()));
  EXPECT_EQ(run_recipe(recipe()).names(StepStatus::done), (Names{"a", "b", "both", "labels", "student"}));
  EXPECT_EQ(run_recipe(recipe()).names(StepStatus::kept), (Names{"a", "b", "both", "labels", "student"}));

  const std::string a = weights("a"), b = weights("b"), student = weights("student");
  const RecipeResult plan = plan_recipe(recipe({"train.b.lr=0.05"}));
  EXPECT_EQ(plan.names(StepStatus::kept), Names{"a"});
  EXPECT_EQ(plan.steps[1].why, "settings changed: lr 0.1 -> 0.05");
  EXPECT_EQ(plan.steps[2].why, "b is made anew");
  EXPECT_EQ(weights("b"), b);
  const RecipeResult again = run_recipe(recipe({"train.b.lr=0.05"}));
  EXPECT_EQ(again.names(StepStatus::done), (Names{"b", "both", "labels", "student"}));
  EXPECT_EQ(again.steps[4].why, "both has changed, labels has changed");
  EXPECT_EQ(weights("a"), a);
  EXPECT_NE(weights("b"), b);

  // Back again, to the same bits.
  run_recipe(recipe());
  EXPECT_EQ(weights("b"), b);
  EXPECT_EQ(weights("student"), student);
}

TEST_F(RunRecipe, WhatIsGoneOrAlteredIsMadeAnew) {
  RecipeOptions options = recipe();
  options.only = {"both"};
  run_recipe(options);
  const std::string a = weights("a");
  fs::remove_all(out() / "a");
  write_file(out() / "b" / "model.safetensors", "x");
  const RecipeResult plan = plan_recipe(options);
  EXPECT_EQ(plan.steps[0].why, "its output is gone");
  EXPECT_EQ(plan.steps[1].why, "its output is not what it left");
  const RecipeResult again = run_recipe(options);
  EXPECT_EQ(again.names(StepStatus::kept), Names{"both"});  // from members that are as they were
  EXPECT_EQ(weights("a"), a);
}

TEST_F(RunRecipe, SoupsAndCalibrationsAreSteps) {
  RecipeOptions options = recipe();
  options.text +=
      "[[soup]]\nmembers = [\"a\", \"b\"]\nmethod = \"uniform\"\n[[calibrate]]\nname = \"cal\"\nmodel = \"a\"\n";
  options.only = {"soup", "cal"};
  EXPECT_EQ(run_recipe(options).names(StepStatus::done), (Names{"a", "b", "soup", "cal"}));
  EXPECT_TRUE(is_there(out() / "a" / "calibration.json"));
  EXPECT_EQ(run_recipe(options).names(StepStatus::kept), (Names{"a", "b", "soup", "cal"}));
  options.set = {"train.a.lr=0.05"};
  EXPECT_EQ(run_recipe(options).names(StepStatus::done), (Names{"a", "soup", "cal"}));
}

TEST_F(RunRecipe, StudentsOfOnePassAreAStep) {
  RecipeOptions options = recipe();
  options.text += R"(
[[distill]]
name = "pass"
labels = "labels"
students = ["resnet8_quarter", "resnet8_quarter"]
[[ensemble]]
name = "pair"
members = "pass"
)";
  options.only = {"pair"};
  std::atomic<bool> stop = false;
  const Monitor monitor{.progress = [&](const Progress& p) { stop = stop || (p.task.find("-2") != p.task.npos); },
                        .stop = [&] { return stop.load(); }};
  EXPECT_EQ(run_recipe(options, monitor).names(StepStatus::stopped), (Names{"pass", "pair"}));
  EXPECT_EQ(run_recipe(options).names(StepStatus::done), (Names{"pass", "pair"}));
  EXPECT_EQ(weights("pass/resnet8_quarter").size(), weights("pass/resnet8_quarter-2").size());
  EXPECT_NE(weights("pass/resnet8_quarter"), weights("pass/resnet8_quarter-2"));
  EXPECT_EQ(run_recipe(options).names(StepStatus::kept).size(), 6u);
  fs::remove(out() / "pass/resnet8_quarter-2/model.safetensors");
  const RecipeResult plan = plan_recipe(options);
  EXPECT_EQ(plan.steps[4].why, "its output is not what it left");
}

TEST_F(RunRecipe, OneThatFailsLosesOnlyWhatNeedsIt) {
  const RecipeResult result = run_recipe(recipe({"train.b.lr=1e30"}));
  EXPECT_EQ(result.names(StepStatus::done), Names{"a"});
  EXPECT_EQ(result.names(StepStatus::failed), Names{"b"});
  EXPECT_EQ(result.names(StepStatus::skipped), (Names{"both", "labels", "student"}));
  EXPECT_NE(result.steps[1].error.find("step"), std::string::npos) << result.steps[1].error;
  EXPECT_EQ(run_recipe(recipe()).names(StepStatus::kept), Names{"a"});
}

TEST_F(RunRecipe, OneThatIsStoppedGoesOnToTheSameWeights) {
  const Names longer = {"train.epochs=4"};
  RecipeOptions options = recipe(longer);
  options.only = {"a"};
  run_recipe(options);
  const std::string straight = weights("a");
  fs::remove_all(out());
  std::atomic<int> asked = 0;
  const RecipeResult stopped = run_recipe(options, {.stop = [&] { return ++asked > 12; }});
  EXPECT_EQ(stopped.names(StepStatus::stopped), Names{"a"});
  EXPECT_EQ(plan_recipe(options).steps[0].why, "goes on after epoch 2");
  EXPECT_EQ(run_recipe(options).names(StepStatus::done), Names{"a"});
  EXPECT_EQ(weights("a"), straight);
}

TEST_F(RunRecipe, DataThatChangedOrWentAreSeen) {
  RecipeOptions options = recipe();
  options.only = {"a"};
  run_recipe(options);
  test::write_idx_data(dir_ / "data", {.train = 128, .test = 20, .classes = 4});
  EXPECT_NE(plan_recipe(options).steps[0].why.find("data:"), std::string::npos) << plan_recipe(options).steps[0].why;
  fs::remove_all(dir_ / "data");
  EXPECT_THROW(run_recipe(options), Error);
  EXPECT_TRUE(is_there(out() / "a" / "run.json"));
}

TEST_F(RunRecipe, LeavesAloneWhatItDidNotMake) {
  make_directory(out() / "a");
  write_file(out() / "a" / "mine", "x");
  test::expect_error([&] { run_recipe(recipe()); }, {"did not make it"}, Error::Kind::usage);
  EXPECT_EQ(read_file(out() / "a" / "mine"), "x");
}

TEST_F(RunRecipe, TheStateMayBeDamaged) {
  make_directory(out());
  const fs::path file = out() / "recipe_state.json";
  const Names bad = {"",
                     "{",
                     "[]",
                     "7",
                     R"({"retort_recipe": 2, "steps": {}})",
                     R"({"retort_recipe": 1})",
                     R"({"retort_recipe": 1, "steps": [1]})",
                     R"({"retort_recipe": 1, "steps": {"a": {}}})",
                     R"({"retort_recipe": 1, "steps": {"a": {"kind": 1}}})",
                     R"({"retort_recipe": 1, "steps": {"a": {"kind": "train", "settings": {}, "inputs": 3}}})"};
  for (const std::string& text : bad) {
    write_file(file, text);
    test::expect_error([&] { run_recipe(recipe()); }, {"recipe_state.json"}, Error::Kind::failure);
    EXPECT_EQ(read_file(file), text);
  }
  EXPECT_FALSE(is_there(out() / "a"));
}

TEST_F(RunRecipe, OnlyOneRunsInADirectory) {
  make_directory(out());
  const FileLock lock(out() / ".recipe_lock", [] {});
  test::expect_error([&] { run_recipe(recipe()); }, {"another retort run"}, Error::Kind::failure);
}

TEST_F(RunRecipe, OutThatIsAFileIsRefused) {
  write_file(out(), "x");
  test::expect_error([&] { run_recipe(recipe()); }, {out().string()});
}

}  // namespace
}  // namespace retort
