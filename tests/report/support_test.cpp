#include "report/support.h"

#include <gtest/gtest.h>

#include <algorithm>

#include "report/fixed_table.h"
#include "support/expect_error.h"

namespace retort {
namespace {

using Runs = std::vector<std::vector<uint8_t>>;

// All right but for `wrong` samples from `first` on.
std::vector<uint8_t> run(size_t first, size_t wrong, size_t samples = 2000) {
  std::vector<uint8_t> out(samples, 1);
  std::fill_n(out.begin() + static_cast<std::ptrdiff_t>(first), wrong, 0);
  return out;
}

TEST(Support, OfOneRunEachIsMcNemars) {
  const Runs a = {run(0, 40)}, b = {run(1000, 20)};
  const Support support = test_groups(a, b);
  const McNemar test = mcnemar(a[0], b[0]);
  EXPECT_EQ(support.mcnemar_p, test.p);
  EXPECT_EQ(support.exact, test.exact);
}

TEST(Support, OfSeveralRunsIsTwiceTheMedianNeverTheSmallest) {
  const Runs a = {run(0, 40)}, b = {run(1000, 10), run(1000, 20), run(1000, 36)};
  const double middle = mcnemar(a[0], b[1]).p;
  EXPECT_LT(mcnemar(a[0], b[0]).p, middle);
  EXPECT_DOUBLE_EQ(test_groups(a, b).mcnemar_p, 2 * middle);
  // Of two the larger one counts, and no probability is above 1.
  EXPECT_DOUBLE_EQ(test_groups(a, Runs{b[0], b[1]}).mcnemar_p, 2 * middle);
  EXPECT_EQ(test_groups(a, Runs{a[0], a[0]}).mcnemar_p, 1);
}

TEST(Support, NeedsTheCorrectedTestAndTheInterval) {
  Table table = fixed_table();
  Row& ensemble = table.rows[1];
  Row& student = table.rows[2];
  ensemble.support = {.mcnemar_p = 0.01};  // times 3, of three comparisons
  student.support = {.mcnemar_p = 0.02};   // times 2, but its interval holds 0
  table.differences[1].support = {.mcnemar_p = 0.06};
  correct_support(table);
  EXPECT_EQ(table.comparisons, 3);
  EXPECT_DOUBLE_EQ(ensemble.support.mcnemar_p_holm, 0.03);
  EXPECT_TRUE(ensemble.support.supported);
  EXPECT_DOUBLE_EQ(student.support.mcnemar_p_holm, 0.04);
  EXPECT_FALSE(student.support.supported);
  EXPECT_DOUBLE_EQ(table.differences[1].support.mcnemar_p_holm, 0.06);
  EXPECT_FALSE(table.differences[1].support.supported);  // though its interval leaves 0 out
}

TEST(Support, ADifferenceToTheBaselineIsItsRowsChange) {
  Table table = fixed_table();
  table.differences[0].support = {};
  correct_support(table);
  EXPECT_EQ(table.differences[0].support.mcnemar_p_holm, table.rows[1].support.mcnemar_p_holm);
  EXPECT_EQ(table.differences[0].support.supported, table.rows[1].support.supported);
}

TEST(Support, RefusesEmptyGroups) {
  test::expect_error([] { test_groups({}, Runs{run(0, 1)}); }, {"no runs"});
}

}  // namespace
}  // namespace retort
