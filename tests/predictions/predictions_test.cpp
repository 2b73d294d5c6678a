#include "retort/predictions.h"

#include <gtest/gtest.h>

#include <limits>

#include "support/expect_error.h"

namespace retort {
namespace {

using test::expect_error;

// Members' logits are 100 * member + 10 * id + class, so that every number says where it comes from.
Predictions make(const std::vector<std::string>& members, const std::vector<uint64_t>& ids, float base = 0) {
  Predictions p{members, std::ssize(ids), 3, "val", "hash", ids, {}, {}};
  for (uint64_t id : ids) p.labels.push_back(static_cast<int64_t>(id % 3));
  for (size_t m = 0; m < members.size(); ++m) {
    for (uint64_t id : ids) {
      for (int c = 0; c < 3; ++c) {
        p.logits.push_back(base + 100 * static_cast<float>(m) + 10 * static_cast<float>(id) + static_cast<float>(c));
      }
    }
  }
  return p;
}

TEST(Predictions, GivesMembers) {
  const Predictions p = make({"a", "b"}, {4, 5});
  EXPECT_EQ(p.count(), 2);
  EXPECT_EQ(p.member(1)[3], 150);
  const Predictions b = p.only(1);
  EXPECT_EQ(b.members, std::vector<std::string>{"b"});
  EXPECT_EQ(b.logits, (std::vector<float>{140, 141, 142, 150, 151, 152}));
  EXPECT_EQ(b.ids, p.ids);
  b.check();
  expect_error([&] { p.member(2); }, {"no member 2", "there are 2"});
  expect_error([&] { p.only(-1); }, {"no member -1"});
  Predictions cut = p;
  cut.logits.pop_back();
  expect_error([&] { cut.member(0); }, {"11 logits; expected 12"});
}

TEST(Predictions, CheckFindsWhatIsWrong) {
  const Predictions good = make({"a", "b"}, {4, 5});
  good.check();
  const auto expect = [&](const auto& change, const std::vector<std::string>& words) {
    Predictions bad = good;
    change(bad);
    expect_error([&] { bad.check(); }, words);
  };
  expect([](Predictions& p) { p.members.clear(); }, {"0 members"});
  expect([](Predictions& p) { p.samples = 0; }, {"0 samples"});
  expect([](Predictions& p) { p.classes = -1; }, {"-1 classes"});
  expect([](Predictions& p) { p.ids.pop_back(); }, {"1 ids; expected 2"});
  expect([](Predictions& p) { p.labels.pop_back(); }, {"1 labels; expected 2"});
  expect([](Predictions& p) { p.logits.pop_back(); }, {"11 logits; expected 12"});
  expect([](Predictions& p) { p.labels[1] = 3; }, {"label 3 of sample 1", "0 to 2"});
  expect([](Predictions& p) { p.labels[1] = -1; }, {"label -1"});
  expect([](Predictions& p) { p.logits[9] = std::numeric_limits<float>::quiet_NaN(); },
         {"logit of b for sample 1 is nan"});
  expect([](Predictions& p) { p.logits[0] = std::numeric_limits<float>::infinity(); }, {"of a for sample 0 is inf"});
  Predictions unlabelled = good;
  unlabelled.labels.clear();
  unlabelled.check();
}

TEST(Align, MatchesSamplesById) {
  const std::vector<Predictions> parts{make({"a"}, {1, 2, 3}), make({"b", "c"}, {3, 1, 2}, 1000)};
  const Predictions all = align(parts);
  EXPECT_EQ(all.members, (std::vector<std::string>{"a", "b", "c"}));
  EXPECT_EQ(all.ids, (std::vector<uint64_t>{1, 2, 3}));
  EXPECT_EQ(all.labels, (std::vector<int64_t>{1, 2, 0}));
  const std::vector<float> expected{10,   11,   12,   20,   21,   22,   30,   31,   32,  //
                                    1010, 1011, 1012, 1020, 1021, 1022, 1030, 1031, 1032,
                                    1110, 1111, 1112, 1120, 1121, 1122, 1130, 1131, 1132};
  EXPECT_EQ(all.logits, expected);
  EXPECT_EQ(align(std::span(parts).first(1)).logits, parts[0].logits);
}

TEST(Align, RefusesWhatDoesNotFit) {
  const Predictions a = make({"a"}, {1, 2});
  const auto expect = [&](const auto& change, const std::vector<std::string>& words) {
    Predictions b = make({"b"}, {1, 2});
    change(b);
    expect_error([&] { align(std::vector<Predictions>{a, b}); }, words);
  };
  expect([](Predictions& p) { p.data_hash = "other"; }, {"a and b", "different data", "hash other"});
  expect([](Predictions& p) { p.split = "test"; }, {"different splits (val and test"});
  expect([](Predictions& p) { p.classes = 2, p.labels = {0, 1}, p.logits.resize(4); }, {"classes (3 and 2"});
  expect([](Predictions& p) { p = make({"b"}, {1, 2, 3}); }, {"samples (2 and 3"});
  expect([](Predictions& p) { p.ids[1] = 7; }, {"b has no sample 2"});
  expect([](Predictions& p) { p.ids[1] = 1; }, {"sample 1 of b is there twice"});
  expect([](Predictions& p) { p.labels[1] = 0; }, {"sample 2 has label 2 for a but 0 for b"});
  expect([](Predictions& p) { p.logits.pop_back(); }, {"5 logits"});
  expect_error([] { align({}); }, {"at least one"});
}

}  // namespace
}  // namespace retort
