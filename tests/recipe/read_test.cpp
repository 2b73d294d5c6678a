#include "recipe/read.h"

#include <gtest/gtest.h>

#include <limits>

#include "support/expect_error.h"

namespace retort {
namespace {

RecipeOptions recipe(const std::string& text, std::vector<std::string> set = {}) {
  return {.name = "r.toml", .text = text, .set = std::move(set)};
}

void refuse(const std::string& text, const std::vector<std::string>& words, std::vector<std::string> set = {}) {
  test::expect_error([&] { read_recipe(recipe(text, std::move(set))); }, words, Error::Kind::usage);
}

const char* const kPipeline = R"(out = "o"
data = "idx:d"
samples = 90
[defaults.train]
batch = 32
lr = 0.05
[[train]]
model = "resnet8"
[[train]]
name = "b"
model = "resnet8"
lr = 0.2
[[ensemble]]
name = "both"
members = ["resnet8", "b"]
method = "weighted"
[[distill]]
name = "student"
model = "resnet8_half"
teacher = "both"
seeds = [4, 5]
[report]
)";

std::vector<std::string> names(const Recipe& r) {
  std::vector<std::string> out;
  for (const RecipeStep& step : r.steps) out.push_back(step.name);
  return out;
}

TEST(ReadRecipe, StepsTakeDefaultsAndKnowEachOther) {
  const Recipe r = read_recipe(recipe(kPipeline));
  EXPECT_EQ(names(r), (std::vector<std::string>{"resnet8", "b", "both", "student-seed4", "student-seed5", "report"}));
  const TrainOptions& a = *r.steps[0].step->training();
  EXPECT_EQ(std::tie(a.data, a.samples, a.batch, a.lr), std::make_tuple("idx:d", 90, 32, 0.05));
  EXPECT_EQ(r.steps[1].step->training()->lr, 0.2);
  const TrainOptions& student = *r.steps[4].step->training();
  EXPECT_EQ(std::tie(student.seed, student.lr, student.distill->teacher), std::make_tuple(5u, 0.05, "o/both"));
  EXPECT_EQ(r.steps[2].needs, (std::vector<size_t>{0, 1}));
  EXPECT_EQ(r.steps[4].needs, (std::vector<size_t>{2}));
  EXPECT_EQ(r.steps[5].needs, (std::vector<size_t>{0, 1, 2, 3, 4}));
  EXPECT_EQ(r.steps[5].out, "o");
  EXPECT_EQ(r.steps[2].settings.dump(), R"({"members":"resnet8, b","method":"weighted","data":"idx:d"})");
}

TEST(ReadRecipe, StudentsOfAPassAreReferredToTogetherAndEach) {
  const std::string text = R"(out = "o"
data = "idx:d"
[[distill]]
name = "pass"
teacher = "t"
students = ["resnet8", "vgg8", "resnet8"]
seeds = [1, 2]
[[calibrate]]
model = "pass-seed1/vgg8"
[[ensemble]]
name = "pair"
members = ["pass-seed2/resnet8", "pass/resnet8-2"]
[[train]]
name = "t"
model = "resnet8"
[report]
models = ["pass", "pair"]
)";
  const Recipe r = read_recipe(recipe(text));
  EXPECT_EQ(names(r), (std::vector<std::string>{"pass-seed1", "pass-seed2", "calibrate", "pair", "t", "report"}));
  EXPECT_EQ(r.steps[0].outputs(),
            (std::vector<fs::path>{"o/pass-seed1/resnet8", "o/pass-seed1/vgg8", "o/pass-seed1/resnet8-2"}));
  EXPECT_EQ(r.steps[0].step->trainings()[1].model, "vgg8");
  EXPECT_EQ(r.steps[2].out, "o/pass-seed1/vgg8");
  const auto list = [&](size_t step, const char* key) {
    return *std::get<std::vector<std::string>*>(field_of(r.steps[step].step->fields(), key).value);
  };
  EXPECT_EQ(list(3, "members"),
            (std::vector<std::string>{"o/pass-seed2/resnet8", "o/pass-seed1/resnet8-2", "o/pass-seed2/resnet8-2"}));
  EXPECT_EQ(r.steps[3].needs, (std::vector<size_t>{1, 0}));
  EXPECT_EQ(list(5, "models").size(), 7u);
  const std::string one = "out = \"o\"\ndata = \"idx:d\"\n[[distill]]\nteacher = \"hf-hub:a/b\"\n";
  refuse(one + "model = \"vgg8\"\nstudents = [\"resnet8\"]\n", {"model", "students"});
  refuse(one + "students = [\"resnet8\", \"resnt8\"]\n", {"resnt8"});
  refuse(one + "students = [\"resnet8\", \"vgg8\"]\n[[calibrate]]\nmodel = \"distill\"\n", {"stands for 2 models"});
}

