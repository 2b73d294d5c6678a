#include <gtest/gtest.h>

#include <algorithm>

#include "base/file.h"
#include "base/json.h"
#include "model/tiny_runs.h"
#include "report/run_facts.h"
#include "retort/report.h"
#include "support/expect_error.h"
#include "support/idx_files.h"
#include "support/temp_dir.h"

namespace retort {
namespace {

using test::expect_error;

Json distill_json(const std::string& loss) {
  return {{"loss", loss},       {"temperature", 3.0}, {"alpha", 0.7},
          {"labels", "labels"}, {"teacher", ""},      {"combiner", ""}};
}

// A run.json as training leaves it.
Json run_json(const std::string& role, uint64_t seed, const Json& distill = nullptr) {
  return {{"retort_run", 1},
          {"role", role},
          {"options",
           {{"model", "resnet8_half"}, {"epochs", 2}, {"seed", seed}, {"out", str("x", seed)}, {"distill", distill}}},
          {"core_seconds", 10.5},
          {"label_core_seconds", distill.is_null() ? 0.0 : 4.0},
          {"images_per_second", 1000.0},
          {"peak_memory", 1000},
          {"data_hash", "x"}};
}

class CompareTest : public testing::Test {
 protected:
  CompareTest()
      : data(open_data(test::write_idx_data(dir / "data", {.train = 60, .test = 40, .classes = 3, .noise = 150}))) {
    options.data = data.spec;
    options.measure_speed = false;
  }

  std::string write_run(const std::string& name, uint64_t seed, const Json& run, double val_accuracy = -1) {
    test::write_run(dir / name, data, {.seed = seed});
    if (!run.is_null()) write_file(dir / name / "run.json", run.dump());
    if (val_accuracy >= 0) {
      write_file(dir / name / "metrics.json", Json{{"val", {{"accuracy", val_accuracy}}}}.dump());
    }
    return (dir / name).string();
  }

  double test_accuracy(const std::string& path) {
    Model model(path);
    return evaluate(combine(model.combiner(), predict(model, data, data.test), "")).accuracy;
  }

  Table compare_all(std::vector<std::string> models) {
    options.models = std::move(models);
    return compare(options);
  }

