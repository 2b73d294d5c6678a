/// \file base.h
/// What every module speaks: one error type, settings that declare themselves by being read, registries, and the
/// monitor through which a long call tells its caller how far it is.
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <span>
#include <sstream>
#include <stdexcept>
#include <string>
#include <string_view>
#include <vector>

namespace retort {

/// The one exception that Retort throws on bad input, bad files and failed work. `what()` is one line:
/// `[where] what came; what was expected; what to do`.
class Error : public std::runtime_error {
 public:
  /// `usage`: the call itself was wrong (exit code 2 on the command line); `failure`: all else (exit code 1).
  enum class Kind { failure, usage };
  Error(std::string_view where, std::string_view message, Kind kind = Kind::failure);
  Kind kind() const { return kind_; }
  /// The same error with more to say at its end: `; advice`.
  Error with(std::string_view advice) const;

 private:
  Kind kind_;
};

/// Concatenates values as `operator<<` prints them.
template <class... Parts>
std::string str(const Parts&... parts) {
  std::ostringstream out;
  (out << ... << parts);
  return std::move(out).str();
}

/// Throws Error of kind failure; the message is the concatenation of `parts`.
template <class... Parts>
[[noreturn]] void fail(std::string_view where, const Parts&... parts) {
  throw Error(where, ::retort::str(parts...));
}

/// Throws Error of kind usage.
template <class... Parts>
[[noreturn]] void fail_usage(std::string_view where, const Parts&... parts) {
  throw Error(where, ::retort::str(parts...), Error::Kind::usage);
}

/// The list `a, b, c`, for messages.
std::string join(std::span<const std::string> words, std::string_view separator = ", ");

/// The word of `known` nearest to `word` by edit distance, or an empty string where none is near.
std::string nearest(std::string_view word, std::span<const std::string> known);

/// One setting as its reader declared it.
struct SettingInfo {
  std::string name, type, default_value, range, help;
};

/// Named values for one thing that a registry makes (a loss, a combiner, an augmentation). Reading a setting declares
/// it: name, default, range and help come from the one line that uses it. Not thread-safe.
class Settings {
 public:
  Settings() = default;
  /// `where` opens the error messages. Throws usage errors on malformed values when they are read.
  Settings(std::string where, std::map<std::string, std::string> values);

  /// Each reads, checks and declares one setting. Throws a usage error on a value of the wrong type or range.
  double number(const std::string& name, double default_value, double min, double max, const std::string& help);
  int64_t integer(const std::string& name, int64_t default_value, int64_t min, int64_t max, const std::string& help);
  bool flag(const std::string& name, bool default_value, const std::string& help);
  /// One of `words`, the first of which is the default.
  std::string choice(const std::string& name, const std::vector<std::string>& words, const std::string& help);

  /// Throws a usage error that lists the known settings when a value was given that nobody has read.
  void check_all_read() const;
  /// What has been read so far, in reading order.
  const std::vector<SettingInfo>& declared() const { return declared_; }

 private:
  const std::string* given(const std::string& name) const;

  std::string where_;
  std::map<std::string, std::string> values_;
  std::vector<SettingInfo> declared_;
};

/// `kd:temperature=4:x=1` as a name and its settings. Throws a usage error on malformed text.
struct Spec {
  std::string name;
  std::map<std::string, std::string> values;
  static Spec parse(std::string_view where, std::string_view text);
};

/// One row of a registry: a table filled from a `.def` file, without static initialisers.
template <class Make>
struct Registered {
  std::string name, help;
  Make make;
};

/// The row called `name`. Throws a usage error with the nearest names when there is none.
template <class Row>
const Row& find_registered(std::string_view what, const std::vector<Row>& rows, std::string_view name) {
  std::vector<std::string> known;
  for (const Row& row : rows) {
    if (row.name == name) return row;
    known.push_back(row.name);
  }
  const std::string near = nearest(name, known);
  fail_usage(what, "unknown name '", name, "'; ", near.empty() ? "" : "did you mean '" + near + "'? ",
             "known: ", join(known));
}

/// Makes what a spec such as `kd:temperature=4` names. `in_settings` stands before the name where settings are at
/// fault. Throws a usage error.
template <class Row>
auto make_registered(std::string_view what, const std::vector<Row>& rows, std::string_view text,
                     std::string_view in_settings = "") {
  const Spec spec = Spec::parse(what, text);
  const Row& row = find_registered(what, rows, spec.name);
  Settings settings(str(in_settings, spec.name), spec.values);
  auto made = row.make(settings);
  settings.check_all_read();
  return made;
}

/// One row of a listing: what there is, with the settings that its maker reads.
struct ListedItem {
  std::string name, help;
  std::vector<SettingInfo> settings;
};

/// A registry's listing: each row's maker is called with nothing given, which declares its settings.
template <class Row>
std::vector<ListedItem> list_registered(const std::vector<Row>& rows) {
  std::vector<ListedItem> items;
  for (const Row& row : rows) {
    Settings settings;
    row.make(settings);
    items.push_back({row.name, row.help, settings.declared()});
  }
  return items;
}

/// How far a long call is.
struct Progress {
  std::string task;   ///< stable name of the work, such as "train resnet20"
  int64_t done = 0;   ///< units done
  int64_t total = 0;  ///< units in all; 0 where unknown
  std::string unit;   ///< "images", "batches", ...
  std::string note;   ///< what else is worth seeing, such as "epoch 2/6 loss 0.41"
};

/// How a long call tells its caller how far it is, and how the caller stops it. All may be empty. They are called
/// from the thread that does the work; where several works run side by side, from several threads at once.
struct Monitor {
  std::function<void(const Progress&)> progress;
  std::function<bool()> stop;                   ///< true: save what there is and return early
  std::function<void(const std::string&)> say;  ///< a line that the user should see once

  void tell(const Progress& p) const {
    if (progress) progress(p);
  }
  bool stopping() const { return stop && stop(); }
  void remark(const std::string& line) const {
    if (say) say(line);
  }
};

}  // namespace retort
