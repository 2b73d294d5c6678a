#include "data/gunzip.h"

#include <algorithm>

#include "retort/base.h"

namespace retort {

namespace {

constexpr int kGzipWindow = 15 + 16;  // the largest window, gzip header and trailer

uInt step_size(size_t size) { return static_cast<uInt>(std::min<size_t>(size, 1u << 30)); }  // zlib counts in 32 bits

}  // namespace

Gunzip::Gunzip(std::string_view where, std::span<const std::byte> bytes) : where_(where), in_(bytes) {
  if (inflateInit2(&stream_, kGzipWindow) != Z_OK) fail(where_, "zlib cannot start; is there enough memory?");
}

size_t Gunzip::read(std::span<uint8_t> out) {
  size_t total = 0;
  while (total < out.size() && !ended_) {
    const uInt have = step_size(in_.size()), want = step_size(out.size() - total);
    stream_.next_in = reinterpret_cast<Bytef*>(const_cast<std::byte*>(in_.data()));
    stream_.avail_in = have;
    stream_.next_out = out.data() + total;
    stream_.avail_out = want;
    const int result = inflate(&stream_, Z_NO_FLUSH);
    in_ = in_.subspan(have - stream_.avail_in);
    total += want - stream_.avail_out;
    if (result == Z_STREAM_END) {
      ended_ = true;
    } else if (result == Z_BUF_ERROR) {
      break;  // no input left
    } else if (result != Z_OK) {
      fail(where_, "the gzip data is damaged (", stream_.msg ? stream_.msg : "unknown reason",
           "); fetch the file again");
    }
  }
  return total;
}

}  // namespace retort
