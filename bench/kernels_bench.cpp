// Depthwise convolutions of the zoo's students, each kernel alone: milliseconds (the best of many calls on one thread),
// multiply-adds a second, and bytes a second of the maps that it must read and write.
//   kernels_bench [--seconds 0.2] [--only TEXT]
#include <CLI/CLI.hpp>
#include <algorithm>
#include <cstdio>
#include <functional>
#include <limits>
#include <string>
#include <vector>

#include "base/machine.h"
#include "retort/base.h"
#include "retort/kernels.h"

namespace retort {

namespace {

struct BenchCase {
  int64_t images, channels, size, kernel, stride;
};

// Of mobilenetv3_small_050 and efficientnet_b0 at 32 x 32, then of efficientnet_b0 and mobilenetv3_large_100 at 224.
constexpr BenchCase kCases[] = {{128, 16, 16, 3, 2},  {128, 40, 8, 3, 2},  {128, 56, 4, 3, 1},  {128, 64, 4, 5, 2},
                                {128, 144, 2, 5, 1},  {128, 144, 2, 5, 2}, {128, 288, 1, 5, 1}, {128, 32, 16, 3, 1},
                                {128, 96, 16, 3, 2},  {128, 144, 8, 3, 1}, {128, 240, 4, 5, 1}, {128, 672, 2, 5, 1},
                                {128, 1152, 1, 5, 1}, {16, 96, 112, 3, 2}, {16, 144, 56, 3, 1}, {16, 240, 28, 5, 1},
                                {16, 672, 14, 5, 1},  {16, 1152, 7, 5, 1}};

double best_seconds(double seconds, const std::function<void()>& call) {
  double best = std::numeric_limits<double>::infinity();
  const double start = wall_seconds();
  do {
    const double before = wall_seconds();
    call();
    best = std::min(best, wall_seconds() - before);
  } while (wall_seconds() - start < seconds);
  return best;
}

void print_row(const std::string& name, double macs, double bytes, double seconds) {
  std::printf("%-36s %9.3f ms %7.1f GMAC/s %7.1f GB/s\n", name.c_str(), seconds * 1e3, macs / seconds * 1e-9,
              bytes / seconds * 1e-9);
}

void measure(const BenchCase& c, double seconds, const std::string& only) {
  const std::string name = str(c.channels, " x ", c.size, "x", c.size, " k", c.kernel, " s", c.stride, " n", c.images);
  if (name.find(only) == std::string::npos) return;
  const Depthwise conv{c.size, c.size, c.channels, c.kernel, c.stride, (c.kernel - 1) / 2};
  const auto count = [](int64_t n) { return static_cast<size_t>(n); };
  const int64_t x_size = c.images * c.size * c.size * c.channels;
  const int64_t y_size = c.images * conv.out_height() * conv.out_width() * c.channels;
  std::vector<float> x(count(x_size), 0.5F), y(count(y_size), 0.5F), weight(count(c.kernel * c.kernel * c.channels), 1);
  const double macs = static_cast<double>(y_size * c.kernel * c.kernel);
  const double bytes = static_cast<double>(x_size + y_size) * sizeof(float);
  const Part all{0, c.images};
  print_row(name + " forward", macs, bytes,
            best_seconds(seconds, [&] { depthwise_forward(conv, all, x.data(), weight.data(), y.data()); }));
  print_row(name + " data", macs, bytes,
            best_seconds(seconds, [&] { depthwise_backward_data(conv, all, y.data(), weight.data(), x.data()); }));
  print_row(name + " weight", macs, bytes,
            best_seconds(seconds, [&] { depthwise_backward_weight(conv, all, x.data(), y.data(), weight.data()); }));
}

}  // namespace

}  // namespace retort

int main(int argc, char** argv) {
  double seconds = 0.2;
  std::string only;
  CLI::App app("Time of each kernel");
  app.add_option("--seconds", seconds, "of each row")->capture_default_str();
  app.add_option("--only", only, "cases whose name holds this text");
  CLI11_PARSE(app, argc, argv);
  std::printf("%s\n", retort::kernel_target());
  for (const retort::BenchCase& c : retort::kCases) retort::measure(c, seconds, only);
}
