/// \file format.h
/// Numbers as people read them. The program's locale does not matter.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

namespace retort {

/// With `decimals` digits behind the point.
std::string fixed(double value, int decimals);
/// "91.24%".
std::string percent_text(double share);
/// With a sign, also where positive: "+0.0123".
std::string signed_fixed(double value, int decimals);
/// A difference of shares in points: "+0.86".
std::string points_text(double difference);
/// " [low, high]".
std::string bracket(const std::string& low, const std::string& high);
/// A p-value: "0.021", "<0.001".
std::string p_text(double p);
/// 78432 -> "78K", 1200000 -> "1.2M".
std::string count_text(int64_t count);
/// 320000 -> "320 KB"; a kilobyte is 1000 bytes.
std::string bytes_text(int64_t bytes);
/// 0.00041 -> "0.41": milliseconds, with about three digits.
std::string milliseconds_text(double seconds);

/// With a question mark for each control character: a name may come from anywhere and go to a terminal.
std::string printable(std::string text);
/// Columns that UTF-8 text takes on a terminal, counting one a character.
size_t display_width(std::string_view text);
/// Cut to `width` columns, "..." in place of what is left out.
std::string shorten(const std::string& text, size_t width);
/// Filled with spaces to `width` columns.
std::string pad(const std::string& text, size_t width, bool right);
/// Breaks at spaces into lines of at most `width` columns; longer words are shortened.
std::string wrap(const std::string& text, size_t width);

}  // namespace retort
