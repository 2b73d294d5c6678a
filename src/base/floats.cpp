#include "base/floats.h"

#include <bit>
#include <cstring>

#include "base/half.h"

namespace retort {

namespace {

uint16_t half_at(const std::byte* bytes, size_t i) {
  uint16_t bits = 0;
  std::memcpy(&bits, bytes + 2 * i, sizeof bits);
  return bits;
}

}  // namespace

bool is_float(DType dtype) { return dtype == DType::f32 || dtype == DType::f16 || dtype == DType::bf16; }

void decode_floats(DType dtype, const std::byte* bytes, std::span<float> out) {
  if (dtype == DType::f32) {
    std::memcpy(out.data(), bytes, out.size_bytes());
  } else if (dtype == DType::f16) {
    for (size_t i = 0; i < out.size(); ++i) out[i] = from_half(half_at(bytes, i));
  } else {
    for (size_t i = 0; i < out.size(); ++i) {
      out[i] = std::bit_cast<float>(static_cast<uint32_t>(half_at(bytes, i)) << 16);
    }
  }
}

}  // namespace retort
