// How long combiners take to fit, and how well they do on predictions that they were not fitted on. Synthetic members
// of different skill by class, different confidence and shared mistakes; one JSON line a combiner.
#include <CLI/CLI.hpp>
#include <cmath>
#include <fstream>
#include <iostream>

#include "base/file.h"
#include "base/json.h"
#include "base/machine.h"
#include "base/random.h"
#include "retort/ensemble.h"
#include "retort/metrics.h"

namespace {

using namespace retort;

struct Options {
  std::vector<std::string> combiners;
  int64_t members = 5, samples = 10000, test_samples = 10000, classes = 100;
  int threads = 0;
  uint64_t seed = 0;
  std::string write;
};

// Logits: confidence_m * (skill_mc at the label + noise that all members share + noise of the member's own).
Predictions synthesise(const Options& o, const std::string& split, int64_t samples) {
  Predictions p{{}, samples, o.classes, split, "synthetic", {}, {}, {}};
  const uint64_t part = split == "val" ? 0 : 1;
  for (int64_t i = 0; i < samples; ++i) {
    p.ids.push_back(mix64(static_cast<uint64_t>(i) + part * 1'000'000'007));
    p.labels.push_back(
        static_cast<int64_t>(stream(o.seed, Purpose::sample, p.ids.back()).below(static_cast<uint64_t>(o.classes))));
  }
  for (int64_t m = 0; m < o.members; ++m) p.members.push_back(str("member ", m));
  p.logits.resize(static_cast<size_t>(o.members * samples * o.classes));
  const double level = 1.0 * std::sqrt(2 * std::log(static_cast<double>(o.classes)));
  parallel_for(usable_cores(), samples, [&](int64_t i) {
    const uint64_t id = p.ids[static_cast<size_t>(i)];
    for (int64_t m = 0; m < o.members; ++m) {
      const auto member = static_cast<uint64_t>(m);
      Rng shared = stream(o.seed, Purpose::view, id), own = stream(o.seed, Purpose::view, id, 1 + member);
      const int64_t label = p.labels[static_cast<size_t>(i)];
      Rng of_class = stream(o.seed, Purpose::init, static_cast<uint64_t>(label), 1 + member);
      const double skill = level * (1 + 0.1 * stream(o.seed, Purpose::init, member).normal() + 0.3 * of_class.normal());
      const double confidence = 0.6 + 0.4 * static_cast<double>(m % 4);
      float* row = p.logits.data() + (m * samples + i) * o.classes;
      for (int64_t c = 0; c < o.classes; ++c) {
        const double z = (c == label ? skill : 0) + 0.7 * shared.normal() + own.normal();
        row[c] = static_cast<float>(confidence * z);
      }
    }
  });
  return p;
}

// Raw arrays, for numpy.fromfile.
void write(const fs::path& directory, const Predictions& p) {
  make_directory(directory);
  const auto put = [&](const std::string& name, const auto& values) {
    AtomicFile file(directory / (p.split + "_" + name));
    file.write(std::as_bytes(std::span(values)));
    file.commit();
  };
  put("logits.f32", p.logits);
  put("labels.i64", p.labels);
}

void run(const Options& o) {
  const Predictions val = synthesise(o, "val", o.samples), test = synthesise(o, "test", o.test_samples);
  if (!o.write.empty()) write(o.write, val), write(o.write, test);
  for (const std::string& spec : o.combiners) {
    const double begin = wall_seconds(), cpu = process_cpu_seconds();
    const auto combiner = fit_combiner(spec, val, o.threads);
    const double seconds = wall_seconds() - begin, core_seconds = process_cpu_seconds() - cpu;
    const Metrics m = evaluate(combine(*combiner, test, spec));
    std::cout << Json{{"combiner", spec},
                      {"fit_seconds", seconds},
                      {"fit_core_seconds", core_seconds},
                      {"members", o.members},
                      {"samples", o.samples},
                      {"classes", o.classes},
                      {"peak_memory", peak_memory_bytes()},
                      {"test_nll", m.nll},
                      {"test_accuracy", m.accuracy}}
              << std::endl;
  }
}

}  // namespace

int main(int argc, char** argv) try {
  Options o;
  CLI::App app{"Fits combiners on synthetic predictions"};
  app.add_option("--combiner", o.combiners, "Specs; all combiners if none is given. Memory is of the process so far");
  app.add_option("--members", o.members)->check(CLI::Range(2, 100));
  app.add_option("--samples", o.samples)->check(CLI::Range(1, 10'000'000));
  app.add_option("--test-samples", o.test_samples)->check(CLI::Range(1, 10'000'000));
  app.add_option("--classes", o.classes)->check(CLI::Range(2, 100'000));
  app.add_option("--threads", o.threads, "0 is all usable cores");
  app.add_option("--seed", o.seed);
  app.add_option("--write", o.write, "Directory for the predictions as raw arrays");
  CLI11_PARSE(app, argc, argv);
  if (o.combiners.empty()) {
    for (const ListedItem& item : list_combiners()) o.combiners.push_back(item.name);
  }
  run(o);
} catch (const std::exception& error) {
  std::cerr << error.what() << '\n';
  return 1;
}
