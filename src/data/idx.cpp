#include "data/idx.h"

#include <algorithm>
#include <array>
#include <iomanip>

#include "base/hash.h"
#include "data/gunzip.h"
#include "retort/base.h"

namespace retort {

namespace {

constexpr uint64_t kMaxValues = (uint64_t{1} << 32) - 64;  // beyond it gzip does not know its own size
constexpr uint64_t kMaxRatio = 1032;                       // no deflate stream expands further
constexpr size_t kPiece = size_t{1} << 20;

struct Header {
  std::array<uint8_t, 16> bytes{};
  size_t size = 0;  // of `bytes`, that the kind has

  uint32_t word(size_t i) const {
    return uint32_t{bytes[4 * i]} << 24 | uint32_t{bytes[4 * i + 1]} << 16 | uint32_t{bytes[4 * i + 2]} << 8 |
           uint32_t{bytes[4 * i + 3]};
  }
};

Header empty_header(IdxKind kind) {
  Header header;
  header.size = kind == IdxKind::images ? 16 : 8;
  return header;
}

std::string hex(uint32_t word) {
  std::ostringstream out;
  out << "0x" << std::hex << std::setw(8) << std::setfill('0') << word;
  return out.str();
}

void check_header_whole(std::string_view where, size_t have, size_t size) {
  if (have < size) fail(where, "only ", have, " bytes; an IDX header has ", size, "; fetch the file again");
}

// The sizes that the header announces, without values yet.
Idx read_header(std::string_view where, const Header& header, IdxKind kind) {
  const bool images = kind == IdxKind::images;
  if (header.word(0) != static_cast<uint32_t>(kind)) {
    fail(where, "magic is ", hex(header.word(0)), "; expected ", hex(static_cast<uint32_t>(kind)), " for ",
         images ? "images" : "labels", "; this is another kind of file");
  }
  Idx idx;
  idx.count = header.word(1);
  if (images) idx.height = header.word(2), idx.width = header.word(3);
  if (idx.count == 0 || idx.height == 0 || idx.width == 0) {
    fail(where, "empty: ", idx.count, " of ", idx.height, " x ", idx.width, " pixels; expected at least one");
  }
  return idx;
}

// Bytes of values that the header announces. Each size is below 2^32, so one product at a time cannot overflow.
uint64_t announced(std::string_view where, const Idx& idx) {
  const auto [count, height, width] =
      std::array{static_cast<uint64_t>(idx.count), static_cast<uint64_t>(idx.height), static_cast<uint64_t>(idx.width)};
  const uint64_t image = height * width;
  if (image > kMaxValues || count > kMaxValues / image) {
    fail(where, "the header announces ", count, " of ", height, " x ", width,
         " pixels, more than the 4 GiB that can be read; the file is damaged");
  }
  return count * image;
}

[[noreturn]] void fail_size(std::string_view where, uint64_t want, const std::string& have) {
  fail(where, "the header announces ", want, " bytes of values, but there are ", have,
       "; the file is damaged, fetch it again");
}

Idx parse_plain(std::string_view where, std::span<const std::byte> bytes, IdxKind kind, Header& header) {
  check_header_whole(where, bytes.size(), header.size);
  std::transform(bytes.begin(), bytes.begin() + static_cast<std::ptrdiff_t>(header.size), header.bytes.begin(),
                 [](std::byte b) { return std::to_integer<uint8_t>(b); });
  Idx idx = read_header(where, header, kind);
  const uint64_t size = announced(where, idx);
  const std::span values = bytes.subspan(header.size);
  if (values.size() != size) fail_size(where, size, str(values.size()));
  const auto* first = reinterpret_cast<const uint8_t*>(values.data());
  idx.values.assign(first, first + values.size());
  return idx;
}

// gzip ends in the size of what it holds: refuses a lying header before anything is allocated for it.
void check_gzip_size(std::string_view where, std::span<const std::byte> bytes, const Header& header, uint64_t size) {
  const std::span tail = bytes.last(4);
  uint64_t held = 0;
  for (size_t i = 4; i-- > 0;) held = held << 8 | std::to_integer<uint64_t>(tail[i]);
  const uint64_t whole = size + header.size;
  if (held == whole && whole <= kMaxRatio * bytes.size()) return;
  fail(where, "the header announces ", whole, " bytes, the end of the gzip data ", held, ", in ", bytes.size(),
       " compressed; the file is cut short or damaged, fetch it again");
}

Idx parse_gzip(std::string_view where, std::span<const std::byte> bytes, IdxKind kind, Header& header) {
  Gunzip gunzip(where, bytes);
  check_header_whole(where, gunzip.read(std::span(header.bytes).first(header.size)), header.size);
  Idx idx = read_header(where, header, kind);
  const uint64_t size = announced(where, idx);
  check_gzip_size(where, bytes, header, size);
  idx.values.reserve(size);  // touched only as far as there is data
  while (idx.values.size() < size) {
    const size_t begin = idx.values.size(), piece = std::min<size_t>(kPiece, size - begin);
    idx.values.resize(begin + piece);
    const size_t got = gunzip.read(std::span(idx.values).subspan(begin));
    if (got < piece) fail_size(where, size, str("only ", begin + got));
  }
  uint8_t beyond = 0;
  if (gunzip.read({&beyond, 1}) > 0) fail_size(where, size, "more");
  if (!gunzip.ended()) fail(where, "the gzip data is cut short; fetch the file again");
  if (gunzip.rest() > 0) fail(where, gunzip.rest(), " bytes follow the gzip data; the file is damaged");
  return idx;
}

bool is_gzip(std::span<const std::byte> bytes) {
  return bytes.size() >= 4 && bytes[0] == std::byte{0x1F} && bytes[1] == std::byte{0x8B};
}

}  // namespace

Idx parse_idx(std::string_view where, std::span<const std::byte> bytes, IdxKind kind) {
  Header header = empty_header(kind);
  Idx idx = is_gzip(bytes) ? parse_gzip(where, bytes, kind, header) : parse_plain(where, bytes, kind, header);
  idx.hash = Sha256()
                 .add(std::as_bytes(std::span(header.bytes).first(header.size)))
                 .add(std::as_bytes(std::span(idx.values)))
                 .hex();
  return idx;
}

}  // namespace retort
