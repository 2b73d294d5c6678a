// Which combiner to use when: fits every combiner on parts of val of several sizes and judges all of them on test.
// Members are predictions that `retort eval --predictions` kept.
#include <CLI/CLI.hpp>
#include <cmath>
#include <iomanip>
#include <iostream>

#include "base/random.h"
#include "retort/ensemble.h"
#include "retort/metrics.h"

using namespace retort;

namespace {

struct Options {
  std::vector<std::string> val, test, combiners;
  std::vector<int64_t> sizes{100, 500, 2000, 0};
  int draws = 5, threads = 0;
};

Predictions read(const std::vector<std::string>& directories) {
  std::vector<Predictions> parts;
  for (const std::string& directory : directories) parts.push_back(load_predictions(directory));
  return align(parts);
}

// `count` samples, drawn without replacement.
Predictions drawn(const Predictions& p, int64_t count, int draw) {
  if (count <= 0 || count >= p.samples) return p;
  std::vector<int64_t> positions(static_cast<size_t>(p.samples));
  for (int64_t i = 0; i < p.samples; ++i) positions[static_cast<size_t>(i)] = i;
  stream(static_cast<uint64_t>(draw), Purpose::subset, static_cast<uint64_t>(count)).shuffle(positions);
  positions.resize(static_cast<size_t>(count));
  return p.select(positions);
}

std::string cell(const std::vector<double>& values, double scale, int digits) {
  const MeanSd m = mean_sd(values);
  std::ostringstream out;
  out << std::fixed << std::setprecision(digits) << scale * m.mean;
  if (values.size() > 1) out << " +- " << scale * m.sd;
  return out.str();
}

std::string change(const Change& c, double scale, int digits) {
  std::ostringstream out;
  out << std::showpos << std::fixed << std::setprecision(digits) << scale * c.value << " [" << scale * c.interval.low
      << ", " << scale * c.interval.high << "]";
  return out.str();
}

// Means over draws; the changes against the mean of logits are of the first draw.
void print_row(const std::string& spec, int64_t size, const Options& o, const Predictions& val, const Predictions& test,
               const Predictions& base) {
  std::vector<double> accuracy, loss;
  std::string accuracy_change_text, nll_change_text;
  const int draws = size > 0 && size < val.samples ? o.draws : 1;
  for (int draw = 0; draw < draws; ++draw) {
    const Predictions p = combine(*fit_combiner(spec, drawn(val, size, draw), o.threads), test, spec);
    const Metrics m = evaluate(p);
    accuracy.push_back(m.accuracy);
    loss.push_back(m.nll);
    if (draw > 0) continue;
    const Change a =
        accuracy_change(correct(base.logits, base.labels, base.classes), correct(p.logits, p.labels, p.classes));
    const Change n = mean_change(nll(base.logits, base.labels, base.classes), nll(p.logits, p.labels, p.classes));
    accuracy_change_text = change(a, 100, 2);
    nll_change_text = change(n, 1, 4);
  }
  std::cout << "| " << spec << " | " << (size > 0 ? std::min(size, val.samples) : val.samples) << " | "
            << cell(accuracy, 100, 2) << " | " << accuracy_change_text << " | " << cell(loss, 1, 4) << " | "
            << nll_change_text << " |" << std::endl;
}

void run(Options o) {
  const Predictions val = read(o.val), test = read(o.test);
  if (o.combiners.empty()) {
    for (const ListedItem& item : list_combiners()) o.combiners.push_back(item.name);
  }
  std::cout << "| combiner | val samples | accuracy, % | against mean_logits, points [95%] | NLL | against mean_logits "
               "[95%] |\n| --- | ---: | ---: | ---: | ---: | ---: |\n";
  for (int64_t m = 0; m < test.count(); ++m) {
    const Metrics alone = evaluate(test, m);
    std::cout << "| " << test.members[static_cast<size_t>(m)] << " alone | - | " << cell({alone.accuracy}, 100, 2)
              << " | | " << cell({alone.nll}, 1, 4) << " | |\n";
  }
  const Predictions base = combine(*make_combiner("mean_logits"), test, "mean_logits");
  for (const std::string& spec : o.combiners) {
    const bool fits = make_combiner(spec)->needs_fit();
    for (const int64_t size : fits ? o.sizes : std::vector<int64_t>{0}) print_row(spec, size, o, val, test, base);
  }
}

}  // namespace

int main(int argc, char** argv) try {
  Options o;
  CLI::App app{"Fits every combiner on parts of val and judges all of them on test; prints a Markdown table"};
  app.add_option("--val", o.val, "Each member's predictions of val")->required();
  app.add_option("--test", o.test, "The same of test")->required();
  app.add_option("--combiner", o.combiners, "Specs; all combiners if none is given");
  app.add_option("--sizes", o.sizes, "Samples of val to fit on; 0 is all")->capture_default_str();
  app.add_option("--draws", o.draws, "Random parts of val of each size")->capture_default_str();
  app.add_option("--threads", o.threads, "0 is all usable cores");
  CLI11_PARSE(app, argc, argv);
  run(o);
} catch (const std::exception& error) {
  std::cerr << error.what() << '\n';
  return 1;
}
