/// \file half.h
/// IEEE half precision, round to nearest even. Reading has no branches, so that compilers vectorise loops over it.
#pragma once

#include <bit>
#include <cstdint>

namespace retort {

/// float32 to float16. Values beyond the range become infinities; NaN stays NaN.
inline uint16_t to_half(float value) {
  const uint32_t bits = std::bit_cast<uint32_t>(value);
  const uint32_t sign = (bits >> 16) & 0x8000u;
  const uint32_t magnitude = bits & 0x7FFFFFFFu;
  if (magnitude > 0x7F800000u) return static_cast<uint16_t>(sign | 0x7E00u);
  if (magnitude >= 0x477FF000u) return static_cast<uint16_t>(sign | 0x7C00u);
  if (magnitude < 0x38800000u) {  // subnormal: the addition rounds at the right bit
    const float shifted = std::bit_cast<float>(magnitude) + 0.5f;
    return static_cast<uint16_t>(sign | (std::bit_cast<uint32_t>(shifted) - 0x3F000000u));
  }
  const uint32_t rounded = magnitude + 0xFFFu + ((magnitude >> 13) & 1u);
  return static_cast<uint16_t>(sign | ((rounded - 0x38000000u) >> 13));
}

/// float16 to float32, exact.
inline float from_half(uint16_t half) {
  const uint32_t sign = static_cast<uint32_t>(half & 0x8000u) << 16;
  const uint32_t magnitude = static_cast<uint32_t>(half & 0x7FFFu) << 13;
  // Multiplying by 2^112 moves the exponent and normalises subnormals, exactly; infinities and NaN want exponent 255.
  const uint32_t moved = std::bit_cast<uint32_t>(std::bit_cast<float>(magnitude) * 0x1p112f);
  const uint32_t special = static_cast<int32_t>(magnitude) >= 0x0F800000 ? 0x7F800000u : 0u;
  return std::bit_cast<float>(sign | moved | special);
}

}  // namespace retort
