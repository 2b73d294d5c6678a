/// \file energy.h
/// What the processor's packages use, where the kernel lets it be read: Intel's and AMD's RAPL counters.
#pragma once

#include <filesystem>
#include <string>
#include <vector>

namespace retort {

/// Not thread-safe.
class EnergyMeter {
 public:
  /// Looks for packages ("intel-rapl:N") below `root` that may be read; often only an administrator may.
  explicit EnergyMeter(const std::filesystem::path& root = "/sys/class/powercap");
  bool is_readable() const { return !packages_.empty(); }
  /// Joules since it was last asked, or since it was made; 0 where none may be read. A counter that began anew in
  /// between counts on.
  double take();

 private:
  struct Package {
    std::filesystem::path counter;
    double range, last;  ///< microjoules; the counter begins anew at `range`
  };
  std::vector<Package> packages_;
};

}  // namespace retort
