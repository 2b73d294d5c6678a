#include "train/cost_clock.h"

#include <gtest/gtest.h>

#include "base/machine.h"
#include "support/idx_files.h"
#include "support/temp_dir.h"

namespace retort {
namespace {

void burn(double cpu_seconds) {
  const double end = process_cpu_seconds() + cpu_seconds;
  while (process_cpu_seconds() < end) {
  }
}

class CostClockTest : public testing::Test {
 protected:
  CostClockTest()
      : data_(open_data(test::write_idx_data(dir_ / "data"))),
        loader_(data_.train, {.size = data_.shape, .crop_pct = 1, .mean = {0}, .std = {1}}, {}) {}
  test::TempDir dir_;
  DataSet data_;
  Loader loader_;
};

TEST_F(CostClockTest, CountsOnlyWhileItRuns) {
  for (const bool alone : {true, false}) {
    CostClock clock(1, alone, loader_);
    burn(0.02);
    clock.start();
    burn(0.02);
    const CostClock::Spent spent = clock.stop();
    EXPECT_GE(spent.cpu, 0.019);
    EXPECT_GT(spent.wall, 0);
    burn(0.02);
    EXPECT_EQ(clock.stop().cpu, 0);
  }
}

TEST_F(CostClockTest, SideBySideTheyShareTheProcess) {
  CostClock a(1, false, loader_), b(3, false, loader_);
  const double before = process_cpu_seconds();
  a.start();
  b.start();
  burn(0.02);
  const double in_b = b.stop().cpu, in_a = a.stop().cpu;
  EXPECT_LE(in_a + in_b, process_cpu_seconds() - before);
  EXPECT_GE(in_a + in_b, 0.019);
  EXPECT_GT(in_b, 2 * in_a);
}

}  // namespace
}  // namespace retort
