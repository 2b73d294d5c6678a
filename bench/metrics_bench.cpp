// Seconds that the metrics of random logits take, with all intervals, and how much of it a paired change costs. Prints
// one JSON line; the least of the rounds is meant, as the machine may do other things.
//   metrics_bench --samples 50000 --classes 1000 --rounds 3
#include <CLI/CLI.hpp>
#include <algorithm>
#include <iostream>

#include "base/json.h"
#include "base/machine.h"
#include "base/random.h"
#include "retort/metrics.h"

namespace retort {

namespace {

struct BenchArguments {
  int64_t samples = 50000, classes = 1000;
  int rounds = 3;
};

// Logits that are right about three times in four.
Predictions random_predictions(const BenchArguments& arguments, uint64_t seed) {
  Predictions p{.members = {"random"}, .samples = arguments.samples, .classes = arguments.classes, .split = "val"};
  Rng rng = stream(seed, Purpose::sample);
  for (int64_t i = 0; i < p.samples; ++i) {
    p.labels.push_back(static_cast<int64_t>(rng.below(static_cast<uint64_t>(p.classes))));
    for (int64_t c = 0; c < p.classes; ++c) p.logits.push_back(static_cast<float>(4 * rng.uniform() - 2));
    p.logits[p.logits.size() - static_cast<size_t>(p.classes - p.labels.back())] +=
        static_cast<float>(3 * rng.uniform());
  }
  return p;
}

template <class Work>
double least_seconds(int rounds, Work work) {
  double least = 0;
  for (int round = 0; round < rounds; ++round) {
    const double start = wall_seconds();
    work();
    const double seconds = wall_seconds() - start;
    least = round == 0 ? seconds : std::min(least, seconds);
  }
  return least;
}

void run(const BenchArguments& arguments) {
  const Predictions a = random_predictions(arguments, 1), b = random_predictions(arguments, 2);
  double accuracy = 0, change = 0;  // looked at, so that the work is done
  const double evaluate_seconds = least_seconds(arguments.rounds, [&] { accuracy = evaluate(a).accuracy; });
  const std::vector<uint8_t> right_a = correct(a.logits, a.labels, a.classes),
                             right_b = correct(b.logits, b.labels, b.classes);
  const double change_seconds =
      least_seconds(arguments.rounds, [&] { change = accuracy_change(right_a, right_b).value; });
  std::cout << Json{{"samples", a.samples},
                    {"classes", a.classes},
                    {"evaluate_seconds", evaluate_seconds},
                    {"change_seconds", change_seconds},
                    {"accuracy", accuracy},
                    {"change", change}}
                   .dump()
            << '\n';
}

}  // namespace

}  // namespace retort

int main(int argc, char** argv) try {
  retort::BenchArguments arguments;
  CLI::App app("Seconds that metrics and their intervals take");
  app.add_option("--samples", arguments.samples)->check(CLI::PositiveNumber)->capture_default_str();
  app.add_option("--classes", arguments.classes)->check(CLI::PositiveNumber)->capture_default_str();
  app.add_option("--rounds", arguments.rounds)->check(CLI::PositiveNumber)->capture_default_str();
  CLI11_PARSE(app, argc, argv);
  retort::run(arguments);
} catch (const std::exception& error) {
  std::cerr << error.what() << '\n';
  return 1;
}
