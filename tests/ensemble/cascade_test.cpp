#include <gtest/gtest.h>

#include <cmath>
#include <numeric>
#include <set>

#include "base/file.h"
#include "base/hash.h"
#include "base/random.h"
#include "ensemble/combiners.h"
#include "support/expect_error.h"
#include "support/temp_dir.h"

namespace retort {
namespace {

using test::expect_error;
constexpr auto kUsage = Error::Kind::usage;

// Members that see the label through noise, the first one the worst.
Predictions noisy(int64_t members, int64_t samples, uint64_t seed = 1) {
  Rng rng{seed};
  Predictions p{{}, samples, 4, "val", "hash", {}, {}, {}};
  for (int64_t i = 0; i < samples; ++i) {
    p.ids.push_back(static_cast<uint64_t>(i));
    p.labels.push_back(static_cast<int64_t>(4 * rng.uniform()));
  }
  for (int64_t m = 0; m < members; ++m) {
    p.members.push_back(str("m", m));
    for (int64_t i = 0; i < samples; ++i) {
      for (int64_t c = 0; c < 4; ++c) {
        const double hint = c == p.labels[static_cast<size_t>(i)] ? 1 + 0.4 * static_cast<double>(m) : 0;
        p.logits.push_back(static_cast<float>(2 * (hint + 0.8 * rng.normal())));
      }
    }
  }
  return p;
}

double accuracy(const Predictions& p) {
  int64_t right = 0;
  for (int64_t i = 0; i < p.samples; ++i) {
    const auto row = view_of(p).row(0, i);
    right += std::max_element(row.begin(), row.end()) - row.begin() == p.labels[static_cast<size_t>(i)];
  }
  return static_cast<double>(right) / static_cast<double>(p.samples);
}

Ensemble fitted(const Predictions& val, const std::string& combiner = "mean_logits") {
  Ensemble e{.combiner = combiner, .data = "data", .data_hash = "hash", .split = "val"};
  for (const std::string& name : val.members) e.members.push_back({name, sha256(name)});
  const auto made = fit_combiner(combiner, val, 1);
  e.fitted = made->fitted();
  const Predictions combined = combine(*made, val, "e");
  e.val_accuracy = accuracy(combined);
  e.calibration = Calibration{"temperature", fit_calibration("temperature", combined, 1)->fitted(), "", "", 1, 1, 0, 0};
  return e;
}

CascadeOptions options(std::vector<double> costs, const std::string& target = "same") {
  return {.target = target, .cost = "macs", .costs = std::move(costs), .threads = 1};
}

// The members of `val` that an ensemble has, in its order.
Predictions ordered(const Predictions& val, const Ensemble& e) {
  std::vector<Predictions> parts;
  for (const Ensemble::Member& member : e.members) {
    const auto at = std::find(val.members.begin(), val.members.end(), member.path) - val.members.begin();
    parts.push_back(val.only(at));
  }
  return align(parts);
}

// What the file says of val must be what the combiner does there.
void expect_honest(const Ensemble& e, const Predictions& val) {
  const Predictions own = ordered(val, e);
  const auto combiner = e.make();
  EXPECT_NEAR(accuracy(combine(*combiner, own, "e")), e.cascade->val_accuracy, 1e-12);
  const std::vector<double> shares = shares_run(*combiner, own);
  EXPECT_NEAR(std::inner_product(shares.begin(), shares.end(), e.cascade->costs.begin(), 0.0), e.cascade->val_cost,
              1e-9);
}

TEST(Cascade, TheSameAccuracyForLess) {
  const Predictions val = noisy(3, 800);
  for (const auto& row : list_combiners()) {
    const Ensemble whole = fitted(val, row.name);
    const Ensemble e = fit_cascade(whole, val, options({1, 2, 5}));
    ASSERT_TRUE(e.cascade) << row.name;
    EXPECT_GE(e.cascade->val_accuracy, whole.val_accuracy) << row.name;
    EXPECT_LE(e.cascade->val_cost, 8) << row.name;
    expect_honest(e, val);
  }
  const Ensemble e = fit_cascade(fitted(val), val, options({1, 2, 5}));
  EXPECT_LT(e.cascade->val_cost, 6);
  EXPECT_TRUE(e.make()->is_lazy());
}

TEST(Cascade, ABudgetIsKept) {
  const Predictions val = noisy(3, 800);
  double before = 0;
  for (const double share : {0.2, 0.4, 0.7, 1.0}) {
    const Ensemble e = fit_cascade(fitted(val, "weighted"), val, options({2, 3, 5}, str(share)));
    EXPECT_LE(e.cascade->val_cost, 10 * share + 1e-6);
    EXPECT_GE(e.cascade->val_accuracy, before);
    before = e.cascade->val_accuracy;
    expect_honest(e, val);
  }
}

TEST(Cascade, ManyMembersAreSearchedStepByStep) {
  const Predictions val = noisy(8, 400);
  const Ensemble whole = fitted(val, "weighted");
  const Ensemble e = fit_cascade(whole, val, options({1, 1, 1, 2, 2, 3, 3, 9}));
  EXPECT_GE(e.cascade->val_accuracy, whole.val_accuracy);
  EXPECT_LT(e.cascade->val_cost, 22);
  EXPECT_GE(e.cascade->stages.size(), 1u);
  expect_honest(e, val);
}

TEST(Cascade, RunsOnlyWhatItNeeds) {
  const Predictions val = noisy(4, 500);
  const Ensemble e = fit_cascade(fitted(val, "weighted"), val, options({1, 2, 3, 4}));
  ASSERT_FALSE(e.cascade->stages.empty());
  const Predictions other = ordered(noisy(4, 300, 2), e);
  const auto combiner = e.make();
  const MemberLogits in = view_of(other);
  std::set<std::pair<int64_t, int64_t>> asked;
  LazyMembers lazy = lazy_view(in);
  lazy.run = [&, copy = lazy.run](int64_t first, int64_t last, std::span<const int64_t> positions, float* out) {
    for (int64_t m = first; m < last; ++m) {
      for (const int64_t i : positions) EXPECT_TRUE(asked.insert({m, i}).second) << "asked twice";
    }
    copy(first, last, positions, out);
  };
  std::vector<float> lazily(static_cast<size_t>(other.samples * other.classes));
  combiner->combine_lazily(lazy, lazily.data());
  EXPECT_EQ(lazily, combine(*combiner, other, "e").logits);
  EXPECT_LT(asked.size(), static_cast<size_t>(4 * other.samples));
  const std::vector<double> shares = shares_run(*combiner, other);
  EXPECT_NEAR(std::accumulate(shares.begin(), shares.end(), 0.0) * 300, static_cast<double>(asked.size()), 1e-6);
  for (int64_t i = 0; i < other.samples; i += 50) {  // one sample alone is answered alike
    std::vector<float> one(4);
    combiner->combine(in.slice(i, i + 1), one.data());
    EXPECT_TRUE(std::equal(one.begin(), one.end(), lazily.begin() + 4 * i)) << i;
  }
}

TEST(Cascade, AnswersByTheStageThatIsSureEnough) {
  Ensemble e{.members = {{"a", sha256("a")}, {"b", sha256("b")}}, .combiner = "mean_logits"};
  e.cascade = Cascade{.stages = {{.members = 1, .fitted = {}, .calibration = {}, .threshold = 0.8}}, .costs = {1, 1}};
  // softmax(2, 0) = 0.88 settles; softmax(1, 0) = 0.73 asks b, too, and answers by the mean.
  const Predictions in{{"a", "b"}, 2, 2, "val", "", {1, 2}, {0, 0}, {2, 0, 1, 0, -9, 9, -3, 0}};
  EXPECT_EQ(combine(*e.make(), in, "e").logits, (std::vector<float>{2, 0, -1, 0}));
  EXPECT_EQ(shares_run(*e.make(), in), (std::vector<double>{1, 0.5}));
}

TEST(Cascade, OfIdenticalMembersTheCheapestDoes) {
  Predictions val = noisy(1, 300);
  std::vector<Predictions> parts(3, val);
  for (size_t m = 0; m < 3; ++m) parts[m].members[0] = str("m", m);
  val = align(parts);
  const Ensemble e = fit_cascade(fitted(val), val, options({3, 1, 2}));
  EXPECT_EQ(e.members[0].path, "m1");
  EXPECT_EQ(e.cascade->val_cost, 1);
  ASSERT_EQ(e.cascade->stages.size(), 1u);
  EXPECT_EQ(e.cascade->stages[0].threshold, 0);
  EXPECT_EQ(e.cascade->stages[0].settled, 1);
}

TEST(Cascade, FewSamplesDo) {
  for (const int64_t samples : {1, 2, 5}) {
    const Predictions val = noisy(3, samples);
    const Ensemble whole = fitted(val);
    const Ensemble e = fit_cascade(whole, val, options({1, 2, 3}));
    EXPECT_GE(e.cascade->val_accuracy, whole.val_accuracy);
    expect_honest(e, val);
  }
}

// Selection of one round takes one member; another may still be worth asking first, all others leave.
TEST(Cascade, MembersThatNoStageNeedsLeave) {
  const Predictions val = noisy(4, 600);
  const Ensemble e = fit_cascade(fitted(val, "greedy:rounds=1"), val, options({1, 50, 50, 50}));
  EXPECT_LT(e.members.size(), 4u);
  EXPECT_LE(e.cascade->val_cost, 50);
  expect_honest(e, val);
  const Ensemble plain = fit_cascade(fitted(val, "greedy:rounds=1"), val, options({50, 50, 50, 1}));
  EXPECT_EQ(plain.members.size(), 1u);  // the best is the cheapest, too
  EXPECT_TRUE(plain.cascade->stages.empty());
  EXPECT_FALSE(plain.make()->is_lazy());
  expect_honest(plain, val);
}

TEST(Cascade, RefusesBadInput) {
  const Predictions val = noisy(3, 50);
  const Ensemble e = fitted(val);
  const auto refused = [&](const CascadeOptions& o, const std::vector<std::string>& words) {
    expect_error([&] { fit_cascade(e, val, o); }, words);
  };
  refused(options({1, 2}), {"2 costs", "3"});
  refused(options({1, 2, 0}), {"cost of 0"});
  refused(options({1, 2, NAN}), {"cost of nan"});
  refused(options({1, 2, 1}, "0.1"), {"budget of 0.1", "0.25", "at least"});
  expect_error([&] { fit_cascade(e, val.only(0), options({1, 2, 3})); }, {"1 members", "3"});
  Ensemble one = e;
  one.members.resize(1);
  expect_error([&] { fit_cascade(one, val.only(0), options({1})); }, {"1 members", "at least 2"}, kUsage);
  Predictions test = val;
  test.split = "test";
  expect_error([&] { fit_cascade(e, test, options({1, 2, 3})); }, {"nothing is ever fitted on test"}, kUsage);
  for (const std::string target : {"0", "-0.5", "1.01", "nan", "inf", "sam", "", "0.5x"}) {
    expect_error([&] { check_cascade_target(target); }, {"cascade"}, kUsage);
  }
  EXPECT_NO_THROW(check_cascade_target("1"));
  EXPECT_NO_THROW(check_cascade_target("same"));
}

class CascadeFile : public testing::Test {
 protected:
  CascadeFile() : val(noisy(3, 300)), e(fit_cascade(fitted(val, "weighted"), val, options({1, 2, 3}))) {}
  test::TempDir dir;
  Predictions val;
  Ensemble e;
};

TEST_F(CascadeFile, ComesBackAsItWas) {
  ASSERT_FALSE(e.cascade->stages.empty());
  save_ensemble(dir.path(), e);
  const Ensemble read = load_ensemble(dir.path());
  ASSERT_TRUE(read.cascade);
  EXPECT_EQ(read.cascade->target, "same");
  EXPECT_EQ(read.cascade->cost, "macs");
  EXPECT_EQ(read.cascade->costs, e.cascade->costs);
  EXPECT_EQ(read.cascade->stages.size(), e.cascade->stages.size());
  EXPECT_EQ(combine(*read.make(), ordered(val, read), "e").logits, combine(*e.make(), ordered(val, e), "e").logits);
  expect_honest(read, val);
  const std::string first = read_file(dir / "ensemble.json");
  save_ensemble(dir.path(), read);
  EXPECT_EQ(read_file(dir / "ensemble.json"), first);
}

TEST_F(CascadeFile, RefusesNonsense) {
  const auto expect = [&](const std::vector<std::string>& words, const auto& change) {
    Ensemble bad = e;
    change(*bad.cascade);
    expect_error([&] { save_ensemble(dir / "bad", bad); }, words);
    EXPECT_FALSE(fs::exists(dir / "bad" / "ensemble.json"));
  };
  expect({"a stage of 0 members"}, [](Cascade& c) { c.stages[0].members = 0; });
  expect({"a stage of 3 members", "fewer than all 3"}, [](Cascade& c) { c.stages.back().members = 3; });
  expect({"after one of 1"},
         [](Cascade& c) { c.stages.insert(c.stages.begin(), c.stages[0]), c.stages[1].members = 1; });
  expect({"threshold nan"}, [](Cascade& c) { c.stages[0].threshold = NAN; });
  expect({"threshold 1.5"}, [](Cascade& c) { c.stages[0].threshold = 1.5; });
  expect({"settled -1"}, [](Cascade& c) { c.stages[0].settled = -1; });
  expect({"2 costs of 3"}, [](Cascade& c) { c.costs.pop_back(); });
  expect({"cost is -1"}, [](Cascade& c) { c.costs[0] = -1; });
  expect({"val_cost 0"}, [](Cascade& c) { c.val_cost = 0; });
  expect({"lack 'temperatures'"}, [](Cascade& c) { c.stages[0].calibration.clear(); });
  expect({"nothing to fit"}, [](Cascade& c) { c.stages[0].fitted = {{"weights", {{1}, {1}}}}; });
}

TEST_F(CascadeFile, RefusesDamagedFiles) {
  save_ensemble(dir.path(), e);
  const fs::path file = dir / "ensemble.json";
  const std::string good = read_file(file);
  const auto expect = [&](const std::string& from, const std::string& to, const std::vector<std::string>& words) {
    std::string text = good;
    const size_t at = text.rfind(from);
    ASSERT_NE(at, std::string::npos) << from;
    write_file(file, text.replace(at, from.size(), to));
    expect_error([&] { load_ensemble(dir.path()); }, words, Error::Kind::failure);
  };
  expect("\"cascade\": {", "\"cascade\": 3, \"x\": {", {"'target' is missing"});
  expect("\"stages\"", "\"stage\"", {"'stages' is missing"});
  expect("\"threshold\": ", "\"threshold\": null, \"x\": ", {"stage", "'threshold' is null"});
  expect("\"threshold\": ", "\"threshold\": 7, \"x\": ", {"threshold 7"});
  expect("\"members\": 1", "\"members\": 1.5", {"'members' is 1.5"});
  expect("\"costs\": [", "\"costs\": [\"a\",", {"'costs' is"});
  expect("\"temperatures\"", "\"temperature\"", {"lack 'temperatures'"});
  for (size_t size = good.find("\"cascade\""); size + 2 < good.size(); size += 7) {
    write_file(file, good.substr(0, size));
    expect_error([&] { load_ensemble(dir.path()); }, {"ensemble.json"}, Error::Kind::failure);
  }
}

}  // namespace
}  // namespace retort
