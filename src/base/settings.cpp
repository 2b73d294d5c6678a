#include <algorithm>
#include <charconv>
#include <limits>
#include <numeric>
#include <utility>

#include "retort/base.h"

namespace retort {

Error::Error(std::string_view where, std::string_view message, Kind kind)
    : std::runtime_error(str("[", where, "] ", message)), kind_(kind) {}

Error Error::with(std::string_view advice) const {
  Error more = *this;
  static_cast<std::runtime_error&>(more) = std::runtime_error(str(what(), "; ", advice));
  return more;
}

std::string join(std::span<const std::string> words, std::string_view separator) {
  std::string out;
  for (const std::string& word : words) out += (out.empty() ? "" : std::string(separator)) + word;
  return out;
}

namespace {

size_t edit_distance(std::string_view a, std::string_view b) {
  std::vector<size_t> row(b.size() + 1);
  std::iota(row.begin(), row.end(), size_t{0});
  for (size_t i = 1; i <= a.size(); ++i) {
    size_t diagonal = std::exchange(row[0], i);
    for (size_t j = 1; j <= b.size(); ++j) {
      const size_t substitute = diagonal + (a[i - 1] != b[j - 1]);
      diagonal = std::exchange(row[j], std::min({substitute, row[j] + 1, row[j - 1] + 1}));
    }
  }
  return row[b.size()];
}

// Whole text as a number, or false.
template <class Number>
bool read_number(const std::string& text, Number& out) {
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), out);
  return error == std::errc() && end == text.data() + text.size();
}

template <class Number>
std::string range_text(Number min, Number max) {
  return str("[", min, ", ", max, "]");
}

}  // namespace

std::string nearest(std::string_view word, std::span<const std::string> known) {
  std::string best;
  size_t best_distance = std::max<size_t>(2, word.size() / 3) + 1;
  for (const std::string& candidate : known) {
    const size_t distance = edit_distance(word, candidate);
    if (distance < best_distance) best_distance = distance, best = candidate;
  }
  return best;
}

Settings::Settings(std::string where, std::map<std::string, std::string> values)
    : where_(std::move(where)), values_(std::move(values)) {}

const std::string* Settings::given(const std::string& name) const {
  const auto it = values_.find(name);
  return it == values_.end() ? nullptr : &it->second;
}

double Settings::number(const std::string& name, double default_value, double min, double max,
                        const std::string& help) {
  declared_.push_back({name, "number", str(default_value), range_text(min, max), help});
  const std::string* text = given(name);
  if (!text) return default_value;
  double value = 0;
  if (!read_number(*text, value) || !(value >= min && value <= max)) {
    fail_usage(where_, name, " is '", *text, "'; expected a number in ", range_text(min, max));
  }
  return value;
}

int64_t Settings::integer(const std::string& name, int64_t default_value, int64_t min, int64_t max,
                          const std::string& help) {
  declared_.push_back({name, "integer", str(default_value), range_text(min, max), help});
  const std::string* text = given(name);
  if (!text) return default_value;
  int64_t value = 0;
  if (!read_number(*text, value) || value < min || value > max) {
    fail_usage(where_, name, " is '", *text, "'; expected an integer in ", range_text(min, max));
  }
  return value;
}

bool Settings::flag(const std::string& name, bool default_value, const std::string& help) {
  declared_.push_back({name, "flag", default_value ? "true" : "false", "true, false", help});
  const std::string* text = given(name);
  if (!text) return default_value;
  if (*text != "true" && *text != "false") fail_usage(where_, name, " is '", *text, "'; expected true or false");
  return *text == "true";
}

std::string Settings::choice(const std::string& name, const std::vector<std::string>& words, const std::string& help) {
  declared_.push_back({name, "choice", words.front(), join(words), help});
  const std::string* text = given(name);
  if (!text) return words.front();
  if (std::find(words.begin(), words.end(), *text) == words.end()) {
    fail_usage(where_, name, " is '", *text, "'; expected one of ", join(words));
  }
  return *text;
}

void Settings::check_all_read() const {
  std::vector<std::string> known;
  for (const SettingInfo& info : declared_) known.push_back(info.name);
  for (const auto& [name, value] : values_) {
    if (std::find(known.begin(), known.end(), name) != known.end()) continue;
    fail_usage(where_, "unknown setting '", name, "'; known: ", known.empty() ? "none" : join(known));
  }
}

Spec Spec::parse(std::string_view where, std::string_view text) {
  Spec spec;
  size_t begin = 0;
  for (bool first = true; begin <= text.size(); first = false) {
    const size_t end = std::min(text.find(':', begin), text.size());
    const std::string_view part = text.substr(begin, end - begin);
    const size_t equals = part.find('=');
    if (part.empty() || (!first && (equals == std::string_view::npos || equals == 0))) {
      fail_usage(where, "malformed '", text, "'; expected NAME or NAME:SETTING=VALUE:...");
    }
    if (first) {
      spec.name = part;
    } else if (!spec.values.emplace(part.substr(0, equals), part.substr(equals + 1)).second) {
      fail_usage(where, "setting '", part.substr(0, equals), "' is given twice in '", text, "'");
    }
    begin = end + 1;
  }
  return spec;
}

}  // namespace retort
