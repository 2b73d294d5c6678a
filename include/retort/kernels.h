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

/// What is done to a number after the normalisation. relu6, hard_swish and silu are graph.h's.
enum class Activation { none, relu, relu6, hard_swish, silu };

/// Batch norm with what follows it, of rows [rows, channels]: y = activation(x * scale + offset + residual).
struct NormRows {
  int64_t channels = 0;
  Activation activation = Activation::none;
  const float* scale = nullptr;   ///< [channels]: weight / deviation
  const float* offset = nullptr;  ///< [channels]: bias - mean * scale
};
/// Fills sums [2, channels] of the rows of `part`: of x - shift, and of its square.
void norm_sums(int64_t channels, Part part, const float* x, const float* shift, double* sums);
/// Fills y of the rows of `part`; `residual` may be null.
void norm_forward(const NormRows& norm, Part part, const float* x, const float* residual, float* y);
/// Fills sums [2, channels] of the rows of `part`: of dz, the gradient before the activation, and of dz * (x - mean).
/// `y` (the result, for relu alone) decides where there was a residual, which is not kept; else it is null. Where `dz`
/// is not null it is filled, too.
void norm_backward_sums(const NormRows& norm, Part part, const float* x, const float* y, const float* dy,
                        const float* mean, double* sums, float* dz);
/// What dx is made of, for each channel: dx = scale * dz + by_x * (x - mean) + constant.
struct NormGradient {
  const float *mean = nullptr, *by_x = nullptr, *constant = nullptr;
};
/// Fills dx of the rows of `part`. With Activation::none dy is dz, and dx may be the same memory.
void norm_backward(const NormRows& norm, const NormGradient& gradient, Part part, const float* x, const float* y,
                   const float* dy, float* dx);

/// Maps [images, pixels, channels] and a gate for each image and channel: squeeze-and-excite's two ends.
struct GateMaps {
  int64_t pixels = 1, channels = 0;
};
/// Fills mean [images, channels] of the images of `part`.
void gate_pool(const GateMaps& maps, Part part, const float* x, float* mean);
/// Fills y = x * gate of the images of `part`; gate [images, channels].
void gate_forward(const GateMaps& maps, Part part, const float* x, const float* gate, float* y);
/// Fills dgate [images, channels], the sums over pixels of dy * x, of the images of `part`.
void gate_backward_sums(const GateMaps& maps, Part part, const float* x, const float* dy, float* dgate);
/// Fills dx = dy * gate + dmean / pixels of the images of `part`; dmean [images, channels].
void gate_backward(const GateMaps& maps, Part part, const float* dy, const float* gate, const float* dmean, float* dx);

/// weight [channels, kernel * kernel] <-> [kernel * kernel, channels].
void transpose(int64_t rows, int64_t columns, const float* from, float* to);

/// A step of SGD over n parameters w with gradients g, all in one order of memory:
/// g = gradient_scale * g + weight_decay * w; m = momentum * m + g; w -= lr * (nesterov ? g + momentum * m : m).
/// Without momentum m is null, and m = g.
struct SgdStep {
  float lr = 0, momentum = 0, weight_decay = 0, gradient_scale = 1;
  bool nesterov = false;
};
void sgd_step(const SgdStep& step, int64_t n, const float* g, float* m, float* w);

/// A step of AdamW, likewise: w -= lr * weight_decay * w; m and v approach g and g^2 at their rates, 1 - beta;
/// w -= lr * (m / mean_correction) / (sqrt(v / square_correction) + eps).
struct AdamwStep {
  float lr = 0, weight_decay = 0, mean_rate = 0, square_rate = 0, eps = 0, gradient_scale = 1;
  float mean_correction = 1, square_correction = 1;  ///< 1 - beta^steps
};
void adamw_step(const AdamwStep& step, int64_t n, const float* g, float* m, float* v, float* w);

/// average += rate * (x - average), of n numbers.
void move_average(int64_t n, float rate, const float* x, float* average);
double sum_of_squares(int64_t n, const float* x);

/// The instructions in use, such as "AVX3" (AVX-512) or "AVX2".
const char* kernel_target();

}  // namespace retort
