// Images a second of the training pipeline on a folder of image files: read, decode a random resized crop, flip,
// normalise, in batches. With --decode-only each file is decoded whole and nothing else. Prints one JSON line, as
// bench/peers/pipeline.py does for torchvision.
//   pipeline_bench --data DIR --workers 1 --size 224 --seconds 5 [--decode-only]
#include <CLI/CLI.hpp>
#include <algorithm>
#include <iostream>
#include <string>

#include "base/json.h"
#include "base/machine.h"
#include "retort/data.h"

namespace retort {

namespace {

constexpr int64_t kBatch = 64;

struct BenchArguments {
  std::string data;
  int workers = 1;
  int64_t size = 224;
  double seconds = 5;
  bool decode_only = false;
};

Json rates(double images, double wall, double cpu) {
  return {{"images_per_second", images / wall}, {"images_per_core_second", images / cpu}, {"images", images}};
}

Json decode(const BenchArguments& arguments, const Samples& samples) {
  const auto all = [&] {
    parallel_for(arguments.workers, samples.size(), [&](int64_t i) {
      thread_local Image out;
      const Picture picture = samples.source->picture(samples.indices[static_cast<size_t>(i)]);
      picture.read(picture.whole(), out);
    });
  };
  all();  // brings the files into memory
  double images = 0;
  const double wall = wall_seconds(), cpu = process_cpu_seconds();
  for (; wall_seconds() - wall < arguments.seconds; images += static_cast<double>(samples.size())) all();
  return rates(images, wall_seconds() - wall, process_cpu_seconds() - cpu);
}

Json load(const BenchArguments& arguments, const DataSet& data, const Samples& samples) {
  const Preprocess preprocess{.size = {3, arguments.size, arguments.size},
                              .interpolation = Interpolation::bilinear,
                              .mean = data.mean,
                              .std = data.std};
  Loader loader(samples, preprocess,
                {.batch = std::min(kBatch, samples.size()),
                 .shuffle = true,
                 .augment = Augment("random_resized_crop,hflip"),
                 .workers = arguments.workers});
  const auto epoch = [&](int64_t number) {
    double images = 0;
    loader.start(number, number);
    while (const Batch* batch = loader.next()) images += static_cast<double>(batch->size);
    return images;
  };
  epoch(0);
  double images = 0;
  const double wall = wall_seconds(), cpu = process_cpu_seconds();
  for (int64_t number = 1; wall_seconds() - wall < arguments.seconds; ++number) images += epoch(number);
  return rates(images, wall_seconds() - wall, process_cpu_seconds() - cpu);
}

void run(const BenchArguments& arguments) {
  const DataSet data = open_data("folder:" + arguments.data);
  const Samples samples = data.split("all");
  const Json json = arguments.decode_only ? decode(arguments, samples) : load(arguments, data, samples);
  std::cout << json.dump() << '\n';
}

}  // namespace

}  // namespace retort

int main(int argc, char** argv) try {
  retort::BenchArguments arguments;
  CLI::App app("Images a second of the training pipeline");
  app.add_option("--data", arguments.data, "directory of class directories")->required();
  app.add_option("--workers", arguments.workers)->capture_default_str();
  app.add_option("--size", arguments.size)->capture_default_str();
  app.add_option("--seconds", arguments.seconds)->capture_default_str();
  app.add_flag("--decode-only", arguments.decode_only);
  CLI11_PARSE(app, argc, argv);
  retort::run(arguments);
} catch (const std::exception& error) {
  std::cerr << error.what() << '\n';
  return 1;
}
