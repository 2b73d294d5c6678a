#include "image/resize.h"

#include <algorithm>
#include <cmath>
#include <cstring>
#include <memory>
#include <numbers>

#if defined(__x86_64__)
#include <immintrin.h>
#endif

namespace retort {

namespace {

constexpr int64_t kMaxSide = int64_t{1} << 26;
constexpr int kPrecision = 22;  ///< bits after the point of a quantised weight
constexpr int32_t kHalf = 1 << (kPrecision - 1);
constexpr int kLanes = 16;  ///< bytes that the inner loop takes at once

double sinc(double x) { return x == 0 ? 1 : std::sin(x * std::numbers::pi) / (x * std::numbers::pi); }

struct Filter {
  double support;
  double (*weight)(double);
};

Filter filter_of(Interpolation interpolation) {
  switch (interpolation) {
    case Interpolation::box:
      return {0.5, [](double x) { return x > -0.5 && x <= 0.5 ? 1.0 : 0.0; }};
    case Interpolation::bicubic:
      return {2, [](double x) {
                constexpr double a = -0.5;
                x = std::abs(x);
                if (x < 1) return ((a + 2) * x - (a + 3)) * x * x + 1;
                return x < 2 ? (((x - 5) * x + 8) * x - 4) * a : 0.0;
              }};
    case Interpolation::lanczos:
      return {3, [](double x) { return -3 <= x && x < 3 ? sinc(x) * sinc(x / 3) : 0.0; }};
    default:
      return {1, [](double x) { return std::max(1 - std::abs(x), 0.0); }};
  }
}

/// What each output pixel of one direction is made of: input pixels [first, first + weights) and their weights.
struct Taps {
  struct Pixel {
    int64_t first, count;
    size_t weights;  ///< where they begin
  };
  std::vector<Pixel> pixels;
  std::vector<int32_t> weights;

