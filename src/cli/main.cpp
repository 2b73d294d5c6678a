#include <filesystem>
#include <iostream>
#include <new>

#include "base/memory.h"
#include "cli/command.h"

#ifndef RETORT_VERSION
#define RETORT_VERSION "unknown"
#endif

namespace retort::cli {

#define COMMAND(name) void add_##name(CLI::App& app, Context& context);
#include "cli/commands.def"
#undef COMMAND

namespace {

constexpr const char* kAbout =
    "Retort turns several large image classifiers into one small one and measures what was won.\n"
    "Start with: retort demo";

void add_commands(CLI::App& app, Context& context) {
#define COMMAND(name) add_##name(app, context);
#include "cli/commands.def"
#undef COMMAND
}

// The verb that was typed, or the program itself.
const CLI::App& typed_verb(const CLI::App& app) {
  const auto verbs = app.get_subcommands();
  return verbs.empty() ? app : *verbs.front();
}

// " (did you mean --epochs?)" for the first unknown option or verb.
std::string suggestion(const CLI::App& app, int argc, char** argv) {
  const CLI::App& verb = typed_verb(app);
  std::vector<std::string> known;
  for (const CLI::Option* option : verb.get_options()) known.push_back("--" + option->get_single_name());
  for (const CLI::App* sub : verb.get_subcommands({})) known.push_back(sub->get_name());
  for (int i = 1; i < argc; ++i) {
    const std::string word = std::string(argv[i]).substr(0, std::string_view(argv[i]).find('='));
    if (word == verb.get_name() || std::find(known.begin(), known.end(), word) != known.end()) continue;
    if (!word.starts_with("--") && &verb != &app) continue;
    if (const std::string near = nearest(word, known); !near.empty()) return " (did you mean " + near + "?)";
  }
  return "";
}

int usage_error(const CLI::App& app, const CLI::ParseError& error, int argc, char** argv) {
  const CLI::App& verb = typed_verb(app);
  const std::string name = &verb == &app ? "retort" : "retort " + verb.get_name();
  std::string message = error.what();
  std::replace(message.begin(), message.end(), '\n', ' ');
  std::cerr << "[" << name << "] " << message << suggestion(app, argc, argv) << "; see " << name << " --help\n";
  return 2;
}

int run(int argc, char** argv) {
  Context context;
  context.program = std::filesystem::read_symlink("/proc/self/exe");
  context.program_typed = shell_quote(argc > 0 ? argv[0] : "retort");
  context.command_line = context.program_typed;
  for (int i = 1; i < argc; ++i) context.command_line += " " + shell_quote(argv[i]);
  CLI::App app(kAbout, "retort");
  app.set_version_flag("--version", "retort " RETORT_VERSION);
  app.require_subcommand(1);
  app.get_formatter()->column_width(36);
  add_commands(app, context);
  try {
    app.parse(argc, argv);
  } catch (const CLI::Success& success) {  // --help, --version
    return app.exit(success);
  } catch (const CLI::ParseError& error) {
    return usage_error(app, error, argc, argv);
  }
  return context.exit_code;
}

}  // namespace
}  // namespace retort::cli

int main(int argc, char** argv) {
  retort::keep_freed_memory();
  retort::cli::catch_interrupts();
  try {
    return retort::cli::run(argc, argv);
  } catch (const retort::Error& error) {
    std::cerr << error.what() << '\n';
    if (retort::cli::interrupted()) return retort::cli::kInterruptedExitCode;
    return error.kind() == retort::Error::Kind::usage ? 2 : 1;
  } catch (const std::bad_alloc&) {
    std::cerr << "[retort] out of memory; a smaller --batch or fewer --threads needs less\n";
  } catch (const std::exception& error) {
    const std::string text = error.what();
    std::cerr << "[retort] " << text.substr(0, text.find('\n')) << '\n';
  }
  return 1;
}
