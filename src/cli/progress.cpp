#include "cli/progress.h"

#include <sys/ioctl.h>
#include <unistd.h>

#include <algorithm>
#include <cstdio>
#include <cstdlib>

#include "base/machine.h"
#include "cli/command.h"

namespace retort::cli {

namespace {

constexpr double kRedrawSeconds = 0.1;  // ten times a second is as often as eyes ask for
constexpr double kPlainSeconds = 20;    // between two lines of a task in a log
constexpr int kBarWidth = 20;

int terminal_width() {
  winsize size{};
  return ::ioctl(STDERR_FILENO, TIOCGWINSZ, &size) == 0 && size.ws_col > 20 ? size.ws_col : 80;
}

bool finished(const Progress& p) { return p.total > 0 && p.done >= p.total; }

}  // namespace

ProgressPrinter::ProgressPrinter() {
  const char* term = std::getenv("TERM");
  terminal_ = ::isatty(STDERR_FILENO) && term && std::string_view(term) != "dumb";
}

ProgressPrinter::~ProgressPrinter() {
  if (terminal_ && !tasks_.empty()) redraw();
}

ProgressPrinter::Task& ProgressPrinter::find(const Progress& progress) {
  for (Task& task : tasks_) {
    if (task.progress.task == progress.task) return task;
  }
  tasks_.push_back({progress, wall_seconds(), progress.done, 0});
  return tasks_.back();
}

std::string ProgressPrinter::line(const Task& task, int width) const {
  const Progress& p = task.progress;
  std::string out = p.task;
  out.resize(std::max<size_t>(out.size() + 1, 26), ' ');
  const double elapsed = std::max(1e-3, wall_seconds() - task.started);
  const double rate = static_cast<double>(p.done - task.done_before) / elapsed;
  if (p.total > 0) {
    const double share = std::clamp(static_cast<double>(p.done) / static_cast<double>(p.total), 0.0, 1.0);
    const int filled = static_cast<int>(share * kBarWidth);
    if (terminal_) out += "[" + std::string(filled, '#') + std::string(kBarWidth - filled, '.') + "] ";
    out += str(static_cast<int>(100 * share), "% ");
  }
  if (!p.note.empty()) out += p.note + "  ";
  if (rate > 0) out += str(static_cast<int64_t>(rate), " ", p.unit, "/s  ");
  if (rate > 0 && p.total > p.done) {
    out += duration(static_cast<double>(p.total - p.done) / rate) + " left";
  } else if (finished(p)) {
    out += "in " + duration(elapsed);
  }
  return static_cast<int>(out.size()) < width ? out : out.substr(0, static_cast<size_t>(width - 1));
}

void ProgressPrinter::redraw() {
  std::string out;
  if (drawn_lines_ > 0) out += str("\033[", drawn_lines_, "A");
  // Finished tasks at the top scroll away for good, so that a long pipeline stays as short as what is running.
  size_t leave = 0;
  const int width = terminal_width();
  for (const Task& task : tasks_) out += "\r\033[K" + line(task, width) + "\n";
  while (leave < tasks_.size() && finished(tasks_[leave].progress)) ++leave;
  tasks_.erase(tasks_.begin(), tasks_.begin() + static_cast<std::ptrdiff_t>(leave));
  drawn_lines_ = static_cast<int>(tasks_.size());
  std::fputs(out.c_str(), stderr);
}

void ProgressPrinter::print_plain(Task& task) {
  const double now = wall_seconds();
  if (!finished(task.progress) && now - task.printed < kPlainSeconds) return;
  task.printed = now;
  std::fputs((line(task, 200) + "\n").c_str(), stderr);
}

void ProgressPrinter::say(const std::string& line) {
  const std::lock_guard lock(mutex_);
  std::string out;
  if (drawn_lines_ > 0) out = str("\033[", drawn_lines_, "A\r\033[J");
  std::fputs((out + line + "\n").c_str(), stderr);
  drawn_lines_ = 0;
  if (terminal_ && !tasks_.empty()) redraw();
}

void ProgressPrinter::show(const Progress& progress) {
  const std::lock_guard lock(mutex_);
  Task& task = find(progress);
  task.progress = progress;
  if (!terminal_) {
    print_plain(task);
    if (finished(progress)) std::erase_if(tasks_, [&](const Task& t) { return t.progress.task == progress.task; });
    return;
  }
  const double now = wall_seconds();
  if (now - last_drawn_ < kRedrawSeconds && !finished(progress)) return;
  last_drawn_ = now;
  redraw();
}

}  // namespace retort::cli
