/// \file command.h
/// What the verbs share: common options, progress, what is printed where, and how a verb is stopped.
#pragma once

#include <CLI/CLI.hpp>
#include <string>
#include <vector>

#include "base/fields.h"
#include "retort/base.h"
#include "retort/model.h"

namespace retort::cli {

/// Options that every verb takes, and the way it speaks. stdout holds results only; all else goes to stderr.
struct Context {
  std::string program;        ///< this program's file
  std::string program_typed;  ///< as typed, for commands that the user is shown
  std::string command_line;   ///< all of it as typed
  bool json = false, quiet = false;
  uint64_t seed = 0;
  int threads = 0;  ///< resolved to usable cores by threads_or_all()
  std::string device = "cpu";
  int exit_code = 0;

  int threads_or_all() const;
  /// Progress on stderr (unless quiet), stop on Ctrl-C.
  Monitor monitor() const;
  /// A remark on stderr, unless quiet.
  void say(const std::string& line) const;
  /// The verb's result: `document` with --json, else `text`.
  void result(const Json& document, const std::string& text) const;
  /// Marks the verb as stopped by Ctrl-C and says how to go on.
  void stopped(const std::string& how_to_go_on);
};

/// What shells expect of a program that Ctrl-C has ended; neither done (0) nor failed (1).
inline constexpr int kInterruptedExitCode = 130;

/// True once SIGINT or SIGTERM has come; a second one ends the process at once.
bool interrupted();
void catch_interrupts();

/// Adds the verb with the common options; `run` is called after parsing.
CLI::App* add_verb(CLI::App& app, Context& context, const std::string& name, const std::string& help,
                   std::function<void()> run);

/// The options of test-time augmentation.
void add_views_options(CLI::App& verb, ViewsOptions& options);

/// Adds a flag for each option, with its default.
void add_fields(CLI::App& verb, const Fields& fields);

/// What --skip-broken does, wherever data is read.
inline constexpr const char* kSkipBrokenHelp = "Look for images that cannot be read, and leave them out";

/// Quotes an argument for the shell where it needs it.
std::string shell_quote(const std::string& argument);

/// Numbers as people read them.
std::string percent(double share);     // "91.24%"
std::string duration(double seconds);  // "2 min 10 s"

}  // namespace retort::cli
