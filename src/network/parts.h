/// \file parts.h
/// Channels-last tensors as rows, and work on them shared out to threads.
#pragma once

#include <ATen/Parallel.h>
#include <ATen/core/Tensor.h>

#include <algorithm>

#include "retort/kernels.h"

namespace retort {

/// How many parts `count` images or rows of `numbers` in all are shared out to: one where that is little work. Depends
/// on the number of threads alone, and so do sums over parts that are added in their order.
inline int64_t part_count(int64_t count, int64_t numbers) {
  constexpr int64_t kLittle = 32 << 10;
  return numbers < kLittle ? 1 : std::min<int64_t>(count, at::get_num_threads());
}

/// Calls f(i, part) for each of `parts` parts of [0, count), on as many threads.
template <class F>
void run_parts(int64_t count, int64_t parts, const F& f) {
  at::parallel_for(0, parts, 1, [&](int64_t begin, int64_t end) {
    for (int64_t i = begin; i < end; ++i) f(i, Part{i * count / parts, (i + 1) * count / parts});
  });
}

/// x itself where its memory is channels-last, else a copy that is.
inline at::Tensor channels_last(const at::Tensor& x) { return x.contiguous(at::MemoryFormat::ChannelsLast); }

/// A channels-last map's [rows, channels], in the same memory.
inline at::Tensor as_rows(const at::Tensor& x) {
  return x.permute({0, 2, 3, 1}).view({x.size(0) * x.size(2) * x.size(3), x.size(1)});
}

}  // namespace retort
