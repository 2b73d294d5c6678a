#include "report/support.h"

#include <algorithm>

namespace retort {

namespace {

constexpr double kLevel = 0.05;

// One comparison of the table.
struct Comparison {
  const Change* change;
  Support* support;
};

std::vector<Comparison> comparisons_of(Table& table) {
  std::vector<Comparison> out;
  for (Row& row : table.rows) {
    if (!row.is_baseline) out.push_back({&row.change, &row.support});
  }
  for (PairedDifference& d : table.differences) {
    if (d.name_b != table.baseline) out.push_back({&d.change, &d.support});
  }
  return out;
}

}  // namespace

Support test_groups(std::span<const std::vector<uint8_t>> a, std::span<const std::vector<uint8_t>> b) {
  std::vector<double> p;
  bool exact = true;
  for (const std::vector<uint8_t>& run_a : a) {
    for (const std::vector<uint8_t>& run_b : b) {
      const McNemar test = mcnemar(run_a, run_b);
      p.push_back(test.p);
      exact = exact && test.exact;
    }
  }
  if (p.empty()) fail("report", "a group of no runs; expected at least one run in each");
  if (p.size() == 1) return {.mcnemar_p = p[0], .exact = exact};
  const auto upper_median = p.begin() + static_cast<std::ptrdiff_t>(p.size() / 2);
  std::nth_element(p.begin(), upper_median, p.end());
  return {.mcnemar_p = std::min(1.0, 2 * *upper_median), .exact = exact};
}

void correct_support(Table& table) {
  const std::vector<Comparison> all = comparisons_of(table);
  table.comparisons = std::ssize(all);
  std::vector<double> p;
  for (const Comparison& c : all) p.push_back(c.support->mcnemar_p);
  const std::vector<double> corrected = holm(p);
  for (size_t i = 0; i < all.size(); ++i) {
    all[i].support->mcnemar_p_holm = corrected[i];
    all[i].support->supported = corrected[i] <= kLevel && all[i].change->excludes_zero();
  }
  for (PairedDifference& d : table.differences) {
    const auto row =
        std::find_if(table.rows.begin(), table.rows.end(), [&](const Row& r) { return r.name == d.name_a; });
    if (d.name_b == table.baseline && row != table.rows.end()) d.support = row->support;
  }
}

}  // namespace retort
