/// \file kernels.h
/// CPU kernels of our own, where libraries are slow: on plain float32 buffers in channels-last memory, for the widest
/// instructions that the processor has (AVX-512, AVX2 or the baseline, chosen when the program runs). Knows nothing of
/// Torch. All are thread-safe and work on a part of the rows or images, so that the caller shares them out; a part's
/// result is the same whatever the others are.
#pragma once

#include <cstdint>

namespace retort {

/// A part of the images or rows, [begin, end).
struct Part {
  int64_t begin = 0, end = 0;
};

/// A depthwise convolution: each channel by a kernel of its own. Maps are [images, height, width, channels], weights
/// [kernel, kernel, channels]. Padding is zeros and may be larger than the map. All sizes but padding at least 1.
struct Depthwise {
  int64_t height = 0, width = 0, channels = 0;
  int64_t kernel = 1, stride = 1, padding = 0;
  int64_t out_height() const { return (height + 2 * padding - kernel) / stride + 1; }
  int64_t out_width() const { return (width + 2 * padding - kernel) / stride + 1; }
};

/// Fills y of the images of `part`: [images, out_height, out_width, channels].
void depthwise_forward(const Depthwise& conv, Part part, const float* x, const float* weight, float* y);
/// Fills dx, the gradient by x, of the images of `part` from dy, the gradient by y.
void depthwise_backward_data(const Depthwise& conv, Part part, const float* dy, const float* weight, float* dx);
/// Fills dweight [kernel, kernel, channels] with what the images of `part` add to the gradient by the weights.
void depthwise_backward_weight(const Depthwise& conv, Part part, const float* x, const float* dy, float* dweight);

/// weight [channels, kernel * kernel] <-> [kernel * kernel, channels].
void transpose(int64_t rows, int64_t columns, const float* from, float* to);

/// The instructions in use, such as "AVX3" (AVX-512) or "AVX2".
const char* kernel_target();

}  // namespace retort
