/// \file progress.h
/// Progress on stderr: a bar a task on a terminal, a line now and then elsewhere.
#pragma once

#include <mutex>
#include <string>
#include <vector>

#include "retort/base.h"

namespace retort::cli {

/// Shows tasks that run one after another or side by side, with rate and time left. Thread-safe.
class ProgressPrinter {
 public:
  ProgressPrinter();
  /// Leaves the last state on the screen.
  ~ProgressPrinter();
  void show(const Progress& progress);
  /// A line above the bars.
  void say(const std::string& line);

 private:
  struct Task {
    Progress progress;
    double started = 0;       // wall seconds
    int64_t done_before = 0;  // what a resumed task had done when first seen
    double printed = 0;
  };
  Task& find(const Progress& progress);
  std::string line(const Task& task, int width) const;
  void redraw();
  void print_plain(Task& task);

  std::mutex mutex_;
  bool terminal_;
  int drawn_lines_ = 0;
  double last_drawn_ = 0;
  std::vector<Task> tasks_;
};

}  // namespace retort::cli
