#include "network/read_values.h"

#include <ATen/core/grad_mode.h>
#include <ATen/ops/empty_like.h>

#include <algorithm>
#include <bit>
#include <cstring>
#include <vector>

#include "base/floats.h"

namespace retort {

namespace {

constexpr size_t kChunk = 4096;  // floats that stay in the first cache between two looks at them

bool all_finite(std::span<const float> values) {
  constexpr uint32_t kSpecial = 0x7F800000u;  // the exponent of infinities and NaN
  uint32_t special = 0;                       // no early way out, so that compilers vectorise the loop
  for (const float v : values) special |= (std::bit_cast<uint32_t>(v) & kSpecial) == kSpecial ? 1u : 0u;
  return special == 0;
}

bool read_in_order(const TensorView& view, std::span<float> out) {
  bool finite = true;
  for (size_t start = 0; start < out.size(); start += kChunk) {
    const auto chunk = out.subspan(start, std::min(kChunk, out.size() - start));
    decode_floats(view.dtype, view.bytes.data() + start * dtype_size(view.dtype), chunk);
    finite &= all_finite(chunk);
  }
  return finite;
}

// [out, in, k, k] as [out, k, k, in], a row at a time.
bool read_channels_last(const TensorView& view, std::span<float> out) {
  const auto rows = static_cast<size_t>(view.shape[0]), in = static_cast<size_t>(view.shape[1]);
  const size_t row_size = rows > 0 ? out.size() / rows : 0, kernel = in > 0 ? row_size / in : 0;
  std::vector<float> row(row_size);
  bool finite = true;
  for (size_t r = 0; r < rows; ++r) {
    decode_floats(view.dtype, view.bytes.data() + r * row_size * dtype_size(view.dtype), row);
    finite &= all_finite(row);
    float* to = out.data() + r * row_size;
    for (size_t k = 0; k < kernel; ++k) {
      for (size_t i = 0; i < in; ++i) *to++ = row[i * kernel + k];
    }
  }
  return finite;
}

}  // namespace

bool is_readable(DType dtype, bool integer) { return integer ? dtype == DType::i64 : is_float(dtype); }

bool read_values(const TensorView& view, at::Tensor target) {
  const at::NoGradGuard no_grad;
  if (!target.is_cpu()) {
    const at::Tensor here = at::empty_like(target, at::TensorOptions().device(at::kCPU));
    const bool finite = read_values(view, here);
    target.copy_(here);
    return finite;
  }
  if (target.scalar_type() == at::kLong) {
    std::memcpy(target.mutable_data_ptr(), view.bytes.data(), target.nbytes());
    return true;
  }
  const std::span<float> out(target.mutable_data_ptr<float>(), static_cast<size_t>(target.numel()));
  return target.is_contiguous() ? read_in_order(view, out) : read_channels_last(view, out);
}

}  // namespace retort
