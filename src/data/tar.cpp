#include "data/tar.h"

#include <algorithm>
#include <array>
#include <charconv>
#include <cstring>
#include <utility>

#include "retort/base.h"

namespace retort {

namespace {

constexpr uint64_t kBlock = 512;
constexpr uint64_t kMaxText = 1 << 20;  // of names and pax records
constexpr uint64_t kMaxSize = uint64_t{1} << 62;

uint64_t padded(uint64_t size) { return (size + kBlock - 1) / kBlock * kBlock; }

}  // namespace

/// One block of 512 bytes.
struct TarReader::Header {
  std::array<uint8_t, kBlock> bytes{};

  std::string field(size_t offset, size_t size) const {
    const char* begin = reinterpret_cast<const char*>(bytes.data()) + offset;
    return {begin, strnlen(begin, size)};
  }
  /// Octal digits, or GNU's big-endian bytes after a first one with its highest bit.
  uint64_t number(std::string_view where, size_t offset, size_t size) const {
    uint64_t value = 0;
    if (bytes[offset] & 0x80) {
      for (size_t i = offset; i < offset + size; ++i) {
        if (value >> 54) fail(where, "a number in the tar is out of range; fetch the file again");
        value = value << 8 | (i == offset ? bytes[i] & 0x7Fu : bytes[i]);
      }
      return value;
    }
    const std::string digits = field(offset, size);
    const size_t begin = digits.find_first_not_of(' ');
    for (size_t i = begin; i < digits.size() && digits[i] != ' '; ++i) {
      if (digits[i] < '0' || digits[i] > '7') fail(where, "a number in the tar is not octal; fetch the file again");
      value = value << 3 | static_cast<uint64_t>(digits[i] - '0');
    }
    return value;
  }
  bool is_zero() const {
    return std::all_of(bytes.begin(), bytes.end(), [](uint8_t b) { return b == 0; });
  }
  /// The sum of all bytes, those of the checksum taken as spaces.
  uint64_t checksum() const {
    uint64_t sum = 0;
    for (size_t i = 0; i < bytes.size(); ++i) sum += i >= 148 && i < 156 ? uint64_t{' '} : bytes[i];
    return sum;
  }
  char type() const { return static_cast<char>(bytes[156]); }
  std::string name() const {
    const bool ustar = field(257, 6).starts_with("ustar") && bytes[262] == 0;  // GNU's has a space there
    const std::string prefix = ustar ? field(345, 155) : "";
    return (prefix.empty() ? "" : prefix + "/") + field(0, 100);
  }
};

void TarReader::fill(std::span<uint8_t> out) {
  if (read_(out) < out.size()) fail(where_, "the tar is cut short; fetch the file again");
}

void TarReader::skip(uint64_t bytes) {
  std::array<uint8_t, 64 * kBlock> piece;
  for (; bytes > 0; bytes -= std::min<uint64_t>(bytes, piece.size())) {
    fill(std::span(piece).first(std::min<uint64_t>(bytes, piece.size())));
  }
}

std::string TarReader::text(uint64_t size) {
  if (size > kMaxText) fail(where_, "a name in the tar has ", size, " bytes; expected at most ", kMaxText);
  std::string text(padded(size), '\0');
  fill({reinterpret_cast<uint8_t*>(text.data()), text.size()});
  text.resize(size);
  return text;
}

// Records of "LENGTH KEY=VALUE\n", where the length counts the whole record.
void TarReader::read_extended(uint64_t size) {
  const std::string all = text(size);
  for (std::string_view rest = all; !rest.empty();) {
    size_t length = 0;
    const auto [end, error] = std::from_chars(rest.data(), rest.data() + rest.size(), length);
    const auto digits = static_cast<size_t>(end - rest.data());
    if (error != std::errc() || length <= digits + 1 || length > rest.size() || rest[length - 1] != '\n') {
      fail(where_, "an extended header of the tar is damaged; fetch the file again");
    }
    const std::string_view record = rest.substr(digits + 1, length - digits - 2);
    const size_t equals = std::min(record.find('='), record.size());
    const std::string_view key = record.substr(0, equals), value = record.substr(std::min(equals + 1, record.size()));
    if (key == "path") next_name_ = value;
    if (key == "size") {
      const auto [last, bad] = std::from_chars(value.data(), value.data() + value.size(), next_size_);
      if (bad != std::errc() || last != value.data() + value.size()) fail(where_, "a size in the tar is no number");
      has_next_size_ = true;
    }
    rest.remove_prefix(length);
  }
}

// Whether the header is a regular file's; what comes before or between is read or passed over.
bool TarReader::take(const Header& header) {
  const uint64_t size = header.number(where_, 124, 12);
  switch (header.type()) {
    case 'x':
      read_extended(size);
      return false;
    case 'L': {
      const std::string name = text(size);
      next_name_ = name.substr(0, name.find('\0'));
      return false;
    }
    default:
      break;
  }
  name_ = next_name_.empty() ? header.name() : next_name_;
  size_ = has_next_size_ ? next_size_ : size;
  if (size_ > kMaxSize) fail(where_, "a file in the tar announces ", size_, " bytes; the file is damaged");
  next_name_.clear();
  has_next_size_ = false;
  left_ = padded(size_);
  return header.type() == '0' || header.type() == '\0';
}

bool TarReader::next() {
  for (;;) {
    skip(std::exchange(left_, 0));
    Header header;
    fill(header.bytes);
    if (header.is_zero()) return false;
    if (header.number(where_, 148, 8) != header.checksum()) {
      fail(where_, "a header's checksum is wrong; this is no tar, or it is damaged; fetch the file again");
    }
    if (take(header)) return true;
  }
}

void TarReader::read(std::span<uint8_t> out) {
  fill(out);
  left_ -= out.size();
}

}  // namespace retort
