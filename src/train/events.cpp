#include "train/events.h"

#include <unistd.h>

#include <array>
#include <bit>
#include <cerrno>
#include <cstring>
#include <ctime>
#include <protozero/pbf_writer.hpp>

#include "base/file.h"
#include "retort/base.h"

namespace retort {

namespace {

constexpr std::string_view kPrefix = "events.out.tfevents.";

// Field numbers of tensorflow.Event, Summary and Summary.Value.
constexpr protozero::pbf_tag_type kWallTime = 1, kStep = 2, kFileVersion = 3, kSummary = 5;
constexpr protozero::pbf_tag_type kValue = 1, kTag = 1, kSimpleValue = 2;

constexpr std::array<uint32_t, 256> make_crc_table() {
  std::array<uint32_t, 256> table{};
  for (uint32_t i = 0; i < 256; ++i) {
    uint32_t crc = i;
    for (int bit = 0; bit < 8; ++bit) crc = (crc >> 1) ^ (crc & 1 ? 0x82F63B78u : 0u);
    table[i] = crc;
  }
  return table;
}
constexpr std::array<uint32_t, 256> kCrcTable = make_crc_table();

// A checksum of data that holds checksums, hence the mask.
uint32_t masked_crc(std::string_view data) { return std::rotr(crc32c(data), 15) + 0xA282EAD8u; }

template <class T>
std::string_view bytes_of(const T& value) {
  return {reinterpret_cast<const char*>(&value), sizeof value};
}

std::string host_name() {
  char name[256] = {};
  return ::gethostname(name, sizeof name - 1) == 0 && name[0] ? name : "localhost";
}

void remove_earlier(const fs::path& directory) {
  std::error_code none;
  for (const auto& entry : fs::directory_iterator(directory, none)) {
    if (entry.path().filename().string().starts_with(kPrefix)) fs::remove(entry.path(), none);
  }
}

}  // namespace

uint32_t crc32c(std::string_view data) {
  uint32_t crc = ~0u;
  for (const char c : data) crc = (crc >> 8) ^ kCrcTable[(crc ^ static_cast<unsigned char>(c)) & 255];
  return ~crc;
}

EventWriter::EventWriter(const fs::path& directory) {
  remove_earlier(directory);
  path_ = directory / str(kPrefix, std::time(nullptr), ".", host_name(), ".", ::getpid());
  errno = 0;
  out_.open(path_, std::ios::binary | std::ios::trunc);
  std::string event;
  protozero::pbf_writer writer(event);
  writer.add_double(kWallTime, static_cast<double>(std::time(nullptr)));
  writer.add_string(kFileVersion, "brain.Event:2");
  write_record(event);
}

void EventWriter::add(double unix_seconds, int64_t step, std::span<const std::pair<std::string, double>> values) {
  std::string event;
  protozero::pbf_writer writer(event);
  writer.add_double(kWallTime, unix_seconds);
  writer.add_int64(kStep, step);
  {
    protozero::pbf_writer summary(writer, kSummary);
    for (const auto& [tag, number] : values) {
      protozero::pbf_writer value(summary, kValue);
      value.add_string(kTag, tag);
      value.add_float(kSimpleValue, static_cast<float>(number));
    }
  }
  write_record(event);
}

void EventWriter::write_record(std::string_view data) {
  const uint64_t size = data.size();
  const uint32_t size_crc = masked_crc(bytes_of(size)), data_crc = masked_crc(data);
  errno = 0;
  out_ << bytes_of(size) << bytes_of(size_crc) << data << bytes_of(data_crc) << std::flush;
  if (!out_) fail(path_.string(), "cannot write: ", errno ? std::strerror(errno) : "the stream has failed");
}

}  // namespace retort
