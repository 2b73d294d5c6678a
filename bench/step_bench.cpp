// Images a second of one training step on images that lie in memory: forward, loss, backward, optimiser. With --labels
// the loss distils from a store of soft labels, written before the clock starts. Prints one JSON line, as
// bench/peers/step.py does for PyTorch.
//   step_bench --model resnet8 --precision bf16 --threads 1 --size 32 --channels 3 --batch 128 --seconds 5
//              [--labels 3 [--top 32]] [--classes 1000]
#include <ATen/core/Tensor.h>
#include <unistd.h>

#include <CLI/CLI.hpp>
#include <filesystem>
#include <iostream>
#include <numeric>
#include <string>

#include "base/file.h"
#include "base/json.h"
#include "base/machine.h"
#include "base/memory.h"
#include "base/random.h"
#include "retort/network.h"
#include "retort/zoo.h"
#include "train/objective.h"
#include "train/optimizer.h"

namespace retort {

namespace {

constexpr int64_t kPool = 8, kViews = 2, kWarmUp = 3;
constexpr int64_t kSamples = 20000;  // of the store, whose pages are read here and there as in training

struct BenchArguments {
  std::string model = "resnet8", precision = "auto", device = "cpu";
  int threads = 1;
  int64_t size = 32, channels = 3, batch = 128, classes = 10, labels = 0, top = 0;
  double seconds = 5;
};

std::vector<Batch> make_batches(const BenchArguments& arguments) {
  std::vector<Batch> pool(kPool);
  Rng random = stream(0, Purpose::sample);
  for (int64_t b = 0; b < kPool; ++b) {
    Batch& batch = pool[static_cast<size_t>(b)];
    batch.size = arguments.batch;
    batch.view = b % kViews;
    batch.images.resize(static_cast<size_t>(arguments.batch * arguments.size * arguments.size * arguments.channels));
    for (float& pixel : batch.images) pixel = static_cast<float>(4 * random.uniform() - 2);
    for (int64_t i = 0; i < arguments.batch; ++i) {
      batch.labels.push_back(static_cast<int64_t>(random.below(static_cast<uint64_t>(arguments.classes))));
      batch.positions.push_back(static_cast<int64_t>(random.below(kSamples)));
    }
  }
  return pool;
}

/// A stored teacher asks for no pixels.
struct NoPixels : Source {
  int64_t size() const override { return kSamples; }
  uint64_t id(int64_t index) const override { return static_cast<uint64_t>(index); }
  int64_t label(int64_t) const override { return 0; }
  Picture picture(int64_t) const override { fail("step_bench", "its samples have no pixels"); }
};

DataSet make_data(const BenchArguments& arguments) {
  DataSet data{.spec = "random", .hash = "random"};
  data.label_names.resize(static_cast<size_t>(arguments.classes));
  data.train = {"train", std::make_shared<NoPixels>(), std::vector<int64_t>(kSamples)};
  std::iota(data.train.indices.begin(), data.train.indices.end(), int64_t{0});
  return data;
}

/// A store of random logits, used as training uses one.
Lessons make_stored_lessons(const BenchArguments& arguments, const fs::path& directory, const TrainOptions& options) {
  const DataSet data = make_data(arguments);
  LabelsInfo info{.data = data.spec, .data_hash = data.hash, .samples_hash = data.train.hash(), .split = "train"};
  info.samples = kSamples;
  info.classes = arguments.classes;
  info.views = kViews;
  info.top = arguments.top;
  info.precision = "f32";
  for (int64_t m = 0; m < arguments.labels; ++m) info.teachers.push_back({str("member", m), "", str("hash", m)});
  LabelsWriter writer(directory, info);
  Rng random = stream(0, Purpose::sample, 1);
  std::vector<float> logits(static_cast<size_t>(kSamples * arguments.classes));
  for (int64_t shard = 0; shard < arguments.labels * kViews; ++shard) {
    for (float& logit : logits) logit = static_cast<float>(8 * random.uniform() - 4);
    writer.write(shard / kViews, shard % kViews, logits);
  }
  writer.finish();
  Views views(data.train, {});
  return {make_teacher(options, std::make_shared<Labels>(directory), data, views, /*looks=*/{}, /*monitor=*/{}),
          arguments.classes};
}

/// Images a second, on the wall and of processor time, the share of that time that goes into the teacher's word, pages
/// that a step gets of the system, and memory before the network is made.
Json measure(const BenchArguments& arguments, Objective& objective, std::optional<Lessons>& lessons,
             std::vector<Batch>& pool) {
  const int64_t base_memory = peak_memory_bytes();
  const NetworkOptions network_options{.device = arguments.device, .precision = parse_precision(arguments.precision)};
  Network network(build_model(arguments.model, arguments.classes, arguments.channels, arguments.size), network_options);
  Optimizer optimizer(network.parameters(), {.kind = "sgd", .momentum = 0.9, .weight_decay = 5e-4});
  int64_t steps = 0;
  double reading = 0;
  const auto step = [&] {
    Batch& batch = pool[static_cast<size_t>(steps++ % kPool)];
    const at::Tensor images = wrap_images(batch.images.data(), batch.size, arguments.channels, arguments.size,
                                          arguments.size, network.device());
    const double asked = thread_cpu_seconds();
    const Lesson* lesson = lessons ? &lessons->give(batch, network.device()) : nullptr;
    reading += thread_cpu_seconds() - asked;
    const LossValue loss = objective(network.forward(images, /*training=*/true), {}, batch, /*epoch=*/0, lesson);
    loss.total.backward();
    optimizer.step(0.01);
    loss.total.item();  // every training looks at its loss
  };
  for (int64_t i = 0; i < kWarmUp; ++i) step();
  steps = 0;
  reading = 0;
  const int64_t start_faults = page_faults();
  const double start = wall_seconds(), start_cpu = process_cpu_seconds();
  while (wall_seconds() - start < arguments.seconds) step();
  const double wall = wall_seconds() - start, cpu = process_cpu_seconds() - start_cpu;
  const double faults = static_cast<double>(page_faults() - start_faults) / static_cast<double>(steps);
  const auto images = static_cast<double>(steps * arguments.batch);
  return {{"images_per_second", images / wall},
          {"images_per_core_second", images / cpu},
          {"teacher_share", reading / cpu},
          {"page_faults_per_step", faults},
          {"base_memory", base_memory}};
}

void run(const BenchArguments& arguments) {
  set_threads(arguments.threads);
  std::vector<Batch> pool = make_batches(arguments);
  TrainOptions options{.model = arguments.model};
  std::optional<Lessons> lessons;
  const fs::path store = fs::temp_directory_path() / str("retort_step_bench_", getpid());
  if (arguments.labels > 0) {
    options.distill = DistillOptions{.labels = store.string(), .temperature = 3, .alpha = 0.7};
    lessons = make_stored_lessons(arguments, store, options);
  }
  Objective objective(options);
  Json result = measure(arguments, objective, lessons, pool);
  fs::remove_all(store);
  result["peak_memory"] = peak_memory_bytes();
  std::cout << result.dump() << '\n';
}

}  // namespace

}  // namespace retort

int main(int argc, char** argv) try {
  retort::keep_freed_memory();  // as the program does
  retort::BenchArguments arguments;
  CLI::App app("Images a second of a training step");
  app.add_option("--model", arguments.model)->capture_default_str();
  app.add_option("--precision", arguments.precision, "f32, bf16 or auto")->capture_default_str();
  app.add_option("--device", arguments.device)->capture_default_str();
  app.add_option("--threads", arguments.threads)->capture_default_str();
  app.add_option("--size", arguments.size)->capture_default_str();
  app.add_option("--channels", arguments.channels)->capture_default_str();
  app.add_option("--batch", arguments.batch)->capture_default_str();
  app.add_option("--seconds", arguments.seconds)->capture_default_str();
  app.add_option("--labels", arguments.labels, "members of a store of soft labels; 0 is plain training")
      ->capture_default_str();
  app.add_option("--top", arguments.top, "logits that the store keeps of each row; 0 is all")->capture_default_str();
  app.add_option("--classes", arguments.classes)->capture_default_str();
  CLI11_PARSE(app, argc, argv);
  retort::run(arguments);
} catch (const std::exception& error) {
  std::cerr << error.what() << '\n';
  return 1;
}