TEST(ReadRecipe, TablesInPlaceOfTexts) {
  const auto with = [](const std::string& loss) {
    return str(
        "out = \"o\"\n[[train]]\nmodel = \"resnet8\"\n[[distill]]\nmodel = \"resnet8_half\"\nteacher = "
        "\"resnet8\"\nname = \"s\"\nloss = ",
        loss, "\n");
  };
  const auto loss_of = [&](const std::string& loss) {
    return read_recipe(recipe(with(loss))).steps[1].step->trainings().at(0).distill->loss;
  };
  EXPECT_EQ(loss_of(R"({ name = "kd", temperature = 4 })"), "kd:temperature=4");
  EXPECT_EQ(loss_of(R"([{ name = "kd" }, { name = "attention", weight = 500, student_taps = ["layer2", "layer3"] }])"),
            "kd + attention:student_taps=layer2,layer3:weight=500");
  refuse(with("{ temperature = 4 }"), {"r.toml:8", "has no name"});
  refuse(with(R"([{ name = "kd" }, { weight = 2 }])"), {"r.toml:8", "has no name"});
  refuse(with(R"([{ name = "kd", heat = 4 }])"), {"heat"});
}

TEST(ReadRecipe, SeedsAreShifted) {
  RecipeOptions options = recipe(kPipeline);
  options.seed = 100;
  EXPECT_EQ(read_recipe(options).steps[4].step->training()->seed, 105u);
}

TEST(ReadRecipe, OverridesReachTopDefaultsKindsAndSteps) {
  const Recipe r =
      read_recipe(recipe(kPipeline, {"out=p", "defaults.train.epochs=3", "train.b.model=vgg8", "train.lr=0.3",
                                     "distill.student.seeds=[1]", "defaults.ensemble.samples=7"}));
  EXPECT_EQ(names(r), (std::vector<std::string>{"resnet8", "b", "both", "student-seed1", "report"}));
  EXPECT_EQ(r.out, "p");
  for (const size_t i : {0, 1}) EXPECT_EQ(r.steps[i].step->training()->lr, 0.3);
  EXPECT_EQ(r.steps[1].step->training()->model, "vgg8");
  EXPECT_EQ(r.steps[3].step->training()->epochs, 3);
  refuse(kPipeline, {"[--set ", "train.c"}, {"train.c.lr=1"});
  refuse(kPipeline, {"[--set ", "KEY=VALUE"}, {"lr"});
  refuse(kPipeline, {"[--set ", "'epoch'", "did you mean 'epochs'"}, {"train.b.epoch=1"});
}

TEST(ReadRecipe, OnlyKeepsWhatIsNeeded) {
  RecipeOptions options = recipe(kPipeline);
  options.only = {"both"};
  EXPECT_EQ(names(read_recipe(options)), (std::vector<std::string>{"resnet8", "b", "both"}));
  options.only = {"student"};
  EXPECT_EQ(read_recipe(options).steps.size(), 5u);
  options.only = {"studnet"};
  test::expect_error([&] { read_recipe(options); }, {"[--only]", "did you mean 'student'"}, Error::Kind::usage);
}

