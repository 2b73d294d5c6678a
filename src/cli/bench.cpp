#include <algorithm>
#include <cstdio>
#include <functional>
#include <limits>

#include "base/machine.h"
#include "cli/probe.h"
#include "model/measurement_json.h"
#include "report/format.h"

namespace retort::cli {

namespace {

constexpr const char* kProbeFlag = "--probe-memory";

// Output of a child process. Empty where it could not be run: a missing number, not a failed bench.
std::string output_of(const std::string& command) {
  FILE* pipe = ::popen(command.c_str(), "r");
  if (!pipe) return "";
  std::string out;
  char buffer[256];
  while (std::fgets(buffer, sizeof buffer, pipe)) out += buffer;
  return ::pclose(pipe) == 0 ? out : "";
}

int64_t probe_memory(const Context& context, const BenchOptions& options, const std::string& path) {
  const std::string out =
      output_of(str(shell_quote(context.program), " bench --model ", shell_quote(path), " ", kProbeFlag, " --threads ",
                    options.threads, " --device ", shell_quote(options.model.device), " --precision ",
                    options.model.precision, " --runtime ", options.model.runtime, " 2>/dev/null"));
  return out.empty() ? 0 : std::atoll(out.c_str());
}

struct BenchArguments {
  std::vector<std::string> models;
  std::string data, split = "test";
  BenchOptions bench;
  bool probe = false, sweep = false;
  double latency_limit = 0;  ///< milliseconds; 0 is none
};

using Column = std::pair<const char*, std::function<std::string(const Measurement&)>>;

Column number(const char* name, int digits, double unit, const std::function<double(const Measurement&)>& value) {
  return {name, [=](const Measurement& m) { return fixed(value(m) / unit, digits); }};
}

std::vector<Column> latency_columns() {
  return {{"precision", [](const Measurement& m) { return m.precision; }},
          number("ms p50", 3, 1e-3, [](const Measurement& m) { return m.latency_median; }),
          number("p90", 3, 1e-3, [](const Measurement& m) { return m.latency_p90; }),
          number("p99", 3, 1e-3, [](const Measurement& m) { return m.latency_p99; }),
          number("slow %", 1, 1e-2, [](const Measurement& m) { return m.outliers; }),
          number("images/s", 0, 1, [](const Measurement& m) { return m.throughput; })};
}

std::vector<Column> cost_columns() {
  std::vector<Column> columns = latency_columns();
  const std::vector<Column> more = {
      number("load ms", 0, 1e-3, [](const Measurement& m) { return m.load_seconds; }),
      number("MiB peak", 1, 1 << 20, [](const Measurement& m) { return static_cast<double>(m.peak_memory); }),
      number("on disk", 2, 1 << 20, [](const Measurement& m) { return static_cast<double>(m.size_on_disk); }),
      number("M params", 2, 1e6, [](const Measurement& m) { return static_cast<double>(m.parameters); }),
      number("M macs", 1, 1e6, [](const Measurement& m) { return static_cast<double>(m.macs); })};
  columns.insert(columns.end(), more.begin(), more.end());
  return columns;
}

std::vector<Column> setting_columns() {
  std::vector<Column> columns = {
      number("threads", 0, 1, [](const Measurement& m) { return m.threads; }),
      number("streams", 0, 1, [](const Measurement& m) { return m.streams; }),
      number("batch", 0, 1, [](const Measurement& m) { return static_cast<double>(m.batch); })};
  const std::vector<Column> more = latency_columns();
  columns.insert(columns.end(), more.begin(), more.end());
  return columns;
}

// Energy is a column only where the machine tells it.
std::string table(const std::vector<Measurement>& measured, std::vector<Column> columns) {
  if (std::ranges::any_of(measured, [](const Measurement& m) { return m.joules_per_image > 0; })) {
    columns.push_back(number("mJ/image", 3, 1e-3, [](const Measurement& m) { return m.joules_per_image; }));
  }
  columns.insert(columns.begin(), {"model", [](const Measurement& m) { return model_name(m.model); }});
  std::vector<std::string> lines(measured.size() + 1);
  for (const auto& [name, cell] : columns) {
    std::vector<std::string> cells = {name};
    for (const Measurement& m : measured) cells.push_back(cell(m));
    size_t width = 0;
    for (const std::string& text : cells) width = std::max(width, display_width(text));
    for (size_t row = 0; row < cells.size(); ++row) {
      const bool first = lines[row].empty();
      lines[row] += (first ? "" : "  ") + pad(cells[row], width, /*right=*/!first);
    }
  }
  return join(lines, "\n");
}

std::string best_line(const std::string& path, const std::vector<Measurement>& measured, double limit_ms) {
  std::vector<Measurement> own = measured;
  std::erase_if(own, [&](const Measurement& m) { return m.model != path; });
  const std::string within = limit_ms > 0 ? str(" of those with a p90 within ", limit_ms, " ms") : "";
  const double limit = limit_ms > 0 ? limit_ms * 1e-3 : std::numeric_limits<double>::infinity();
  const Measurement* best = best_setting(own, limit);
  if (!best) return str("\n", model_name(path), ": no setting", within);
  return str("\n", model_name(path), ": best", within, " are ", best->threads, " threads, ", best->streams,
             " streams, batches of ", best->batch, ", with ", fixed(best->throughput, 0), " images a second");
}

std::string report(const BenchArguments& arguments, const BenchOptions& options, const std::vector<Measurement>& all) {
  const std::string shown = options.samples ? "images of " + arguments.data + ", " + arguments.split : "random pixels";
  if (!arguments.sweep) {
    return str("latency of ", options.batch, " and throughput of ", options.throughput_batch, " images a call, ",
               options.threads, " threads, models in turn, ", shown, '\n', table(all, cost_columns()));
  }
  std::string text = str("models in turn, ", shown, '\n', table(all, setting_columns()));
  for (const std::string& path : arguments.models) text += best_line(path, all, arguments.latency_limit);
  return text;
}

void run_bench(Context& context, BenchArguments& arguments) {
  BenchOptions& options = arguments.bench;
  const BenchOptions common = bench_options(context);
  options.threads = common.threads;
  options.model.device = common.model.device;
  arguments.sweep |= arguments.latency_limit > 0;
  if (arguments.probe) {
    std::printf("%lld\n", static_cast<long long>(measure_peak_memory(arguments.models.at(0), options)));
    return;
  }
  options.peak_memory = [&context, options](const std::string& path) { return probe_memory(context, options, path); };
  if (!arguments.data.empty()) options.samples = open_data(arguments.data).split(arguments.split);
  const std::vector<Measurement> all = arguments.sweep ? sweep(arguments.models, options, context.monitor())
                                                       : bench(arguments.models, options, context.monitor());
  Json results = Json::array();
  for (const Measurement& m : all) {
    results.push_back({{"model", m.model}});
    results.back().update(measurement_json(m));
  }
  Json document = {{"machine", machine_description()}, {"threads", options.threads}};
  if (options.samples) document.update(Json{{"data", arguments.data}, {"split", arguments.split}});
  document["results"] = results;
  context.result(document, report(arguments, options, all));
}

}  // namespace

BenchOptions bench_options(const Context& context) {
  BenchOptions options;
  options.threads = context.threads_or_all();
  options.model.device = context.device;
  options.peak_memory = [&context, options](const std::string& path) { return probe_memory(context, options, path); };
  return options;
}

void add_bench(CLI::App& app, Context& context) {
  auto arguments = std::make_shared<BenchArguments>();
  CLI::App* verb = add_verb(app, context, "bench", "Latency, throughput, memory and size, models measured in turn",
                            [&context, arguments] { run_bench(context, *arguments); });
  verb->add_option("--model", arguments->models, "Run directories and ensembles")->required();
  verb->add_option("--data", arguments->data, "Data set whose images are shown; none: random pixels, but for cascades");
  verb->add_option("--split", arguments->split, "Split of it")->capture_default_str();
  verb->add_option("--batch", arguments->bench.batch, "Images a call, for latency")
      ->check(CLI::Range(1, 1 << 20))
      ->capture_default_str();
  verb->add_option("--throughput-batch", arguments->bench.throughput_batch, "Images a call, for throughput")
      ->check(CLI::Range(1, 1 << 20))
      ->capture_default_str();
  verb->add_option("--seconds", arguments->bench.seconds, "Measured time a model")
      ->check(CLI::Range(0.01, 3600.0))
      ->capture_default_str();
  verb->add_option("--precision", arguments->bench.model.precision, "f32, bf16 or auto")->capture_default_str();
  verb->add_option("--runtime", arguments->bench.model.runtime, "Of runs: libtorch or openvino")->capture_default_str();
  verb->add_option("--streams", arguments->bench.model.streams,
                   "Networks side by side in OpenVINO, on shares of a call")
      ->check(CLI::Range(1, 4096))
      ->capture_default_str();
  verb->add_flag("--sweep", arguments->sweep,
                 "Measure batches of 1, 2, 4, ... to --throughput-batch, by threads and streams");
  verb->add_option("--latency-limit", arguments->latency_limit,
                   "Sweep, and find the setting of highest throughput whose p90 latency is within so many ms")
      ->check(CLI::PositiveNumber);
  verb->add_flag(kProbeFlag, arguments->probe, "Print this process's peak memory")->group("");
}

}  // namespace retort::cli
