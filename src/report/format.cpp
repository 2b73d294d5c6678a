#include "report/format.h"

#include <algorithm>
#include <array>
#include <charconv>
#include <cmath>
#include <sstream>

namespace retort {

namespace {

bool starts_character(char c) { return (static_cast<unsigned char>(c) & 0xC0u) != 0x80u; }

// With the letter of its thousands: at most three digits before the point, one behind it below 10.
std::string with_prefix(double value, std::string_view space) {
  constexpr std::array<std::string_view, 6> kPrefixes = {"", "K", "M", "G", "T", "P"};
  size_t power = 0;
  while (value >= 999.5 && power + 1 < kPrefixes.size()) value /= 1000, ++power;
  const int decimals = power > 0 && value < 9.95 ? 1 : 0;
  return fixed(value, decimals) + std::string(space) + std::string(kPrefixes[power]);
}

}  // namespace

std::string fixed(double value, int decimals) {
  std::array<char, 400> buffer{};  // the largest double has 309 digits
  const auto result =
      std::to_chars(buffer.data(), buffer.data() + buffer.size(), value, std::chars_format::fixed, decimals);
  std::string text(buffer.data(), result.ptr);
  // Rounded to nothing, a number has no sign.
  return text.starts_with('-') && text.find_first_of("123456789in") == std::string::npos ? text.substr(1) : text;
}

std::string percent_text(double share) { return fixed(100 * share, 2) + "%"; }

std::string signed_fixed(double value, int decimals) {
  const std::string text = fixed(value, decimals);
  return text.starts_with('-') ? text : "+" + text;
}

std::string points_text(double difference) { return signed_fixed(100 * difference, 2); }
std::string bracket(const std::string& low, const std::string& high) { return " [" + low + ", " + high + "]"; }
std::string p_text(double p) { return p < 0.001 ? "<0.001" : fixed(p, 3); }

std::string count_text(int64_t count) { return with_prefix(static_cast<double>(count), ""); }
std::string bytes_text(int64_t bytes) { return with_prefix(static_cast<double>(bytes), " ") + "B"; }

std::string milliseconds_text(double seconds) {
  const double value = 1e3 * seconds;
  return fixed(value, value < 9.995 ? 2 : value < 99.95 ? 1 : 0);
}

std::string printable(std::string text) {
  std::replace_if(
      text.begin(), text.end(), [](char c) { return static_cast<unsigned char>(c) < 0x20 || c == 0x7F; }, '?');
  return text;
}

size_t display_width(std::string_view text) {
  return static_cast<size_t>(std::count_if(text.begin(), text.end(), starts_character));
}

std::string shorten(const std::string& text, size_t width) {
  if (display_width(text) <= width) return text;
  const size_t keep = width > 3 ? width - 3 : 0;
  size_t end = 0;
  for (size_t characters = 0; end < text.size(); ++end) {
    if (starts_character(text[end]) && characters++ == keep) break;
  }
  return text.substr(0, end) + "...";
}

std::string pad(const std::string& text, size_t width, bool right) {
  const std::string space(width - std::min(width, display_width(text)), ' ');
  return right ? space + text : text + space;
}

std::string wrap(const std::string& text, size_t width) {
  std::istringstream words(text);
  std::string out;
  size_t column = 0;
  for (std::string word; words >> word;) {
    word = shorten(word, width);
    const size_t length = display_width(word);
    if (column > 0 && column + 1 + length > width) out += '\n', column = 0;
    if (column > 0) out += ' ', ++column;
    out += word;
    column += length;
  }
  return out;
}

}  // namespace retort