TEST(ReadRecipe, SaysWhatIsWrongAndWhere) {
  refuse("out = \n", {"[r.toml:1]", "not TOML"});
  refuse("[[train]]\nmodel = \"vgg8\"\n", {"[r.toml]", "'out'"});
  refuse("out = 3\n[[train]]\n", {"[r.toml:1]", "text"});
  refuse("out = \"o\"\n", {"[r.toml]", "no steps"});
  refuse("out = \"o\"\nsample = 3\n[[train]]\n", {"[r.toml:2]", "did you mean 'samples'"});
  refuse("out = \"o\"\n[[trian]]\n", {"[r.toml:2]", "did you mean 'train'"});
  refuse("out = \"o\"\n[defaults.trian]\n", {"[r.toml:2]", "did you mean 'train'"});
  const std::string train = "out = \"o\"\n[[train]]\nmodel = \"vgg8\"\n";
  refuse(train + "epoch = 3\n", {"[r.toml:4]", "did you mean 'epochs'"});
  refuse(train + "epochs = 1.5\n", {"[r.toml:4]", "epochs", "whole number"});
  refuse(train + "lr = [1]\n", {"[r.toml:4]", "lr", "a number"});
  refuse(train + "lr = 2020-01-01\n", {"[r.toml:4]", "date"});
  refuse(train + "lr = -1.0\n", {"[r.toml:2]", "vgg8", "--lr"});
  refuse(train + "seeds = 3\n", {"[r.toml:4]", "list"});
  refuse(train + "[train.more]\nx = 1\n", {"[r.toml:4]"});
  refuse(train + "[[train]]\nmodel = \"vgg8\"\n", {"[r.toml:4]", "two steps are called 'vgg8'"});
  for (const char* name : {"a/b", "..", "", ".x", "a b"}) {
    refuse(train + "name = \"" + name + "\"\n", {"[r.toml:2]", "name is '"});
  }
  refuse(train + "[[ensemble]]\nname = \"e\"\nmembers = [\"vgg8\", \"vgg\"]\n", {"[r.toml:6]", "did you mean 'vgg8'"});
  refuse(train + "[[ensemble]]\nname = \"e\"\nmethod = \"wieghted\"\n", {"[r.toml:4]", "did you mean 'weighted'"});
  refuse("out = \"o\"\n[[train]]\n", {"[r.toml:2]", "--model"});
}

TEST(ReadRecipe, RefusesCyclesAndManyWhereOneIsMeant) {
  const std::string a = "out = \"o\"\n[[distill]]\nname = \"a\"\nmodel = \"vgg8\"\nteacher = \"b\"\n";
  refuse(a + "[[distill]]\nname = \"b\"\nmodel = \"vgg8\"\nteacher = \"a\"\n", {"need each other", "a -> b -> a"});
  refuse(a + "[[train]]\nname = \"b\"\nmodel = \"vgg8\"\nseeds = [1, 2]\n", {"[r.toml:5]", "stands for 2 models"});
}

TEST(ReadRecipe, ACalibrationLiesWithItsTraining) {
  const std::string text =
      "out = \"o\"\n[[ensemble]]\nname = \"e\"\nmembers = [\"cal\"]\n[[calibrate]]\nname = \"cal\"\nmodel = ";
  const Recipe r = read_recipe(recipe(text + "\"vgg8\"\n[[train]]\nmodel = \"vgg8\"\n"));
  EXPECT_EQ(r.steps[1].out, "o/vgg8");
  EXPECT_EQ(r.steps[0].needs, std::vector<size_t>{1});
  refuse(text + "\"e\"\n", {"[r.toml:7]", "no training"});
}

}  // namespace
}  // namespace retort
