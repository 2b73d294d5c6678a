// distill --quantize int8: what is trained, kept and refused. The rounding itself is tested in tests/network.
#include "base/file.h"
#include "base/safetensors.h"
#include "graph/int8.h"
#include "retort/losses.h"
#include "retort/network.h"
#include "train/tiny_distilling.h"

namespace retort::test {
namespace {

class QuantizeTest : public DistillTest {
 protected:
  /// Soft labels, and a student in float32 that has learnt from them.
  void make_student() {
    make_teacher();
    train(student("plain", from("labels")));
  }
  TrainOptions int8(const std::string& name, const std::string& loss = "kd") const {
    DistillOptions distill = from("labels");
    distill.loss = loss;
    distill.quantize = "int8";
    TrainOptions o = student(name, distill);
    o.pretrained = path("plain");
    o.precision = "auto";
    o.lr = 1e-3;
    return o;
  }
};

TEST_F(QuantizeTest, KeepsRangesWithPlainWeightsAndResumesBitForBit) {
  make_student();
  const TrainResult result = train(int8("straight"));
  const Safetensors kept(dir_ / "straight" / "model.safetensors");
  const Int8Ranges ranges = parse_int8_ranges("test", kept.metadata().at(kInt8Key));
  EXPECT_LT(ranges.at("input").low, ranges.at("input").high);
  EXPECT_EQ(json("straight", "run.json").at("precision"), "f32");
  const Safetensors before(dir_ / "plain" / "model.safetensors");
  const auto same = [&](const std::string& name) {
    const auto &a = kept.at(name).bytes, &b = before.at(name).bytes;
    return std::equal(a.begin(), a.end(), b.begin(), b.end());
  };
  EXPECT_TRUE(same("bn1.running_mean") && same("bn1.running_var"));
  EXPECT_FALSE(same("conv1.weight") || same("bn1.weight"));
  EXPECT_EQ(Model(path("straight")).precision(), "f32");
  EXPECT_GT(result.val.accuracy, 0);

  TrainOptions o = int8("stopped");
  EXPECT_TRUE(train(o, stop_after(3)).stopped);
  EXPECT_TRUE(Safetensors(checkpoint("stopped")).tensors().contains("int8.high"));
  o.resume = true;
  EXPECT_FALSE(train(o).stopped);
  EXPECT_TRUE(weights("straight") == weights("stopped"));
  EXPECT_EQ(losses("straight"), losses("stopped"));
  o = int8("again");  // from a student that was trained so
  o.pretrained = path("straight");
  EXPECT_FALSE(train(o).stopped);
}

TEST_F(QuantizeTest, LearnsByEveryLossOfLogits) {
  make_student();
  for (const ListedItem& item : list_losses()) {
    if (!Loss(item.name).feature_terms().empty()) continue;
    SCOPED_TRACE(item.name);
    TrainOptions o = int8(item.name, item.name);
    o.epochs = 1;
    train(o);
    EXPECT_TRUE(Safetensors(dir_ / item.name / "model.safetensors").metadata().contains(kInt8Key));
  }
}

TEST_F(QuantizeTest, WhatCannotBeIsRefused) {
  const auto refuse = [](const TrainOptions& o, const std::vector<std::string>& words) {
    expect_error([&] { train(o); }, words, Error::Kind::usage);
  };
  TrainOptions o = int8("never");
  o.distill->quantize = "int4";
  refuse(o, {"distill --quantize", "int4", "int8"});
  o = int8("never");
  o.pretrained = "";
  refuse(o, {"distill --quantize", "--pretrained"});
  o = int8("never");
  o.precision = "bf16";
  refuse(o, {"distill --precision", "bf16", "f32"});
  EXPECT_FALSE(has("never"));
}

}  // namespace
}  // namespace retort::test
