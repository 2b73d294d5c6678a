/// \file safetensors.h
/// The safetensors file format, read by memory map and without trust (docs/formats.md). In `base` because both weights
/// and soft labels are kept in it.
#pragma once

#include <cstdint>
#include <map>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/file.h"

namespace retort {

/// All of the format's types that take whole bytes: a file may hold tensors that nobody here needs.
enum class DType { f32, f16, bf16, f64, i64, i32, u64, u8, boolean, i8, i16, u16, u32, c64, f8_e5m2, f8_e4m3 };
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

/// What a safetensors file holds.
struct SafetensorsContents {
  std::map<std::string, TensorView> tensors;  ///< views into the bytes that were parsed
  std::map<std::string, std::string> metadata;
};

/// Reads a file that lies in memory. Throws Error on everything that the format forbids (header length, JSON, unknown
/// dtypes, sizes against shapes, overlaps, holes, bytes beyond the end), and on duplicate names, absurd ranks, long
/// names, too many tensors and BOOL that is neither 0 nor 1. PyTorch's own files are told how they are converted.
SafetensorsContents parse_safetensors(std::string_view where, std::span<const std::byte> bytes);

/// A safetensors file mapped read-only; its views live as long as it does.
class Safetensors {
 public:
  /// Throws Error as parse_safetensors does, and where the file cannot be read.
  explicit Safetensors(const fs::path& path);
  const std::map<std::string, TensorView>& tensors() const { return contents_.tensors; }
  const std::map<std::string, std::string>& metadata() const { return contents_.metadata; }
  /// The tensor called `name`. Throws Error where there is none.
  const TensorView& at(const std::string& name) const;

 private:
  MappedFile file_;
  std::string where_;
  SafetensorsContents contents_;
};

/// Writes a file atomically: tensors sorted by alignment, then name. Throws Error where bytes and shape of a tensor
/// disagree or the file cannot be written.
void write_safetensors(const fs::path& path, const std::map<std::string, TensorView>& tensors,
                       const std::map<std::string, std::string>& metadata = {});

}  // namespace retort
