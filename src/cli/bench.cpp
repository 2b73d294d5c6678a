#include <cstdio>
#include <iomanip>

#include "base/machine.h"
#include "cli/probe.h"
#include "model/measurement_json.h"

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
                    options.model.precision, " 2>/dev/null"));
  return out.empty() ? 0 : std::atoll(out.c_str());
}

struct BenchArguments {
  std::vector<std::string> models;
  std::string data, split = "test";
  BenchOptions bench;
  bool probe = false;
};

void run_bench(Context& context, const BenchArguments& arguments) {
  BenchOptions options = bench_options(context);
  options.batch = arguments.bench.batch;
  options.throughput_batch = arguments.bench.throughput_batch;
  options.seconds = arguments.bench.seconds;
  options.model.precision = arguments.bench.model.precision;
  if (arguments.probe) {
    std::printf("%lld\n", static_cast<long long>(measure_peak_memory(arguments.models.at(0), options)));
    return;
  }
  options.peak_memory = [&context, options](const std::string& path) { return probe_memory(context, options, path); };
  if (!arguments.data.empty()) options.samples = open_data(arguments.data).split(arguments.split);
  Json results = Json::array();
  std::ostringstream text;
  text << std::fixed << "batch " << options.batch << ", " << options.threads << " threads, models in turn, "
       << (options.samples ? "images of " + arguments.data + ", " + arguments.split : "random pixels");
  for (const Measurement& m : bench(arguments.models, options, context.monitor())) {
    results.push_back({{"model", m.model}});
    results.back().update(measurement_json(m));
    text << '\n'
         << m.model << " (" << m.precision << "): mean " << std::setprecision(3) << 1e3 * m.latency_mean
         << " ms, median " << 1e3 * m.latency_median << " ms, p99 " << 1e3 * m.latency_p99 << " ms, "
         << std::setprecision(0) << m.throughput << " images/s, " << std::setprecision(1)
         << static_cast<double>(m.peak_memory) / 1048576.0 << " MiB peak, " << m.size_on_disk << " bytes on disk, "
         << m.parameters << " parameters, " << m.macs << " multiply-adds";
  }
  Json document = {{"machine", machine_description()}, {"threads", options.threads}};
  if (options.samples) document.update(Json{{"data", arguments.data}, {"split", arguments.split}});
  document["results"] = results;
  context.result(document, text.str());
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
  verb->add_flag(kProbeFlag, arguments->probe, "Print this process's peak memory")->group("");
}

}  // namespace retort::cli
