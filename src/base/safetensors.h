/// \file safetensors.h
/// The safetensors file format, read by memory map and without trust (docs/formats.md). In `base` because both weights
/// and soft labels are kept in it.
#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <vector>

#include "base/file.h"

namespace retort {

enum class DType { f32, f16, bf16, f64, i64, i32, u64, u8 };
/// "F32", "F16", ... as the format spells it.
std::string_view dtype_name(DType dtype);
size_t dtype_size(DType dtype);

/// One tensor that lies somewhere in memory: row-major, little-endian.
struct TensorView {
  DType dtype = DType::f32;
  std::vector<int64_t> shape;
  std::span<const std::byte> bytes;
  int64_t numel() const;
};

/// A safetensors file mapped read-only; its views live as long as it does.
class Safetensors {
 public:
  /// Throws Error on everything that the format forbids: header length, JSON, unknown dtypes, sizes against shapes,
  /// overlaps, holes, bytes beyond the end, duplicate names.
  explicit Safetensors(const fs::path& path);
  const std::map<std::string, TensorView>& tensors() const { return tensors_; }
  const std::map<std::string, std::string>& metadata() const { return metadata_; }
  /// The tensor called `name`. Throws Error where there is none.
  const TensorView& at(const std::string& name) const;

 private:
  MappedFile file_;
  std::string where_;
  std::map<std::string, TensorView> tensors_;
  std::map<std::string, std::string> metadata_;
};

/// Writes a file atomically: tensors sorted by alignment, then name. Throws Error.
void write_safetensors(const fs::path& path, const std::map<std::string, TensorView>& tensors,
                       const std::map<std::string, std::string>& metadata = {});

}  // namespace retort
