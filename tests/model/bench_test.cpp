#include <gtest/gtest.h>

#include <cmath>

#include "base/machine.h"
#include "model/tiny_runs.h"
#include "retort/model_bench.h"
#include "support/expect_error.h"
#include "support/idx_files.h"
#include "support/temp_dir.h"

namespace retort {
namespace {

class BenchTest : public testing::Test {
 protected:
  BenchTest() : data(open_data(test::write_idx_data(dir / "data", {.train = 40, .test = 20, .classes = 3}))) {
    run = test::write_run(dir / "run", data);
    other = test::write_run(dir / "other", data, {.seed = 2});
    options.seconds = 0.01;
    options.throughput_batch = 8;
  }

  test::TempDir dir;
  DataSet data;
  std::string run, other;
  BenchOptions options;
};

TEST_F(BenchTest, MeasuresEachModel) {
  options.peak_memory = [](const std::string& path) { return path.ends_with("run") ? 1000 : 2000; };
  const std::vector<Measurement> all = bench({run, other}, options);
  ASSERT_EQ(all.size(), 2u);
  const Model model(run);
  EXPECT_EQ(all[0].model, run);
  EXPECT_EQ(all[1].model, other);
  EXPECT_EQ(all[0].peak_memory, 1000);
  EXPECT_EQ(all[1].peak_memory, 2000);
  for (const Measurement& m : all) {
    EXPECT_EQ(m.precision, "f32");
    EXPECT_EQ(m.batch, 1);
    EXPECT_EQ(m.threads, 1);
    EXPECT_EQ(m.throughput_batch, 8);
    EXPECT_GT(m.latency_median, 0);
    EXPECT_GE(m.latency_p90, m.latency_median);
    EXPECT_GE(m.latency_p99, m.latency_p90);
    EXPECT_GE(m.latency_max, m.latency_p99);
    EXPECT_GE(m.outliers, 0);
    EXPECT_LT(m.outliers, 0.5);
    EXPECT_GT(m.load_seconds, 0);
    EXPECT_EQ(m.streams, 1);
    EXPECT_GT(m.throughput, 0);
    EXPECT_EQ(m.size_on_disk, model.size_on_disk());
    EXPECT_EQ(m.parameters, model.cost().parameters);
    EXPECT_EQ(m.macs, model.cost().macs);
  }
}

// Batches 1 to 8 on one thread, then on two; streams for what OpenVINO runs.
TEST_F(BenchTest, SweepsSettings) {
  options.threads = 2;
  EXPECT_EQ(sweep({run}, options).size(), 8u);
  options.model.runtime = "openvino";
  const std::vector<Measurement> all = sweep({run, other}, options);
  ASSERT_EQ(all.size(), 2u * (4 + 4 + 3));
  for (const Measurement& m : all) {
    EXPECT_EQ(m.throughput_batch, m.batch);
    EXPECT_NEAR(m.throughput * m.latency_mean, static_cast<double>(m.batch), 1e-6);
    EXPECT_LE(m.streams, m.threads);
  }
  EXPECT_EQ(all.back().streams, 2);
  EXPECT_EQ(all.back().batch, 8);
}

TEST(BestSetting, HasTheHighestThroughputWithinTheLimit) {
  const std::vector<Measurement> all = {{.batch = 1, .latency_p90 = 1, .throughput = 10},
                                        {.batch = 2, .latency_p90 = 2, .throughput = 15},
                                        {.batch = 4, .latency_p90 = 4, .throughput = 20}};
  EXPECT_EQ(best_setting(all, 3)->batch, 2);
  EXPECT_EQ(best_setting(all, 4)->batch, 4);
  EXPECT_EQ(best_setting(all, 0.5), nullptr);
}

TEST_F(BenchTest, TellsAndStops) {
  int64_t told = 0;
  bool asked_for_memory = false;
  options.peak_memory = [&](const std::string&) { return asked_for_memory = true; };
  options.seconds = 1000;
  const Monitor monitor{.progress = [&](const Progress& p) { told = p.total; }, .stop = [] { return true; }};
  const std::vector<Measurement> all = bench({run}, options, monitor);
  ASSERT_EQ(all.size(), 1u);
  EXPECT_EQ(told, 1'000'000);
  EXPECT_FALSE(asked_for_memory);
}

TEST_F(BenchTest, RefusesBadOptions) {
  const auto refused = [&](const std::string& word, const std::function<void(BenchOptions&)>& edit) {
    BenchOptions bad = options;
    edit(bad);
    test::expect_error([&] { bench({run}, bad); }, {word}, Error::Kind::usage);
    test::expect_error([&] { measure_peak_memory(run, bad); }, {word}, Error::Kind::usage);
  };
  refused("batch is 0", [](BenchOptions& o) { o.batch = 0; });
  refused("throughput_batch is -1", [](BenchOptions& o) { o.throughput_batch = -1; });
  refused("seconds is nan", [](BenchOptions& o) { o.seconds = std::nan(""); });
  refused("threads is 0", [](BenchOptions& o) { o.threads = 0; });
  EXPECT_THROW(bench({(dir / "nothing").string()}, options), Error);
  EXPECT_TRUE(bench({}, options).empty());
}

TEST_F(BenchTest, PeakMemoryIsThatOfThisProcess) {
  const int64_t before = peak_memory_bytes();
  EXPECT_GE(measure_peak_memory(run, options), before);
}

}  // namespace
}  // namespace retort
