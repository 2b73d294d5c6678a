#include "base/energy.h"

#include <fstream>
#include <optional>

namespace retort {

namespace {

std::optional<double> number_in(const std::filesystem::path& file) {
  std::ifstream in(file);
  double value = 0;
  if (!(in >> value)) return std::nullopt;
  return value;
}

// "intel-rapl:0", not the parts of a package, which are "intel-rapl:0:1".
bool is_package(const std::string& name) {
  const size_t colon = name.find(':');
  return name.starts_with("intel-rapl:") && name.find(':', colon + 1) == std::string::npos;
}

}  // namespace

EnergyMeter::EnergyMeter(const std::filesystem::path& root) {
  std::error_code none;
  for (const auto& entry : std::filesystem::directory_iterator(root, none)) {
    if (!is_package(entry.path().filename().string())) continue;
    const auto range = number_in(entry.path() / "max_energy_range_uj"), now = number_in(entry.path() / "energy_uj");
    if (range && now) packages_.push_back({entry.path() / "energy_uj", *range, *now});
  }
}

double EnergyMeter::take() {
  double microjoules = 0;
  for (Package& package : packages_) {
    const double now = number_in(package.counter).value_or(package.last);
    microjoules += now < package.last ? now + package.range - package.last : now - package.last;
    package.last = now;
  }
  return 1e-6 * microjoules;
}

}  // namespace retort
