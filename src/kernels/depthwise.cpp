// Depthwise convolution. Forward and backward to data are one loop: an output pixel is the sum of its taps, pairs of a
// source pixel and a row of weights, and only taps inside the map are listed.
#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "kernels/depthwise.cpp"
#include <hwy/foreach_target.h>  // NOLINT: includes this file again for each instruction set
// clang-format off: after foreach_target.h
#include "kernels/lanes.h"
// clang-format on

#include <algorithm>
#include <vector>

#include "retort/kernels.h"

HWY_BEFORE_NAMESPACE();
namespace retort::HWY_NAMESPACE {

// Where the taps of one output coordinate come from, along one axis: sources first, first + 1, ... in `count`, tap by
// tap `tap_step` further from `tap` on.
struct Reach {
  int64_t first = 0, count = 0, tap = 0, tap_step = 1;
};

// Taps k with source = out * stride - padding + k inside [0, size).
Reach forward_reach(const Depthwise& conv, int64_t out, int64_t size) {
  const int64_t start = out * conv.stride - conv.padding;
  const int64_t tap = std::max<int64_t>(0, -start), end = std::min(conv.kernel, size - start);
  return {start + tap, std::max<int64_t>(0, end - tap), tap, 1};
}

// Taps k of which a source o in [0, size) met this pixel: pixel = o * stride - padding + k.
Reach backward_reach(const Depthwise& conv, int64_t pixel, int64_t size) {
  const int64_t reach = pixel + conv.padding;
  const int64_t last = std::min(reach / conv.stride, size - 1);
  const int64_t over = reach - (conv.kernel - 1);
  const int64_t first = over > 0 ? (over + conv.stride - 1) / conv.stride : 0;
  return {first, std::max<int64_t>(0, last - first + 1), reach - first * conv.stride, -conv.stride};
}

struct Tap {
  const float* x;
  const float* weight;
};

void sum_taps(const std::vector<Tap>& taps, int64_t channels, float* out) {
  for_channels(channels, [&](auto lanes, int64_t c) HWY_ATTR {
    auto sum = lanes.zero();
    for (const Tap& tap : taps) sum = mul_add(lanes, lanes.load(tap.x + c), lanes.load(tap.weight + c), sum);
    lanes.store(sum, out + c);
  });
}

// Maps of `part`: each output pixel from the source pixels within its two reaches.
void gather(const Depthwise& conv, Part part, const std::vector<Reach>& rows, const std::vector<Reach>& columns,
            int64_t source_height, int64_t source_width, const float* source, const float* weight, float* out) {
  const int64_t channels = conv.channels;
  std::vector<Tap> taps;
  for (int64_t n = part.begin; n < part.end; ++n) {
    const float* image = source + n * source_height * source_width * channels;
    float* to = out + n * static_cast<int64_t>(rows.size() * columns.size()) * channels;
    for (const Reach& row : rows) {
      for (const Reach& column : columns) {
        taps.clear();
        for (int64_t i = 0; i < row.count; ++i) {
          const float* from = image + ((row.first + i) * source_width + column.first) * channels;
          const int64_t first_tap = (row.tap + i * row.tap_step) * conv.kernel + column.tap;
          for (int64_t j = 0; j < column.count; ++j) {
            taps.push_back({from + j * channels, weight + (first_tap + j * column.tap_step) * channels});
          }
        }
        sum_taps(taps, channels, to);
        to += channels;
      }
    }
  }
}

template <class F>
std::vector<Reach> reaches(int64_t count, const F& reach) {
  std::vector<Reach> all;
  for (int64_t i = 0; i < count; ++i) all.push_back(reach(i));
  return all;
}

void forward(const Depthwise& conv, Part part, const float* x, const float* weight, float* y) {
  const auto rows = reaches(conv.out_height(), [&](int64_t o) { return forward_reach(conv, o, conv.height); });
  const auto columns = reaches(conv.out_width(), [&](int64_t o) { return forward_reach(conv, o, conv.width); });
  gather(conv, part, rows, columns, conv.height, conv.width, x, weight, y);
}

void backward_data(const Depthwise& conv, Part part, const float* dy, const float* weight, float* dx) {
  const int64_t out_height = conv.out_height(), out_width = conv.out_width();
  const auto rows = reaches(conv.height, [&](int64_t i) { return backward_reach(conv, i, out_height); });
  const auto columns = reaches(conv.width, [&](int64_t i) { return backward_reach(conv, i, out_width); });
  gather(conv, part, rows, columns, out_height, out_width, dy, weight, dx);
}

// A block of images and of output rows, small enough that it stays in the cache while every tap goes over it.
struct Block {
  Part images, rows;
};

// Output coordinates of [part) at which a tap lies inside the map.
Part inside(const Depthwise& conv, int64_t tap, int64_t size, Part part) {
  const int64_t start = tap - conv.padding;  // source = out * stride + start
  const int64_t first = start < 0 ? (-start + conv.stride - 1) / conv.stride : 0;
  const int64_t end = size - start > 0 ? (size - start + conv.stride - 1) / conv.stride : 0;
  return {std::max(part.begin, first), std::min(part.end, end)};
}

void add_tap(const Depthwise& conv, const Block& block, int64_t ky, int64_t kx, const float* x, const float* dy,
             float* dweight) {
  const int64_t channels = conv.channels, out_height = conv.out_height(), out_width = conv.out_width();
  const Part rows = inside(conv, ky, conv.height, block.rows);
  const Part columns = inside(conv, kx, conv.width, {0, out_width});
  if (rows.begin >= rows.end || columns.begin >= columns.end) return;
  for_channels(channels, [&](auto lanes, int64_t c) HWY_ATTR {
    auto sum = lanes.zero();
    for (int64_t n = block.images.begin; n < block.images.end; ++n) {
      for (int64_t oy = rows.begin; oy < rows.end; ++oy) {
        const int64_t y = oy * conv.stride - conv.padding + ky, x0 = columns.begin * conv.stride - conv.padding + kx;
        const float* from = x + ((n * conv.height + y) * conv.width + x0) * channels + c;
        const float* by = dy + ((n * out_height + oy) * out_width + columns.begin) * channels + c;
        for (int64_t ox = columns.begin; ox < columns.end; ++ox, from += conv.stride * channels, by += channels) {
          sum = mul_add(lanes, lanes.load(from), lanes.load(by), sum);
        }
      }
    }
    lanes.store(add(lanes, sum, lanes.load(dweight + c)), dweight + c);
  });
}

void backward_weight(const Depthwise& conv, Part part, const float* x, const float* dy, float* dweight) {
  constexpr int64_t kBlockFloats = 64 << 10;  // a quarter of a MiB, within any second-level cache
  const int64_t out_height = conv.out_height(), taps = conv.kernel * conv.kernel;
  const int64_t row_floats = (conv.stride * conv.width + conv.out_width()) * conv.channels;
  const int64_t rows = std::clamp<int64_t>(kBlockFloats / row_floats, 1, out_height);
  const int64_t images = rows < out_height ? 1 : std::max<int64_t>(1, kBlockFloats / (row_floats * out_height));
  std::fill(dweight, dweight + taps * conv.channels, 0.0F);
  for (int64_t n = part.begin; n < part.end; n += images) {
    for (int64_t row = 0; row < out_height; row += rows) {
      const Block block{{n, std::min(part.end, n + images)}, {row, std::min(out_height, row + rows)}};
      for (int64_t tap = 0; tap < taps; ++tap) {
        add_tap(conv, block, tap / conv.kernel, tap % conv.kernel, x, dy, dweight + tap * conv.channels);
      }
    }
  }
}

const char* target() { return hwy::TargetName(HWY_TARGET); }

}  // namespace retort::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace retort {

HWY_EXPORT(forward);
HWY_EXPORT(backward_data);
HWY_EXPORT(backward_weight);
HWY_EXPORT(target);

void depthwise_forward(const Depthwise& conv, Part part, const float* x, const float* weight, float* y) {
  HWY_DYNAMIC_DISPATCH(forward)(conv, part, x, weight, y);
}

void depthwise_backward_data(const Depthwise& conv, Part part, const float* dy, const float* weight, float* dx) {
  HWY_DYNAMIC_DISPATCH(backward_data)(conv, part, dy, weight, dx);
}

void depthwise_backward_weight(const Depthwise& conv, Part part, const float* x, const float* dy, float* dweight) {
  HWY_DYNAMIC_DISPATCH(backward_weight)(conv, part, x, dy, dweight);
}

void transpose(int64_t rows, int64_t columns, const float* from, float* to) {
  for (int64_t r = 0; r < rows; ++r) {
    for (int64_t c = 0; c < columns; ++c) to[c * rows + r] = from[r * columns + c];
  }
}

const char* kernel_target() { return HWY_DYNAMIC_DISPATCH(target)(); }

}  // namespace retort
#endif  // HWY_ONCE