  test::TempDir dir;
  DataSet data;
  CompareOptions options;
};

TEST_F(CompareTest, FillsARowAModel) {
  const std::string a = write_run("a", 1, run_json("member", 1), 0.6),
                    b = write_run("b", 2, run_json("member", 2), 0.7);
  fit_ensemble({.members = {a, b}, .data = data.spec, .threads = 1, .out = (dir / "both").string()});
  const Table table = compare_all({a, b, (dir / "both").string()});
  EXPECT_EQ(table.split, "test");
  EXPECT_EQ(table.samples, 40);
  EXPECT_EQ(table.baseline, "b");
  ASSERT_EQ(table.rows.size(), 3u);
  const Row &first = table.rows[0], &second = table.rows[1], &both = table.rows[2];
  EXPECT_EQ(first.name, "a");
  EXPECT_EQ(first.kind, "member");
  EXPECT_EQ(first.method, "from scratch");
  EXPECT_EQ(first.metrics.accuracy, test_accuracy(a));
  EXPECT_EQ(first.train_core_seconds, 10.5);
  EXPECT_FALSE(first.is_baseline);
  EXPECT_TRUE(second.is_baseline);
  EXPECT_NEAR(first.change.value, first.metrics.accuracy - second.metrics.accuracy, 1e-12);
  EXPECT_EQ(both.kind, "ensemble");
  EXPECT_EQ(both.method, "mean_logits");
  EXPECT_EQ(both.metrics.accuracy, test_accuracy((dir / "both").string()));
  EXPECT_EQ(both.train_core_seconds, 21);
  EXPECT_EQ(both.cost.parameters, 2 * first.cost.parameters);
  EXPECT_EQ(both.cost.latency_median, 0);
  ASSERT_EQ(table.differences.size(), 1u);
  EXPECT_EQ(table.differences[0].name_a, "both");
  EXPECT_EQ(table.differences[0].name_b, "b");
  EXPECT_NEAR(table.differences[0].change.value, both.metrics.accuracy - second.metrics.accuracy, 1e-12);
}

TEST_F(CompareTest, EachChangeIsTested) {
  const std::string a = write_run("a", 1, run_json("member", 1), 0.6),
                    b = write_run("b", 2, run_json("member", 2), 0.7);
  const Table table = compare_all({a, b});
  Model first(a), second(b);
  const auto right = [&](Model& model) {
    const Predictions p = predict(model, data, data.test);
    return correct(p.logits, p.labels, p.classes);
  };
  EXPECT_EQ(table.rows[0].support.mcnemar_p, mcnemar(right(second), right(first)).p);
  EXPECT_EQ(table.rows[0].support.mcnemar_p_holm, table.rows[0].support.mcnemar_p);
  EXPECT_EQ(table.comparisons, 1);
}

TEST_F(CompareTest, DescribesTheMembersOfEachEnsemble) {
  const std::string a = write_run("a", 1, run_json("member", 1), 0.6),
                    b = write_run("b", 2, run_json("member", 2), 0.7),
                    c = write_run("c", 3, run_json("member", 3), 0.5), s = write_run("s", 4, run_json("student", 4));
  const std::string both = (dir / "both").string();
  fit_ensemble({.members = {a, b}, .method = "tempered", .data = data.spec, .threads = 1, .out = both});
  const std::string one = (dir / "one").string();  // of one member, which differs from nobody
  fit_ensemble({.members = {a, b}, .method = "greedy:rounds=1", .data = data.spec, .threads = 1, .out = one});
  options.diversity = true;
  const Table table = compare_all({a, c, s, both, one});
  ASSERT_EQ(table.diversity.size(), 1u);
  const EnsembleDiversity& d = table.diversity[0];
  EXPECT_EQ(d.ensemble, "both");
  EXPECT_EQ(d.combiner, "tempered");
  EXPECT_EQ(d.members, (std::vector<std::string>{"a", "b"}));
  EXPECT_EQ(d.candidates, std::vector<std::string>{"c"});
  EXPECT_EQ(d.split, "test");
  EXPECT_EQ(d.samples, 40);
  EXPECT_EQ(d.advice_samples, data.val.size());
  Model model(both);
  const Diversity expected = diversity(predict(model, data, data.test));
  ASSERT_EQ(d.diversity.pairs.size(), 1u);
  EXPECT_EQ(d.diversity.pairs[0].disagreement, expected.pairs[0].disagreement);
  EXPECT_EQ(d.diversity.oracle_accuracy, expected.oracle_accuracy);
  EXPECT_EQ(d.contributions.size(), 2u);
  EXPECT_EQ(d.additions.size(), 1u);
}

TEST_F(CompareTest, AMembersContributionIsTheEnsemblesLessTheOthers) {
  const std::string a = write_run("a", 1, run_json("member", 1), 0.6),
                    b = write_run("x/a", 2, run_json("member", 2), 0.7);
  const std::string both = (dir / "both").string();
  fit_ensemble({.members = {a, b}, .data = data.spec, .threads = 1, .out = both});
  options.diversity = true;
  options.split = "val";
  const Table table = compare_all({both});
  const EnsembleDiversity& d = table.diversity.at(0);
  EXPECT_NE(d.members[0], d.members[1]);  // both are called a
  Model ensemble(both), alone(b);
  const Predictions p = predict(ensemble, data, data.val);
  const double with = evaluate(combine(ensemble.combiner(), p, "")).nll;
  EXPECT_NEAR(d.contributions[0].nll.value, with - evaluate(predict(alone, data, data.val)).nll, 1e-6);
}

TEST_F(CompareTest, SeedsOfOneStudentAreOneRow) {
  const std::string member = write_run("member", 9, run_json("member", 9), 0.5);
  std::vector<std::string> models = {member};
  for (const uint64_t seed : {1, 2, 3}) {
    models.push_back(write_run(str("net-scratch-seed", seed), seed, run_json("student", seed)));
    models.push_back(write_run(str("net-kd-seed", seed), seed + 10, run_json("student", seed, distill_json("kd"))));
  }
  const Table table = compare_all(models);
  ASSERT_EQ(table.rows.size(), 3u);
  const Row &scratch = table.rows[1], &distilled = table.rows[2];
  EXPECT_EQ(scratch.name, "net-scratch");
  EXPECT_EQ(scratch.method, "from scratch");
  EXPECT_EQ(scratch.kind, "student");
  EXPECT_EQ(scratch.path, models[1]);
  EXPECT_EQ(distilled.name, "net-kd");
  EXPECT_EQ(distilled.method, "kd T=3 alpha=0.7");
  EXPECT_EQ(distilled.label_core_seconds, 4);
  ASSERT_EQ(distilled.seed_accuracies.size(), 3u);
  double mean = 0;
  for (size_t i = 0; i < 3; ++i) {
    EXPECT_EQ(distilled.seed_accuracies[i], test_accuracy(models[2 + 2 * i]));
    mean += distilled.seed_accuracies[i] / 3;
  }
  EXPECT_NEAR(distilled.accuracy_over_seeds.mean, mean, 1e-12);
  EXPECT_NEAR(distilled.metrics.accuracy, mean, 1e-12);
  EXPECT_LE(distilled.metrics.accuracy_interval.low, mean);
  EXPECT_GE(distilled.metrics.accuracy_interval.high, mean);
  EXPECT_NEAR(distilled.change.value, mean - table.rows[0].metrics.accuracy, 1e-12);
  ASSERT_EQ(table.differences.size(), 1u);
  const PairedDifference& d = table.differences[0];
  EXPECT_EQ(d.name_a, "net-kd");
  EXPECT_EQ(d.name_b, "net-scratch");
  EXPECT_EQ(d.seeds, 3);
  EXPECT_NEAR(d.change.value, mean - scratch.accuracy_over_seeds.mean, 1e-12);
  EXPECT_LE(d.change.interval.low, d.change.value);
  EXPECT_GE(d.change.interval.high, d.change.value);
}

TEST_F(CompareTest, ShowsWhatAStudentTookOverFromItsTeacher) {
  const std::string a = write_run("a", 1, run_json("member", 1), 0.6),
                    b = write_run("b", 2, run_json("member", 2), 0.7);
  const std::string both = (dir / "both").string(), other = (dir / "other").string();
  const Ensemble ensemble = fit_ensemble({.members = {a, b}, .data = data.spec, .threads = 1, .out = both});
  fit_ensemble({.members = {a, b}, .method = "mean_probabilities", .data = data.spec, .threads = 1, .out = other});
  const auto distilled = [&](uint64_t seed, const std::string& teacher) {
    Json distill = distill_json("kd");
    distill["teacher"] = teacher;
    Json run = run_json("student", seed, distill);
    for (const Ensemble::Member& m : ensemble.members)
      run["teachers"].push_back({{"name", "m"}, {"path", "m"}, {"sha256", m.sha256}});
    return run;
  };
  const std::string s1 = write_run("kd-seed1", 11, distilled(1, both)),
                    s2 = write_run("kd-seed2", 12, distilled(2, both)),
                    from_store = write_run("store", 13, distilled(3, "")),
                    stranger = write_run("stranger", 14, run_json("student", 4, distill_json("dkd"))),
                    scratch = write_run("scratch", 15, run_json("student", 5));
  const Table table = compare_all({other, both, s1, s2, from_store, stranger, scratch});
  ASSERT_EQ(table.students.size(), 2u);  // the stranger's teacher is not in the table
  const StudentReport &two = table.students[0], &one = table.students[1];
  EXPECT_EQ(two.student, "kd");
  EXPECT_EQ(two.teacher, "both");
  EXPECT_EQ(two.scratch, "scratch");
  EXPECT_EQ(two.seeds, 2);
  EXPECT_EQ(one.student, "store");
  EXPECT_EQ(one.teacher, "both");  // the store's members by mean_logits
  const auto answers = [&](const std::string& path) {
    Model model(path);
    return combine(model.combiner(), predict(model, data, data.test), "x");
  };
  const Predictions teacher = answers(both), first = answers(s1), second = answers(s2);
  const Likeness like1 = likeness(teacher.logits, first.logits, 3), like2 = likeness(teacher.logits, second.logits, 3);
  EXPECT_NEAR(two.agreement, (mean_sd(like1.same).mean + mean_sd(like2.same).mean) / 2, 1e-9);
  EXPECT_NEAR(two.kl, (mean_sd(like1.kl).mean + mean_sd(like2.kl).mean) / 2, 1e-9);
  EXPECT_LE(two.agreement_interval.low, two.agreement);
  EXPECT_GE(two.agreement_interval.high, two.agreement);
  EXPECT_NEAR(two.raw.nll, (evaluate(first).nll + evaluate(second).nll) / 2, 1e-9);
  double temperature = 0;
  for (const std::string& path : {s1, s2}) {
    Model model(path);
    const auto fitted = fit_calibration("temperature", predict(model, data, data.val));
    temperature += fitted->fitted().at("temperatures").values.at(0) / 2;
  }
  EXPECT_NEAR(two.temperature, temperature, 1e-9);
  ASSERT_EQ(two.classes.size(), 3u);
  int64_t samples = 0;
  double change = 0;  // of all samples is that of the classes, each by its size
  for (const StudentReport::ClassChange& c : two.classes) {
    samples += c.samples;
    change += c.change.value * static_cast<double>(c.samples) / 40;
  }
  EXPECT_EQ(samples, 40);
  EXPECT_NEAR(change, (evaluate(first).accuracy + evaluate(second).accuracy) / 2 - evaluate(teacher).accuracy, 1e-9);
  EXPECT_FALSE(two.is_calibrated);
  EXPECT_EQ(two.label_core_seconds, 4);
}

TEST_F(CompareTest, AStudentsOwnCalibrationDoesNotHideItsLogits) {
  const std::string a = write_run("a", 1, run_json("member", 1), 0.6);
  Json run = run_json("student", 2, distill_json("kd"));
  run["teachers"] = {{{"name", "a"}, {"path", a}, {"sha256", weights_hash(a)}}};
  const std::string s = write_run("s", 2, run);
  const StudentReport before = compare_all({a, s}).students.at(0);
  calibrate_model({.path = s, .data = data.spec, .threads = 1});
  const Table table = compare_all({a, s});
  const StudentReport& after = table.students.at(0);
  EXPECT_TRUE(after.is_calibrated);
  EXPECT_EQ(after.raw.nll, before.raw.nll);
  EXPECT_EQ(after.calibrated.nll, before.calibrated.nll);
  EXPECT_NEAR(table.rows[1].metrics.nll, before.calibrated.nll, 1e-9);
}

TEST_F(CompareTest, OtherSettingsAreOtherRows) {
  Json longer = run_json("student", 2);
  longer["options"]["epochs"] = 3;
  const Table table =
      compare_all({write_run("m1", 1, run_json("member", 1), 0.5), write_run("m2", 2, run_json("member", 2), 0.4),
                   write_run("s1", 3, run_json("student", 1)), write_run("s2", 4, longer)});
  EXPECT_EQ(table.rows.size(), 4u);
}

TEST_F(CompareTest, RunsThatSayNothingAreMembersMeasuredOnVal) {
  const std::string a = write_run("x/net", 1, nullptr), b = write_run("y/net", 2, nullptr);
  const Table table = compare_all({a, b});
  ASSERT_EQ(table.rows.size(), 2u);
  EXPECT_EQ(table.rows[0].name, a);  // both are called net
  EXPECT_EQ(table.rows[1].name, b);
  EXPECT_EQ(table.rows[0].kind, "member");
  EXPECT_EQ(table.rows[0].method, "");
  Model first(a), second(b);
  const double on_a = evaluate(predict(first, data, data.val)).accuracy;
  const double on_b = evaluate(predict(second, data, data.val)).accuracy;
  EXPECT_EQ(table.baseline, on_b > on_a ? b : a);
}

TEST_F(CompareTest, TheBaselineMayBeAskedFor) {
  const std::string a = write_run("a", 1, run_json("member", 1), 0.6),
                    b = write_run("b", 2, run_json("member", 2), 0.7),
                    s1 = write_run("s-seed1", 3, run_json("student", 3)),
                    s2 = write_run("s-seed2", 4, run_json("student", 4));
  options.baseline = (dir / "." / "s-seed2").string();
  const Table table = compare_all({a, b, s1, s2});
  EXPECT_EQ(table.baseline, "s");
  EXPECT_TRUE(table.rows[2].is_baseline);
  EXPECT_NEAR(table.rows[0].change.value, test_accuracy(a) - (test_accuracy(s1) + test_accuracy(s2)) / 2, 1e-12);
  EXPECT_EQ(to_text(table).find("best"), std::string::npos);
  options.baseline = "elsewhere";
  expect_error([&] { compare(options); }, {"elsewhere", "none of the models"}, Error::Kind::usage);
}

TEST_F(CompareTest, SpeedIsMeasuredWhereAsked) {
  options.measure_speed = true;
  options.bench.seconds = 0.01;
  const Table table = compare_all({write_run("a", 1, nullptr)});
  EXPECT_GT(table.rows.at(0).cost.latency_median, 0);
  EXPECT_GT(table.rows.at(0).cost.throughput, 0);
}

TEST_F(CompareTest, StoppedItHasNoRows) {
  options.models = {write_run("a", 1, nullptr)};
  EXPECT_TRUE(compare(options, {.stop = [] { return true; }}).rows.empty());
}

TEST_F(CompareTest, RefusesBadInput) {
  const std::string a = write_run("a", 1, run_json("member", 1));
  expect_error([&] { compare_all({}); }, {"no models"}, Error::Kind::usage);
  expect_error([&] { compare_all({a, a + "/"}); }, {"given twice"}, Error::Kind::usage);
  expect_error([&] { compare_all({a, (dir / "nothing").string()}); }, {"nothing", "does not exist"});
  write_file(dir / "a" / "run.json", "{\"retort_run\": 1");
  expect_error([&] { compare_all({a}); }, {"run.json", "JSON"});
  write_file(dir / "a" / "run.json", "{\"retort_run\": 99}");
  expect_error([&] { compare_all({a}); }, {"run.json", "99"});
  options.diversity = true;
  const std::string b = write_run("b", 1, run_json("member", 1));
  expect_error([&] { compare_all({b}); }, {"diversity", "none is among"}, Error::Kind::usage);
  options.diversity = false;
  options.split = "dev";
  expect_error([&] { compare_all({a}); }, {"dev"}, Error::Kind::usage);
}

TEST_F(CompareTest, AStudentThatWasTrainedForInt8SaysSo) {
  Json distill = distill_json("kd");
  distill["quantize"] = "int8";
  EXPECT_EQ(read_facts(write_run("run", 1, run_json("student", 5, distill))).method, "kd T=3 alpha=0.7 int8");
}

TEST_F(CompareTest, FactsOfTheBestWeightsAreThoseOfTheRun) {
  write_run("run", 1, run_json("student", 5, distill_json("kd:temperature=4")), 0.5);
  test::write_run(dir / "run" / "best", data);
  const RunFacts best = read_facts((dir / "run" / "best/").string());
  EXPECT_EQ(best.seed, 5u);
  EXPECT_TRUE(best.distilled);
  EXPECT_EQ(best.method, "kd T=4 alpha=0.7");
  EXPECT_FALSE(best.val_accuracy);  // metrics.json speaks of the last weights
  EXPECT_EQ(read_facts((dir / "run").string()).val_accuracy, 0.5);
}

}  // namespace
}  // namespace retort
