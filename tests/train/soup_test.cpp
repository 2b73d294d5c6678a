// Averaged weights.
#include "train/soup.h"

#include <ATen/core/grad_mode.h>

#include "base/safetensors.h"
#include "retort/zoo.h"
#include "train/batch_norm.h"
#include "train/tiny_training.h"

namespace retort::test {
namespace {

class SoupTest : public TrainTest {
 protected:
  std::string member(const std::string& name, uint64_t seed, int64_t epochs = 2) {
    TrainOptions o = options(name);
    o.epochs = epochs;
    o.seed = seed;
    train(o);
    return o.out;
  }
  SoupOptions soup(std::vector<std::string> members, const std::string& method, const std::string& name) const {
    return {.members = std::move(members),
            .method = method,
            .data = data_,
            .batch = 32,
            .augment = "",
            .precision = "f32",
            .threads = 1,
            .out = path(name)};
  }
  static bool is_statistic(const std::string& name) {
    return name.find("running_") != std::string::npos || name.ends_with("num_batches_tracked");
  }
  /// Parameters of `name` must be the sum of weights times those of the members.
  void expect_average(const std::string& name, const std::vector<std::string>& members,
                      const std::vector<double>& weights) const {
    const auto values = [](const Safetensors& file, const std::string& tensor) {
      const auto bytes = file.at(tensor).bytes;
      return std::span(reinterpret_cast<const float*>(bytes.data()), bytes.size() / sizeof(float));
    };
    const Safetensors made(fs::path(path(name)) / "model.safetensors");
    std::vector<std::unique_ptr<Safetensors>> files;
    for (const std::string& m : members)
      files.push_back(std::make_unique<Safetensors>(fs::path(m) / "model.safetensors"));
    for (const auto& [tensor, view] : made.tensors()) {
      if (is_statistic(tensor)) continue;
      const auto got = values(made, tensor);
      for (size_t i = 0; i < got.size(); ++i) {
        double sum = 0;
        for (size_t m = 0; m < files.size(); ++m) sum += weights[m] * values(*files[m], tensor)[i];
        ASSERT_EQ(got[i], static_cast<float>(sum)) << tensor << " " << i;
      }
    }
  }
};

TEST_F(SoupTest, MethodsWeighAsWorkedOutByHand) {
  const SoupMembers four{4, {}};
  EXPECT_EQ(make_soup_method("uniform")(four), (std::vector<double>{0.25, 0.25, 0.25, 0.25}));
  EXPECT_EQ(make_soup_method("ema")(four), (std::vector<double>{0.125, 0.125, 0.25, 0.5}));
  const std::vector<double> slow = make_soup_method("ema:decay=0.9")({3, {}});
  EXPECT_NEAR(slow[0], 0.81, 1e-12);
  EXPECT_NEAR(slow[1], 0.09, 1e-12);
  EXPECT_NEAR(slow[2], 0.1, 1e-12);
}

// Members of 0.5, 0.8, 0.7, 0.8: the second opens; the fourth does harm, the third does none, the first does good.
TEST_F(SoupTest, GreedyKeepsWhatDoesNoHarm) {
  std::vector<std::vector<double>> asked;
  const auto accuracy = [&](const std::vector<double>& w) {
    asked.push_back(w);
    if (w == std::vector<double>{1, 0, 0, 0}) return 0.5;
    if (w == std::vector<double>{0, 0, 1, 0}) return 0.7;
    if (w[3] > 0 && w[1] > 0) return 0.79;
    return w[0] > 0 ? 0.85 : 0.8;
  };
  const std::vector<double> weights = make_soup_method("greedy")({4, accuracy});
  EXPECT_EQ(weights, (std::vector<double>{1.0 / 3, 1.0 / 3, 1.0 / 3, 0}));
  EXPECT_EQ(asked.size(), 7u);
  EXPECT_EQ(asked[4], (std::vector<double>{0, 0.5, 0, 0.5}));
  EXPECT_EQ(asked[5], (std::vector<double>{0, 0.5, 0.5, 0}));
}

TEST_F(SoupTest, OfIdenticalMembersIsTheMember) {
  const std::string a = member("a", 1);
  for (const char* copy : {"b", "c"}) fs::copy(a, path(copy), fs::copy_options::recursive);
  const std::vector<std::string> members = {a, path("b"), path("c")};
  const SoupResult r = make_soup(soup(members, "uniform", "soup"));
  EXPECT_EQ(r.weights, std::vector<double>(3, 1.0 / 3));
  expect_average("soup", {a}, {1});
}

TEST_F(SoupTest, AveragesWeightsAndLeavesARun) {
  const std::vector<std::string> members = {member("a", 1), member("b", 1, 1)};
  const SoupResult r = make_soup(soup(members, "ema:decay=0.25", "soup"));
  EXPECT_EQ(r.weights, (std::vector<double>{0.25, 0.75}));
  expect_average("soup", members, r.weights);
  const Json run = json("soup", "run.json"), made = run.at("soup");
  EXPECT_EQ(run.at("role"), "member");
  EXPECT_EQ(made.at("method"), "ema:decay=0.25");
  EXPECT_EQ(made.at("members")[1].at("sha256"), weights_hash(members[1]));
  EXPECT_EQ(made.at("members")[1].at("weight"), 0.75);
  double cost = 0;
  for (const char* m : {"a", "b"}) cost += json(m, "run.json").at("core_seconds").get<double>();
  EXPECT_GE(run.at("core_seconds").get<double>(), cost);
  EXPECT_EQ(run.at("core_seconds"), r.core_seconds);
  const DataSet data = open_data(data_);
  Model model(path("soup"));
  EXPECT_NEAR(evaluate(predict(model, data, data.val)).nll, r.val.nll, 1e-6);
  EXPECT_EQ(json("soup", "metrics.json").at("val").at("accuracy"), r.val.accuracy);
}

TEST_F(SoupTest, GreedyIsNeverBelowTheBestMember) {
  std::vector<std::string> members;
  double best = 0;
  for (uint64_t seed = 1; seed <= 3; ++seed) {
    members.push_back(member(str("m", seed), seed, /*epochs=*/3));
    const Json metrics = json(str("m", seed), "metrics.json");
    best = std::max(best, metrics.at("val").at("accuracy").get<double>());
  }
  SoupOptions o = soup(members, "greedy", "soup");
  o.bn_samples = 64;
  const SoupResult r = make_soup(o);
  EXPECT_GE(r.val.accuracy, best);
  if (std::count(r.weights.begin(), r.weights.end(), 1.0) == 1) {  // weights of other seeds do not mix well
    const auto m = static_cast<size_t>(std::find(r.weights.begin(), r.weights.end(), 1.0) - r.weights.begin());
    EXPECT_TRUE(weights("soup") == weights(str("m", m + 1)));
  }
}

TEST_F(SoupTest, BatchNormStatisticsAreTheMeanOverBatches) {
  const DataSet data = open_data(data_);
  const Preprocess preprocess{.size = data.shape, .crop_pct = 1, .mean = data.mean, .std = data.std};
  Network network(with_last_batch_statistics(build_model("resnet8_half", 4, 1)), {.precision = Precision::f32});
  Loader loader(data.train, preprocess, {.batch = 50, .drop_last = true});
  std::vector<double> mean, var;
  int64_t batches = 0;
  const at::NoGradGuard no_grad;
  loader.start(0, 0);
  while (const Batch* batch = loader.next()) {  // by hand, of what the first norm sees
    Taps taps{{"conv1", {}}};
    network.forward(wrap_images(batch->images.data(), batch->size, 1, 12, 12, network.device()),
                    /*training=*/false, &taps);
    const at::Tensor seen = taps.at("conv1").contiguous();
    const int64_t channels = seen.size(1), pixels = seen.size(2) * seen.size(3), count = batch->size * pixels;
    mean.resize(static_cast<size_t>(channels)), var.resize(mean.size());
    const float* values = seen.const_data_ptr<float>();
    for (int64_t c = 0; c < channels; ++c) {
      double sum = 0, squares = 0;
      for (int64_t n = 0; n < batch->size; ++n) {
        for (int64_t p = 0; p < pixels; ++p) sum += values[(n * channels + c) * pixels + p];
      }
      for (int64_t n = 0; n < batch->size; ++n) {
        for (int64_t p = 0; p < pixels; ++p) {
          const double off = values[(n * channels + c) * pixels + p] - sum / static_cast<double>(count);
          squares += off * off;
        }
      }
      mean[static_cast<size_t>(c)] += sum / static_cast<double>(count);
      var[static_cast<size_t>(c)] += squares / static_cast<double>(count - 1);
    }
    ++batches;
  }
  compute_batch_norms(network, loader, preprocess.size, {});
  ASSERT_GE(batches, 2);
  for (const NamedTensor& b : network.buffers()) {
    if (b.name == "bn1.num_batches_tracked") {
      EXPECT_EQ(b.tensor.item<int64_t>(), batches);
    }
    if (b.name != "bn1.running_mean" && b.name != "bn1.running_var") continue;
    const std::vector<double>& hand = b.name == "bn1.running_mean" ? mean : var;
    for (size_t c = 0; c < hand.size(); ++c) {
      const double expected = hand[c] / static_cast<double>(batches);
      EXPECT_NEAR(b.tensor.const_data_ptr<float>()[c], expected, 1e-5 * std::max(1.0, std::abs(expected))) << b.name;
    }
  }
}

TEST_F(SoupTest, RefusesWhatCannotBeAveraged) {
  const std::string a = member("a", 1, 1);
  TrainOptions o = options("other");
  o.epochs = 1;
  o.model = "resnet8_quarter";
  train(o);
  const auto refuse = [&](SoupOptions s, const std::vector<std::string>& words) {
    expect_error([&] { make_soup(s); }, words, Error::Kind::usage);
    EXPECT_FALSE(has("soup"));
  };
  refuse(soup({a, o.out}, "uniform", "soup"), {o.out, "resnet8_quarter", "resnet8_half"});
  refuse(soup({a}, "uniform", "soup"), {"1 members"});
  refuse(soup({a, a}, "unifrm", "soup"), {"uniform"});
  refuse(soup({a, a}, "ema:decay=2", "soup"), {"decay"});
  SoupOptions bad = soup({a, a}, "uniform", "soup");
  bad.batch = 0;
  refuse(bad, {"--batch"});
  expect_error([&] { make_soup(soup({a, a}, "uniform", "a")); }, {"finished run"}, Error::Kind::usage);
  expect_error([&] { make_soup(soup({a, a}, "uniform", "soup"), stop_after(1)); }, {"stopped"});
  EXPECT_FALSE(has("soup"));
  TrainOptions fold = options("fold");
  fold.epochs = 1;
  fold.folds = 2, fold.fold = 1;
  train(fold);
  refuse(soup({a, fold.out}, "uniform", "soup"), {fold.out, "folds"});
}

}  // namespace
}  // namespace retort::test
