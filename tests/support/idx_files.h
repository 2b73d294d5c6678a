/// \file idx_files.h
/// Small IDX data sets for tests: classes of blocky patterns under noise, which any network learns in a few steps.
#pragma once

#include <algorithm>
#include <cstdint>
#include <filesystem>
#include <string>
#include <vector>

#include "base/file.h"
#include "base/hash.h"
#include "base/random.h"

namespace retort::test {

inline std::string big_endian(uint32_t value) {
  std::string out;
  for (int shift = 24; shift >= 0; shift -= 8) out += static_cast<char>((value >> shift) & 255);
  return out;
}

/// Bytes of an IDX image file; `pixels` holds count * height * width of them.
inline std::string idx_images(uint32_t count, uint32_t height, uint32_t width, const std::string& pixels) {
  return big_endian(0x803) + big_endian(count) + big_endian(height) + big_endian(width) + pixels;
}

/// Bytes of an IDX label file.
inline std::string idx_labels(const std::string& labels) {
  return big_endian(0x801) + big_endian(static_cast<uint32_t>(labels.size())) + labels;
}

struct IdxOptions {
  int train = 200, test = 60;  ///< samples; labels go round the classes, so each has its share
  int classes = 10;
  int height = 12, width = 12;
  double noise = 40;  ///< standard deviation, of 255; at 40 nets reach about 100%, at 150 they make mistakes
  uint64_t seed = 0;
};

/// Writes train-*-ubyte or t10k-*-ubyte ("train", "t10k") into the directory, which must exist.
inline void write_idx_part(const std::filesystem::path& dir, const std::string& part, int count,
                           const IdxOptions& options) {
  constexpr int kBlocks = 4;  // a pattern is a 4 x 4 chequer of grey blocks
  std::string pixels, labels;
  for (int i = 0; i < count; ++i) {
    const int label = i % options.classes;
    labels += static_cast<char>(label);
    Rng noise = stream(options.seed, Purpose::sample, fnv1a(part), static_cast<uint64_t>(i));
    Rng pattern = stream(options.seed, Purpose::init, static_cast<uint64_t>(label));
    std::vector<double> grey(kBlocks * kBlocks);
    for (double& g : grey) g = 32 + 192 * pattern.uniform();
    for (int y = 0; y < options.height; ++y) {
      for (int x = 0; x < options.width; ++x) {
        const int block = y * kBlocks / options.height * kBlocks + x * kBlocks / options.width;
        const double value = grey[static_cast<size_t>(block)] + options.noise * noise.normal();
        pixels += static_cast<char>(static_cast<uint8_t>(std::clamp(value, 0.0, 255.0)));
      }
    }
  }
  const auto u32 = [](int value) { return static_cast<uint32_t>(value); };
  write_file(dir / (part + "-images-idx3-ubyte"),
             idx_images(u32(count), u32(options.height), u32(options.width), pixels));
  write_file(dir / (part + "-labels-idx1-ubyte"), idx_labels(labels));
}

/// Writes a learnable data set of four files and returns its spec, `idx:DIR`, for open_data.
inline std::string write_idx_data(const std::filesystem::path& dir, const IdxOptions& options = {}) {
  make_directory(dir);
  write_idx_part(dir, "train", options.train, options);
  write_idx_part(dir, "t10k", options.test, options);
  return "idx:" + dir.string();
}

}  // namespace retort::test
