#include <algorithm>
#include <cmath>

#include "ensemble/files.h"

namespace retort {

namespace {

constexpr int64_t kVersion = 1;
constexpr const char* kFile = "calibration.json";

bool is_size_of(const std::vector<int64_t>& shape, size_t size) {
  size_t left = size;
  for (const int64_t d : shape) {
    if (d < 1 || left % static_cast<size_t>(d) != 0) return false;
    left /= static_cast<size_t>(d);
  }
  return size > 0 && left == 1;
}

}  // namespace

void check_fitted(const std::string& where, const Fitted& fitted) {
  for (const auto& [name, numbers] : fitted) {
    if (!is_size_of(numbers.shape, numbers.values.size())) {
      fail(where, "fitted '", name, "' has ", numbers.values.size(), " numbers, which do not fit its shape");
    }
    const auto bad =
        std::find_if_not(numbers.values.begin(), numbers.values.end(), [](double v) { return std::isfinite(v); });
    if (bad != numbers.values.end()) fail(where, "fitted '", name, "' holds ", *bad, "; expected finite numbers");
  }
}

Json fitted_to_json(const Fitted& fitted) {
  Json json = Json::object();
  for (const auto& [name, numbers] : fitted) json[name] = {{"shape", numbers.shape}, {"values", numbers.values}};
  return json;
}

Fitted fitted_from_json(const std::string& where, const Json& json) {
  if (!json.is_object()) fail(where, "'fitted' is not an object of arrays by name");
  Fitted fitted;
  for (const auto& [name, array] : json.items()) {
    const std::string inside = str(where, ", fitted ", name);
    fitted[name] = {get<std::vector<int64_t>>(inside, array, "shape"),
                    get<std::vector<double>>(inside, array, "values")};
  }
  check_fitted(where, fitted);
  return fitted;
}

std::unique_ptr<Combiner> Calibration::make() const {
  std::unique_ptr<Combiner> made = make_calibration(spec);
  made->set_fitted(fitted, 1);
  return made;
}

void check_calibration(const std::string& where, const Calibration& c) {
  check_fitted(where, c.fitted);
  const auto in_range = [](double nll, double ece) { return std::isfinite(nll) && ece >= 0 && ece <= 1; };
  if (!in_range(c.nll_before, c.ece_before) || !in_range(c.nll_after, c.ece_after)) {
    fail(where, "NLL ", c.nll_before, " and ", c.nll_after, ", ECE ", c.ece_before, " and ", c.ece_after,
         "; expected finite numbers and shares");
  }
  try {
    c.make();
  } catch (const Error& error) {  // a file's fault, not the call's
    fail(where, "calibration '", c.spec, "' cannot be made: ", error.what());
  }
}

Json calibration_to_json(const Calibration& c) {
  return {{"spec", c.spec},
          {"fitted", fitted_to_json(c.fitted)},
          {"data", c.data},
          {"data_hash", c.data_hash},
          {"nll_before", c.nll_before},
          {"nll_after", c.nll_after},
          {"ece_before", c.ece_before},
          {"ece_after", c.ece_after}};
}

Calibration calibration_from_json(const std::string& where, const Json& json) {
  Calibration c{get<std::string>(where, json, "spec"),  fitted_from_json(where, get<Json>(where, json, "fitted")),
                get<std::string>(where, json, "data"),  get<std::string>(where, json, "data_hash"),
                get<double>(where, json, "nll_before"), get<double>(where, json, "nll_after"),
                get<double>(where, json, "ece_before"), get<double>(where, json, "ece_after")};
  check_calibration(where, c);
  return c;
}

void check_sha256(const std::string& where, const std::string& whose, const std::string& text) {
  if (text.size() == 64 && text.find_first_not_of("0123456789abcdef") == std::string::npos) return;
  fail(where, whose, ": sha256 is '", text.substr(0, 80), "'; expected 64 lower-case hexadecimal digits");
}

void write_json(const fs::path& file, const Json& json) {
  std::string text;
  try {
    text = json.dump(1) + "\n";
  } catch (const nlohmann::json::exception&) {
    fail(file.string(), "a path is not UTF-8, which JSON needs; rename it");
  }
  write_file(file, text);
}

void save_calibration(const std::filesystem::path& run, const Calibration& calibration, const std::string& sha256) {
  const fs::path file = run / kFile;
  check_calibration(file.string(), calibration);
  check_sha256(file.string(), "the run", sha256);
  Json json{{"retort_calibration", kVersion}, {"sha256", sha256}};
  json.update(calibration_to_json(calibration));
  write_json(file, json);
}

std::optional<Calibration> load_calibration(const std::filesystem::path& run, const std::string& sha256) {
  const fs::path file = run / kFile;
  std::error_code none;
  if (!fs::exists(file, none)) return std::nullopt;
  const std::string where = file.string();
  const Json json = parse_json(where, read_file(file));
  check_version(where, json, "retort_calibration", kVersion);
  const auto fitted_with = get<std::string>(where, json, "sha256");
  check_sha256(where, "the run", fitted_with);
  if (fitted_with != sha256) {
    fail(where, "fitted with weights of SHA-256 ", fitted_with.substr(0, 12), ", but those of this run have ",
         sha256.substr(0, 12), "; calibrate it again or remove the file");
  }
  return calibration_from_json(where, json);
}

}  // namespace retort
