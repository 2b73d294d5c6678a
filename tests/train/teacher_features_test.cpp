// Features of teachers: of which member, stored or live, and distillation tokens.
#include "base/safetensors.h"
#include "train/teacher.h"
#include "train/tiny_distilling.h"

namespace retort::test {
namespace {

/// An ensemble whose members have embeddings of two lengths.
class TeacherFeaturesTest : public DistillTest {
 protected:
  void make_unlike() {
    train_member("a", 1);
    TrainOptions o = options("b");
    o.model = "resnet8_quarter";
    o.epochs = 2;
    train(o);
    fit_ensemble({.members = {path("a"), path("b")}, .data = data_, .threads = 1, .out = path("ensemble")});
  }
  LabelOptions with_features(const std::vector<std::string>& features) const {
    LabelOptions o = label_options("ensemble", "labels");
    o.features = features;
    return o;
  }
  DistillOptions looking(const std::string& loss, const std::string& member) const {
    DistillOptions d{.teacher = path("ensemble"), .loss = loss, .teacher_precision = "f32"};
    d.feature_teacher = member;
    return d;
  }
};

TEST_F(TeacherFeaturesTest, ComeFromTheMemberThatIsAskedFor) {
  make_unlike();
  const std::string loss = "kd + crd:negatives=8:dim=4";
  const auto length = [&](const std::string& member) {
    TrainOptions o = student("run " + member, looking(loss, member));
    EXPECT_TRUE(train(o, stop_after(1)).stopped);
    return Safetensors(checkpoint("run " + member)).at("loss.1.crd.teacher.weight").shape.at(1);
  };
  EXPECT_EQ(length(""), 32);
  EXPECT_EQ(length("0"), 32);
  EXPECT_EQ(length("1"), 16);
  EXPECT_EQ(length("b"), 16);
  for (const char* bad : {"2", "-1", "c", "1x"}) {
    expect_error([&] { train(student("never", looking(loss, bad))); }, {"--feature-teacher", bad, "a, b", "0 to 1"},
                 Error::Kind::usage);
  }
}

// Logits, and features of one member and of each, from one run of each network: what each alone gives.
TEST_F(TeacherFeaturesTest, AndLogitsComeFromOneRunOfEachNetwork) {
  make_unlike();
  const DataSet data = open_data(data_);
  TrainOptions o = student("any", looking("kd", "b"));
  Views views(data.train, {.batch = 32});
  const auto answer = [&](const LooksOfLosses& looks, Taps features, std::vector<Taps> member_features) {
    const Teacher teacher = retort::make_teacher(o, nullptr, data, views, looks, {});
    views.start(0, kPlainView);
    EXPECT_TRUE(views.next());
    std::vector<float> members(2 * 32 * 4), combined(32 * 4);
    teacher.answer(views.batch(), {members, combined, features, member_features});
    return std::tuple(members, combined, features, member_features);
  };
  const auto [members, combined, none, none_each] = answer({}, {}, {});
  const auto [again, combined_again, features, each] =
      answer({true, true, true}, {{"layer3", {}}}, {{{"flatten", {}}}, {{"layer3", {}}, {"flatten", {}}}});
  EXPECT_EQ(members, again);
  EXPECT_EQ(combined, combined_again);
  EXPECT_EQ(features.at("layer3").sizes(), at::IntArrayRef({32, 16, 3, 3}));
  EXPECT_TRUE(features.at("layer3").equal(each[1].at("layer3")));
  EXPECT_EQ(each[0].at("flatten").sizes(), at::IntArrayRef({32, 32}));
  EXPECT_FALSE(features.at("layer3").requires_grad());
}

// Losses of vectors work from the store alone, and as beside the teacher.
TEST_F(TeacherFeaturesTest, MayBeStored) {
  make_unlike();
  LabelOptions o = with_features({"layer2", "embedding"});
  const auto info = write_labels(o);
  ASSERT_TRUE(info);
  EXPECT_EQ(info->teachers[1].features.at(0).length, 8);
  EXPECT_EQ(info->teachers[1].features.at(1).length, 16);
  EXPECT_TRUE(verify_labels(o, 20).good());
  DistillOptions stored = from("labels");
  stored.feature_teacher = "b";
  stored.loss =
      "kd + rkd + pkt:weight=100 + crd:negatives=8:dim=4 + correlation:teacher_taps=layer2:student_taps=layer3";
  DistillOptions live = stored;
  live.labels = "", live.teacher = path("ensemble");
  const auto run = [&](const std::string& name, const DistillOptions& distill) {
    TrainOptions training = student(name, distill);
    training.views = 2;
    train(training);
    return losses(name);
  };
  const std::vector<double> a = run("stored", stored);
  live.loss = "kd + rkd + pkt:weight=100 + crd:negatives=8:dim=4 + correlation:teacher_taps=layer2:student_taps=layer3";
  const std::vector<double> b = run("live", live);
  for (size_t i = 0; i < a.size(); ++i) EXPECT_NEAR(a[i], b[i], 1e-2 * std::abs(b[i])) << i;

  const auto refuse = [&](const std::string& loss, const std::vector<std::string>& words) {
    stored.loss = loss;
    expect_error([&] { train(student("never", stored)); }, words, Error::Kind::usage);
  };
  refuse("pkt:teacher_taps=layer1", {"layer1", "layer2, embedding", "--features layer1"});
  refuse("srrl", {"srrl", "--teacher"});
  o.out = path("never");
  o.features = {"layer9"};
  expect_error([&] { write_labels(o); }, {"--features", "layer9", "layer1"}, Error::Kind::usage);
  EXPECT_FALSE(has("never"));
}

// The class token learns from labels, the distillation token from the teacher, and both predict (DeiT, section 4).
TEST_F(TeacherFeaturesTest, DistillationTokensLearnFromTheTeacherAlone) {
  train_member("a", 1);
  const auto run = [&](const std::string& name, const std::string& loss, double alpha) {
    TrainOptions o = student(name, {.teacher = path("a"), .loss = loss, .alpha = alpha, .teacher_precision = "f32"});
    o.model = "deit_tiny_distilled_patch16_224";
    o.img_size = 16;
    o.epochs = 1;
    o.optimizer = "adamw", o.lr = 1e-3;
    o.freeze = {"patch_embed", "cls_token", "dist_token", "pos_embed", "blocks", "norm"};
    train(o);
  };
  run("hard", "deit", 0.5);
  run("soft", "deit:kind=soft", 0.5);
  run("all", "deit", 1);
  const Safetensors hard(dir_ / "hard" / "model.safetensors"), soft(dir_ / "soft" / "model.safetensors");
  const auto bytes = [](const Safetensors& file, const std::string& name) {
    const auto& b = file.at(name).bytes;
    return std::string(reinterpret_cast<const char*>(b.data()), b.size());
  };
  EXPECT_NE(bytes(hard, "head_dist.bias"), bytes(soft, "head_dist.bias"));
  EXPECT_EQ(bytes(hard, "head.weight"), bytes(soft, "head.weight"));
  const Json config = json("hard", "config.json");
  EXPECT_EQ(config.at("pretrained_cfg").at("classifier"), (Json{"head", "head_dist"}));
  EXPECT_EQ(read_config(path("hard")).distill_classifier, "head_dist");
  Model model(path("hard"));  // and it can be used
  const DataSet data = open_data(data_);
  EXPECT_EQ(predict(model, data, data.test).samples, 20);
}

}  // namespace
}  // namespace retort::test
