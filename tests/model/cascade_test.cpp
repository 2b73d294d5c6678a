// Cascades of networks: run lazily, measured, fitted.
#include "ensemble/cascade.h"

#include <gtest/gtest.h>

#include <algorithm>

#include "model/tiny_runs.h"
#include "retort/model_bench.h"
#include "support/expect_error.h"
#include "support/idx_files.h"
#include "support/temp_dir.h"

namespace retort {
namespace {

using test::expect_error;

class CascadeModelTest : public testing::Test {
 protected:
  CascadeModelTest() : data(open_data(test::write_idx_data(dir / "data", {.train = 200, .test = 20, .classes = 4}))) {
    a = test::write_run(dir / "a", data, {.seed = 1});
    b = test::write_run(dir / "b", data, {.model = "resnet14", .seed = 2});
  }

  // a alone where it is at least as sure as for half of test, else the mean of both.
  std::string half_settled(const std::string& name, const std::vector<std::string>& members) const {
    Model first(members[0]);
    const Predictions p = predict(first, data, data.test);
    std::vector<double> sure;
    for (size_t i = 0; i < 20; ++i) sure.push_back(confidence(std::span(p.logits).subspan(4 * i, 4)));
    std::sort(sure.begin(), sure.end());
    Ensemble e{.combiner = "mean_logits", .data = data.spec, .data_hash = data.hash};
    for (const std::string& run : members) e.members.push_back({run, weights_hash(run)});
    e.cascade = Cascade{.target = "same", .cost = "macs", .costs = {1, 2}, .val_accuracy = 0.5, .val_cost = 2};
    e.cascade->stages = {{.members = 1, .fitted = {}, .calibration = {}, .threshold = (sure[9] + sure[10]) / 2}};
    save_ensemble(dir / name, e);
    return (dir / name).string();
  }

  EnsembleOptions options(const std::string& target) const {
    return {.members = {b, a},
            .data = data.spec,
            .threads = 1,
            .cascade = target,
            .cascade_cost = "macs",
            .out = (dir / "out").string()};
  }

  test::TempDir dir;
  DataSet data;
  std::string a, b;
};

std::vector<float> lazily(Model& model, const Samples& samples, int64_t batch) {
  std::vector<float> all;
  Loader loader(samples, model.inputs()[0].preprocess, {.batch = batch});
  loader.start(0, kPlainView);
  while (const Batch* next = loader.next()) {
    const float* const images = next->images.data();
    std::vector<float> logits(static_cast<size_t>(next->size * model.classes()));
    model.logits({&images, 1}, next->size, logits.data());
    all.insert(all.end(), logits.begin(), logits.end());
  }
  return all;
}

TEST_F(CascadeModelTest, RunsLazilyWhatItsPredictionsCombineTo) {
  Model model(half_settled("cascade", {a, b}));
  EXPECT_TRUE(model.is_cascade());
  EXPECT_TRUE(model.is_ensemble());
  const Predictions members = predict(model, data, data.test);
  EXPECT_EQ(shares_run(model.combiner(), members), (std::vector<double>{1, 0.5}));
  const Predictions combined = combine(model.combiner(), members, "cascade");
  for (const int64_t batch : {1, 7, 20}) {
    const std::vector<float> logits = lazily(model, data.test, batch);
    ASSERT_EQ(logits.size(), combined.logits.size());
    for (size_t i = 0; i < logits.size(); ++i) EXPECT_NEAR(logits[i], combined.logits[i], 1e-4) << i;
  }
  EXPECT_FALSE(Model(a).is_cascade());
  EXPECT_EQ(model.member(1).cost.macs, Model(b).cost().macs);
}

TEST_F(CascadeModelTest, ACascadeMayBeAMember) {
  const std::string inner = half_settled("inner", {a, b});
  const std::string c = test::write_run(dir / "c", data, {.seed = 3});
  fit_ensemble({.members = {inner, c}, .data = data.spec, .threads = 1, .out = (dir / "outer").string()});
  Model outer((dir / "outer").string()), cascade(inner), third(c);
  EXPECT_TRUE(outer.is_cascade());
  const Predictions members = predict(outer, data, data.test);
  EXPECT_EQ(shares_run(outer.combiner(), members), (std::vector<double>{1, 0.5, 1}));
  const std::vector<float> x = lazily(cascade, data.test, 5), y = lazily(third, data.test, 5);
  const std::vector<float> both = lazily(outer, data.test, 5);
  for (size_t i = 0; i < both.size(); ++i) EXPECT_NEAR(both[i], (x[i] + y[i]) / 2, 1e-4) << i;
  EXPECT_TRUE(std::equal(both.begin(), both.end(), combine(outer.combiner(), members, "").logits.begin(),
                         [](float p, float q) { return std::abs(p - q) < 1e-4; }));
}

TEST_F(CascadeModelTest, IsMeasuredOnRealImages) {
  const std::string cascade = half_settled("cascade", {a, b});
  BenchOptions bench_options{.throughput_batch = 32, .seconds = 0.01};
  expect_error([&] { bench({a, cascade}, bench_options); }, {"is a cascade", "--data"}, Error::Kind::usage);
  bench_options.samples = data.test;
  const std::vector<Measurement> all = bench({a, b, cascade}, bench_options);
  for (const Measurement& m : all) {
    EXPECT_GT(m.latency_mean, 0);
    EXPECT_LE(m.latency_median, m.latency_p99);
    EXPECT_GT(m.throughput, 0);
  }
  bench_options.throughput_batch = 0;
  EXPECT_EQ(bench({a}, bench_options)[0].throughput, 0);
}

TEST_F(CascadeModelTest, IsFittedCalibratedAndKept) {
  for (const std::string target : {"same", "0.9"}) {
    const Ensemble e = fit_ensemble(options(target));
    ASSERT_TRUE(e.cascade);
    EXPECT_EQ(e.cascade->target, target);
    EXPECT_EQ(e.cascade->cost, "macs");
    ASSERT_TRUE(e.calibration);
    EXPECT_EQ(e.calibration->spec, "temperature");
    Model model((dir / "out").string());
    const Predictions val = combine(model.combiner(), predict(model, data, data.val), "e");
    EXPECT_NEAR(evaluate(val).accuracy, e.cascade->val_accuracy, 1e-9);
  }
  expect_error([&] { calibrate_model({.path = (dir / "out").string(), .data = data.spec}); },
               {"is a cascade", "--cascade"}, Error::Kind::usage);
}

TEST_F(CascadeModelTest, MeasuresWhatMembersCost) {
  EnsembleOptions measured = options("1");
  measured.cascade_cost = "measured";
  const Ensemble e = fit_ensemble(measured);
  for (const double cost : e.cascade->costs) EXPECT_GT(cost, 0);
  EXPECT_EQ(e.cascade->cost, "measured");
}

TEST_F(CascadeModelTest, RefusesBadOptions) {
  const auto refused = [&](EnsembleOptions o, const std::vector<std::string>& words) {
    expect_error([&] { fit_ensemble(o); }, words, Error::Kind::usage);
    EXPECT_FALSE(fs::exists(dir / "out"));
  };
  refused(options("sometimes"), {"cascade", "'sometimes'"});
  refused(options("0"), {"cascade"});
  refused(options("0.01"), {"budget of 0.01", "at least"});
  EnsembleOptions watts = options("same");
  watts.cascade_cost = "watts";
  refused(watts, {"'watts'", "measured", "macs"});
}

}  // namespace
}  // namespace retort
