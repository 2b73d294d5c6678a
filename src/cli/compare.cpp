#include "cli/probe.h"
#include "retort/network.h"
#include "retort/report.h"

namespace retort::cli {

namespace {

void run_compare(Context& context, CompareOptions options, const std::string& out) {
  const double seconds = options.bench.seconds;
  options.bench = bench_options(context);
  options.bench.seconds = seconds;
  set_threads(options.bench.threads);
  Table table = compare(options, context.monitor());
  if (interrupted()) return context.stopped("Start again with: " + context.command_line);
  table.command = context.command_line;
  if (!out.empty()) save_table(out, table);
  context.result(Json::parse(to_json(table)),
                 to_text(table) + (out.empty() ? "" : "\nwritten to " + out + " as table.txt, .md, .csv and .json"));
}

}  // namespace

void add_compare(CLI::App& app, Context& context) {
  auto options = std::make_shared<CompareOptions>();
  auto out = std::make_shared<std::string>();
  CLI::App* verb = add_verb(app, context, "compare", "The measured table of several models on the same samples",
                            [&context, options, out] { run_compare(context, *options, *out); });
  verb->add_option("models", options->models, "Run directories and ensembles")->required();
  verb->add_option("--baseline", options->baseline,
                   "The model that changes are against, one of those above; else it is the best member on val");
  verb->add_option("--data", options->data, "Data set")->capture_default_str();
  verb->add_option("--split", options->split, "train, val or test")->capture_default_str();
  verb->add_flag("--skip-broken", options->skip_broken, kSkipBrokenHelp);
  verb->add_option("--seconds", options->bench.seconds, "Measured time a model, for speed")
      ->check(CLI::Range(0.01, 3600.0))
      ->capture_default_str();
  verb->add_flag("!--no-speed", options->measure_speed, "Leave latency, throughput and memory out");
  verb->add_flag("--diversity", options->diversity,
                 "How the members of each ensemble differ, and what val says of dropping and adding one");
  verb->add_option("--out", *out, "Directory for the table as text, Markdown, CSV and JSON");
}

}  // namespace retort::cli
