/// \file events.h
/// TensorBoard event files.
#pragma once

#include <cstdint>
#include <filesystem>
#include <fstream>
#include <span>
#include <string>
#include <string_view>
#include <utility>

namespace retort {

/// Appends scalars to `DIR/events.out.tfevents.SECONDS.HOST.PID`. Files that an earlier part of the same run left are
/// removed, so that its values can be written again without doubling them.
class EventWriter {
 public:
  explicit EventWriter(const std::filesystem::path& directory);
  /// One value for each tag, at `step`. Throws Error when the file cannot be written.
  void add(double unix_seconds, int64_t step, std::span<const std::pair<std::string, double>> values);

 private:
  void write_record(std::string_view data);
  std::filesystem::path path_;
  std::ofstream out_;
};

/// CRC-32C (Castagnoli).
uint32_t crc32c(std::string_view data);

}  // namespace retort
