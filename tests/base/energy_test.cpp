#include "base/energy.h"

#include <gtest/gtest.h>

#include "base/file.h"
#include "support/temp_dir.h"

namespace retort {
namespace {

void set(const fs::path& zone, const std::string& microjoules) {
  make_directory(zone);
  write_file(zone / "max_energy_range_uj", "1000000\n");
  write_file(zone / "energy_uj", microjoules + "\n");
}

TEST(EnergyMeter, AddsPackagesAndGoesOnWhereACounterBeginsAnew) {
  const test::TempDir root;
  set(root / "intel-rapl:0", "900000");
  set(root / "intel-rapl:1", "5");
  set(root / "intel-rapl:0:0", "7");  // a part of the first
  EnergyMeter meter(root.path());
  EXPECT_TRUE(meter.is_readable());
  EXPECT_EQ(meter.take(), 0);
  set(root / "intel-rapl:0", "200000");
  set(root / "intel-rapl:1", "100005");
  set(root / "intel-rapl:0:0", "999");
  EXPECT_NEAR(meter.take(), 0.4, 1e-9);
  EXPECT_EQ(meter.take(), 0);
}

TEST(EnergyMeter, KnowsNothingWhereNothingMayBeRead) {
  const test::TempDir root;
  write_file(root / "intel-rapl:0", "a file, not a package");
  EnergyMeter meter(root.path());
  EXPECT_FALSE(meter.is_readable());
  EXPECT_EQ(meter.take(), 0);
  EXPECT_FALSE(EnergyMeter(root / "nothing").is_readable());
}

}  // namespace
}  // namespace retort
