#include "train/options.h"

#include <gtest/gtest.h>

#include <cmath>

#include "support/expect_error.h"

namespace retort {
namespace {

TrainOptions good() { return {.out = "run"}; }
TrainOptions good_student() { return {.out = "run", .distill = DistillOptions{.labels = "labels"}}; }

void refuse(const TrainOptions& options, const std::vector<std::string>& words) {
  test::expect_error([&] { check_options(options); }, words, Error::Kind::usage);
}

TEST(TrainOptions, DefaultsAreGood) {
  check_options(good());
  check_options(good_student());
}

TEST(TrainOptions, RefusesValuesOutOfRangeByTheOptionsName) {
  const auto change = [](auto member, auto value) {
    TrainOptions o = good();
    o.*member = value;
    return o;
  };
  refuse(change(&TrainOptions::out, std::string()), {"[train --out]"});
  refuse(change(&TrainOptions::model, std::string("resnet81")), {"resnet8"});
  refuse(change(&TrainOptions::samples, -1), {"[train --samples]", "-1"});
  refuse(change(&TrainOptions::epochs, 0), {"[train --epochs]"});
  refuse(change(&TrainOptions::batch, 0), {"[train --batch]"});
  refuse(change(&TrainOptions::optimizer, std::string("adam")), {"[train --optimizer]", "adam", "adamw"});
  for (const double lr : {0.0, -1.0, HUGE_VAL, std::nan("")}) refuse(change(&TrainOptions::lr, lr), {"[train --lr]"});
  refuse(change(&TrainOptions::momentum, 1.0), {"[train --momentum]"});
  refuse(change(&TrainOptions::weight_decay, -1e-4), {"[train --weight-decay]"});
  refuse(change(&TrainOptions::warmup_epochs, 6.0), {"[train --warmup-epochs]"});
  refuse(change(&TrainOptions::label_smoothing, 1.0), {"[train --label-smoothing]"});
  refuse(change(&TrainOptions::clip_grad, -1.0), {"[train --clip-grad]"});
  refuse(change(&TrainOptions::ema, 1.0), {"[train --ema]"});
  refuse(change(&TrainOptions::augment, std::string("random_crop:pad=1")), {"padding"});
  refuse(change(&TrainOptions::views, -1), {"[train --views]"});
  refuse(change(&TrainOptions::threads, -1), {"[train --threads]"});
  refuse(change(&TrainOptions::precision, std::string("f16")), {"f16"});
  refuse(change(&TrainOptions::checkpoint_seconds, -1.0), {"[train --checkpoint-seconds]"});
  refuse(change(&TrainOptions::role, std::string("teacher")), {"[train --role]"});
}

TEST(TrainOptions, RefusesImpossibleDistillation) {
  const auto change = [](auto member, auto value) {
    TrainOptions o = good_student();
    (*o.distill).*member = value;
    return o;
  };
  refuse(change(&DistillOptions::labels, std::string()), {"[distill --labels]", "--teacher"});
  refuse(change(&DistillOptions::alpha, 1.01), {"[distill --alpha]"});
  refuse(change(&DistillOptions::alpha, std::nan("")), {"[distill --alpha]"});
  refuse(change(&DistillOptions::temperature, 0.0), {"[distill --temperature]"});
  refuse(change(&DistillOptions::loss, std::string("kd2")), {"kd2"});
  refuse(change(&DistillOptions::combiner, std::string("median")), {"median"});
  refuse(change(&DistillOptions::teacher_precision, std::string("int8")), {"int8"});
  TrainOptions both = change(&DistillOptions::teacher, std::string("ensemble"));
  both.distill->combiner = "mean_logits";
  refuse(both, {"[distill --combiner]"});
}

TEST(LabelOptions, AreChecked) {
  const LabelOptions good_ones{.teacher = "t", .out = "labels"};
  check_options(good_ones);
  const auto change = [&](auto member, auto value, const std::string& word) {
    LabelOptions o = good_ones;
    o.*member = value;
    test::expect_error([&] { check_options(o); }, {word}, Error::Kind::usage);
  };
  change(&LabelOptions::teacher, std::string(), "[label --teacher]");
  change(&LabelOptions::out, std::string(), "[label --out]");
  change(&LabelOptions::views, 0, "[label --views]");
  change(&LabelOptions::samples, -5, "[label --samples]");
  change(&LabelOptions::augment, std::string("blur"), "blur");
}

TEST(SameOptions, ListsWhatDiffers) {
  TrainOptions a = good_student(), b = a;
  b.out = "elsewhere";
  b.threads = 3;
  b.resume = true;
  b.checkpoint_seconds = 1;
  check_same_options("run", options_json(a), options_json(b));
  b.lr = 0.2;
  b.distill->alpha = 0.25;
  test::expect_error([&] { check_same_options("run", options_json(a), options_json(b)); },
                     {"[run]", "--lr was 0.1, is 0.2", "--alpha was 0.7, is 0.25"}, Error::Kind::usage);
  b = a;
  b.distill.reset();
  test::expect_error([&] { check_same_options("run", options_json(a), options_json(b)); }, {"--alpha"});
}

}  // namespace
}  // namespace retort
