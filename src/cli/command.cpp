#include "cli/command.h"

#include <cmath>
#include <csignal>
#include <cstdio>
#include <iomanip>
#include <iostream>
#include <memory>

#include "base/machine.h"
#include "cli/progress.h"

namespace retort::cli {

namespace {

volatile std::sig_atomic_t interrupt_seen = 0;

void on_interrupt(int signal) {
  interrupt_seen = 1;
  std::signal(signal, SIG_DFL);
}

}  // namespace

bool interrupted() { return interrupt_seen != 0; }

void catch_interrupts() {
  std::signal(SIGINT, on_interrupt);
  std::signal(SIGTERM, on_interrupt);
  std::signal(SIGXFSZ, SIG_IGN);  // a file over the limit is then an error with a line, not a death
}

int Context::threads_or_all() const { return resolve_threads(threads); }

Monitor Context::monitor() const {
  Monitor monitor;
  monitor.stop = interrupted;
  if (!quiet) {
    auto printer = std::make_shared<ProgressPrinter>();
    monitor.progress = [printer](const Progress& p) { printer->show(p); };
    monitor.say = [printer](const std::string& line) { printer->say(line); };
  }
  return monitor;
}

void Context::say(const std::string& line) const {
  if (!quiet) std::cerr << line << '\n';
}

void Context::result(const Json& document, const std::string& text) const {
  std::cout << (json ? document.dump(2, ' ', false, Json::error_handler_t::replace) : text) << '\n' << std::flush;
  if (!std::cout) fail("stdout", "cannot write the result; is the disk full or the pipe closed?");
}

void Context::stopped(const std::string& how_to_go_on) {
  exit_code = kInterruptedExitCode;
  std::cerr << "stopped; all work up to here is kept. " << how_to_go_on << '\n';
}

CLI::App* add_verb(CLI::App& app, Context& context, const std::string& name, const std::string& help,
                   std::function<void()> run) {
  CLI::App* verb = app.add_subcommand(name, help);
  verb->option_defaults()->multi_option_policy(CLI::MultiOptionPolicy::TakeLast);  // so that a command can be amended
  verb->add_flag("--json", context.json, "Print one JSON document on stdout and nothing else there");
  verb->add_flag("--quiet", context.quiet, "No progress and no remarks on stderr");
  verb->add_option("--seed", context.seed, "Seed of everything random")->capture_default_str();
  verb->add_option("--threads", context.threads, "Threads to use; 0 is all usable cores")
      ->check(CLI::Range(0, 4096))
      ->capture_default_str();
  verb->add_option("--device", context.device, "cpu, cuda or cuda:N")->capture_default_str();
  verb->callback(std::move(run));
  return verb;
}

void add_views_options(CLI::App& verb, ViewsOptions& options) {
  verb.add_option("--views", options.views, "Views of each image that are combined (test-time augmentation)")
      ->check(CLI::Range(1, 1 << 20))
      ->capture_default_str();
  verb.add_option("--augment", options.augment, "What makes the views after the first, plain one; empty mirrors it");
  verb.add_option("--combine-views", options.combiner, "Combiner of the views")->capture_default_str();
}

void add_fields(CLI::App& verb, const Fields& fields) {
  for (const Field& field : fields) {
    const auto add = [&](auto* value) {
      using T = std::remove_pointer_t<decltype(value)>;
      if constexpr (std::is_same_v<T, bool>) {
        verb.add_flag(flag_name(field.name), *value, field.help);
      } else if constexpr (std::is_same_v<T, std::vector<std::string>> || std::is_same_v<T, std::optional<double>>) {
        verb.add_option(flag_name(field.name), *value, field.help);
      } else {
        verb.add_option(flag_name(field.name), *value, field.help)->capture_default_str();
      }
    };
    std::visit(add, field.value);
  }
}

std::string shell_quote(const std::string& argument) {
  const char* plain = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-_=+./:,@%";
  if (!argument.empty() && argument.find_first_not_of(plain) == std::string::npos) return argument;
  std::string out = "'";
  for (char c : argument) out += c == '\'' ? std::string("'\\''") : std::string(1, c);
  return out + "'";
}

std::string percent(double share) {
  std::ostringstream out;
  out << std::fixed << std::setprecision(2) << 100 * share << '%';
  return out.str();
}

std::string duration(double seconds) {
  const int64_t whole = std::llround(seconds);
  if (whole < 60) return str(whole, " s");
  if (whole < 3600) return str(whole / 60, " min ", whole % 60, " s");
  return str(whole / 3600, " h ", whole % 3600 / 60, " min");
}

}  // namespace retort::cli