  int64_t begin() const { return pixels.front().first; }
  int64_t end() const { return pixels.back().first + pixels.back().count; }
};

/// Taps of the output pixels [from, from + count) of `out`. Pillow's precompute_coeffs and normalize_coeffs_8bpc, in
/// their order of operations: the last bit depends on it.
Taps taps_of(int64_t in, int64_t out, int64_t from, int64_t count, const Filter& filter) {
  const double scale = static_cast<double>(in) / static_cast<double>(out);
  const double stretch = std::max(scale, 1.0);
  const double support = filter.support * stretch;
  const double shrink = 1.0 / stretch;
  Taps taps;
  std::vector<double> exact;
  for (int64_t x = from; x < from + count; ++x) {
    const double center = (static_cast<double>(x) + 0.5) * scale;
    const int64_t first = std::max<int64_t>(static_cast<int64_t>(std::trunc(center - support + 0.5)), 0);
    const int64_t last = std::min(static_cast<int64_t>(std::trunc(center + support + 0.5)), in);
    taps.pixels.push_back({first, last - first, taps.weights.size()});
    exact.clear();
    double sum = 0;
    for (int64_t i = first; i < last; ++i) {
      exact.push_back(filter.weight((static_cast<double>(i) - center + 0.5) * shrink));
      sum += exact.back();
    }
    for (double weight : exact) {
      if (sum != 0) weight /= sum;
      taps.weights.push_back(static_cast<int32_t>((weight < 0 ? -0.5 : 0.5) + weight * (1 << kPrecision)));
    }
  }
  return taps;
}

/// out[i] = sum over k of weights[k] * in[k * stride + i], rounded and clipped to 8 bits, for i < n.
using Weigh = void (*)(const uint8_t* in, int64_t stride, const int32_t* weights, int64_t count, int64_t n,
                       uint8_t* out);

void weigh_plain(const uint8_t* in, int64_t stride, const int32_t* weights, int64_t count, int64_t n, uint8_t* out) {
  for (int64_t i = 0; i < n; ++i) {
    int32_t sum = kHalf;
    for (int64_t k = 0; k < count; ++k) sum += weights[k] * in[k * stride + i];
    out[i] = static_cast<uint8_t>(std::clamp(sum >> kPrecision, 0, 255));
  }
}

#if defined(__x86_64__)
/// In intrinsics, because compilers leave the plain loop as it is.
[[gnu::target("avx2")]] void weigh_avx2(const uint8_t* in, int64_t stride, const int32_t* weights, int64_t count,
                                        int64_t n, uint8_t* out) {
  int64_t i = 0;
  for (; i + kLanes <= n; i += kLanes, in += kLanes) {
    __m256i low = _mm256_set1_epi32(kHalf), high = low;
    const uint8_t* row = in;
    for (int64_t k = 0; k < count; ++k, row += stride) {
      const __m128i bytes = _mm_loadu_si128(reinterpret_cast<const __m128i*>(row));
      const __m256i weight = _mm256_set1_epi32(weights[k]);
      low = _mm256_add_epi32(low, _mm256_mullo_epi32(_mm256_cvtepu8_epi32(bytes), weight));
      high = _mm256_add_epi32(high, _mm256_mullo_epi32(_mm256_cvtepu8_epi32(_mm_srli_si128(bytes, 8)), weight));
    }
    const __m256i words = _mm256_permute4x64_epi64(
        _mm256_packs_epi32(_mm256_srai_epi32(low, kPrecision), _mm256_srai_epi32(high, kPrecision)), 0xD8);
    const __m128i packed = _mm_packus_epi16(_mm256_castsi256_si128(words), _mm256_extracti128_si256(words, 1));
    _mm_storeu_si128(reinterpret_cast<__m128i*>(out + i), packed);
  }
  weigh_plain(in, stride, weights, count, n - i, out + i);
}
const Weigh kWeigh = __builtin_cpu_supports("avx2") ? weigh_avx2 : weigh_plain;
#else
const Weigh kWeigh = weigh_plain;
#endif

using Bytes = uint8_t __attribute__((vector_size(kLanes)));

/// 16 rows of 16 bytes become columns.
void transpose_tile(Bytes (&rows)[kLanes]) {
  for (int stage = 0; stage < 4; ++stage) {
    Bytes mixed[kLanes];
    for (int i = 0; i < 8; ++i) {
      mixed[2 * i] =
          __builtin_shufflevector(rows[i], rows[i + 8], 0, 16, 1, 17, 2, 18, 3, 19, 4, 20, 5, 21, 6, 22, 7, 23);
      mixed[2 * i + 1] =
          __builtin_shufflevector(rows[i], rows[i + 8], 8, 24, 9, 25, 10, 26, 11, 27, 12, 28, 13, 29, 14, 30, 15, 31);
    }
    std::copy(std::begin(mixed), std::end(mixed), std::begin(rows));
  }
}

/// One tile of `transpose`, `height` x `width` of it.
[[gnu::always_inline]] inline void transpose_part(const uint8_t* in, int64_t in_stride, size_t height, size_t width,
                                                  uint8_t* out, int64_t out_stride) {
  Bytes rows[kLanes] = {};
  for (size_t i = 0; i < height; ++i, in += in_stride) std::memcpy(&rows[i], in, width);
  transpose_tile(rows);
  for (size_t i = 0; i < width; ++i, out += out_stride) std::memcpy(out, &rows[i], height);
}

/// [height, n] with `in_stride` to [n, height] with `out_stride`.
void transpose(const uint8_t* in, int64_t in_stride, int64_t height, int64_t n, uint8_t* out, int64_t out_stride) {
  for (int64_t x = 0; x < n; x += kLanes) {
    for (int64_t y = 0; y < height; y += kLanes) {
      const auto w = static_cast<size_t>(std::min<int64_t>(n - x, kLanes));
      const auto h = static_cast<size_t>(std::min<int64_t>(height - y, kLanes));
      const uint8_t* from = in + y * in_stride + x;
      uint8_t* to = out + x * out_stride + y;
      if (w == kLanes && h == kLanes) {
        transpose_part(from, in_stride, kLanes, kLanes, to, out_stride);
      } else {
        transpose_part(from, in_stride, h, w, to, out_stride);
      }
    }
  }
}

/// Memory that is not cleared first.
std::unique_ptr<uint8_t[]> raw_bytes(int64_t count) {
  return std::make_unique_for_overwrite<uint8_t[]>(static_cast<size_t>(count));
}

/// The horizontal pass over rows [top, top + height) of `in`, written densely. 16 rows at a time are turned, so that
/// the same inner loop over neighbouring bytes serves both directions.
void pass_horizontally(const Image& in, int64_t top, int64_t height, const Taps& taps, uint8_t* out) {
  const int64_t channels = in.shape.channels, in_row = in.shape.width * channels, lanes = channels * kLanes;
  const int64_t used_row = (taps.end() - taps.begin()) * channels, out_row = std::ssize(taps.pixels) * channels;
  const auto from = raw_bytes(used_row * kLanes), to = raw_bytes(out_row * kLanes);
  const uint8_t* used = in.pixels.data() + top * in_row + taps.begin() * channels;
  for (int64_t y = 0; y < height; y += kLanes) {
    const int64_t rows = std::min<int64_t>(height - y, kLanes);
    transpose(used + y * in_row, in_row, rows, used_row, from.get(), kLanes);
    uint8_t* pixel_out = to.get();
    for (const Taps::Pixel& pixel : taps.pixels) {
      kWeigh(from.get() + (pixel.first - taps.begin()) * lanes, lanes, taps.weights.data() + pixel.weights, pixel.count,
             lanes, pixel_out);
      pixel_out += lanes;
    }
    transpose(to.get(), kLanes, out_row, rows, out + y * out_row, out_row);
  }
}

/// The vertical pass over rows of n bytes that lie `stride` apart, of which the first is the taps' first.
void pass_vertically(const uint8_t* in, int64_t stride, int64_t n, const Taps& taps, uint8_t* out) {
  for (const Taps::Pixel& pixel : taps.pixels) {
    kWeigh(in + (pixel.first - taps.begin()) * stride, stride, taps.weights.data() + pixel.weights, pixel.count, n,
           out);
    out += n;
  }
}

/// The input pixel of each output pixel in [from, from + count). Pillow adds up the scale, and so the last bit.
std::vector<int64_t> nearest_of(int64_t in, int64_t out, int64_t from, int64_t count) {
  const double scale = static_cast<double>(in) / static_cast<double>(out);
  std::vector<int64_t> chosen;
  double at = scale * 0.5;
  for (int64_t x = 0; x < from + count; ++x, at += scale) {
    if (x >= from) chosen.push_back(std::min(static_cast<int64_t>(at), in - 1));
  }
  return chosen;
}

void pick_nearest(const Image& in, int64_t height, int64_t width, const Box& window, uint8_t* out) {
  const auto channels = static_cast<size_t>(in.shape.channels);
  const std::vector<int64_t> columns = nearest_of(in.shape.width, width, window.left, window.width);
  for (const int64_t y : nearest_of(in.shape.height, height, window.top, window.height)) {
    const uint8_t* row = in.pixels.data() + y * in.shape.width * in.shape.channels;
    for (const int64_t x : columns) {
      const uint8_t* pixel = row + x * in.shape.channels;
      out = std::copy(pixel, pixel + channels, out);
    }
  }
}

void check_sizes(const Image& in, int64_t height, int64_t width) {
  for (const int64_t side : {in.shape.channels, in.shape.height, in.shape.width, height, width}) {
    if (side < 1 || side > kMaxSide) {
      fail("resize", "an image of ", in.shape.width, " x ", in.shape.height, " to ", width, " x ", height,
           "; expected sides of 1 to ", kMaxSide);
    }
  }
}

}  // namespace

void resize_window(const Image& in, int64_t height, int64_t width, const Box& window, Interpolation interpolation,
                   Image& out) {
  check_sizes(in, height, width);
  const int64_t channels = in.shape.channels;
  out.resize({channels, window.height, window.width});
  uint8_t* pixels = out.pixels.data();
  if (interpolation == Interpolation::nearest) return pick_nearest(in, height, width, window, pixels);

  const Filter filter = filter_of(interpolation);
  const bool across = width != in.shape.width, down = height != in.shape.height;
  const int64_t row = window.width * channels;
  const Taps taps_down = down ? taps_of(in.shape.height, height, window.top, window.height, filter) : Taps{};
  const int64_t top = down ? taps_down.begin() : window.top;
  const int64_t rows = down ? taps_down.end() - top : window.height;

  int64_t stride = in.shape.width * channels;
  const uint8_t* between = in.pixels.data() + top * stride + window.left * channels;
  std::unique_ptr<uint8_t[]> memory;
  if (across) {
    if (down) memory = raw_bytes(rows * row);
    uint8_t* to = down ? memory.get() : pixels;
    pass_horizontally(in, top, rows, taps_of(in.shape.width, width, window.left, window.width, filter), to);
    stride = row;
    between = to;
  }
  if (down) {
    pass_vertically(between, stride, row, taps_down, pixels);
  } else if (!across) {
    for (int64_t y = 0; y < rows; ++y) std::memcpy(pixels + y * row, between + y * stride, static_cast<size_t>(row));
  }
}

void resize_image(const Image& in, int64_t height, int64_t width, Interpolation interpolation, Image& out) {
  resize_window(in, height, width, {0, 0, width, height}, interpolation, out);
}

}  // namespace retort
