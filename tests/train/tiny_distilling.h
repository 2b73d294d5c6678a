/// \file tiny_distilling.h
/// Teachers and students of a second or less, for the tests of train.
#pragma once

#include <algorithm>
#include <cmath>
#include <sstream>
#include <vector>

#include "train/tiny_training.h"

namespace retort::test {

/// Two trained members, their fitted ensemble, and a store of its soft labels.
class DistillTest : public TrainTest {
 protected:
  void train_member(const std::string& name, uint64_t seed) {
    TrainOptions o = options(name);
    o.epochs = 2;
    o.seed = seed;
    train(o);
  }
  void make_ensemble() {
    train_member("a", 1);
    train_member("b", 2);
    fit_ensemble({.members = {path("a"), path("b")},
                  .method = "tempered",
                  .data = data_,
                  .threads = 1,
                  .out = path("ensemble")});
  }
  void make_teacher() {
    make_ensemble();
    ASSERT_TRUE(write_labels(label_options("ensemble", "labels")));
  }
  TrainOptions student(const std::string& name, DistillOptions distill) const {
    TrainOptions o = options(name);
    o.epochs = 2;
    o.distill = std::move(distill);
    return o;
  }
  /// A column of history.csv, train_loss where none is named.
  std::vector<double> losses(const std::string& name, const std::string& column = "train_loss") const {
    std::istringstream lines(read_file(dir_ / name / "history.csv"));
    const auto cells = [&lines] {
      std::vector<std::string> out;
      std::string line;
      std::getline(lines, line);
      std::istringstream in(line);
      for (std::string cell; std::getline(in, cell, ',');) out.push_back(cell);
      return out;
    };
    const std::vector<std::string> header = cells();
    const auto at = static_cast<size_t>(std::find(header.begin(), header.end(), column) - header.begin());
    std::vector<double> out;
    for (std::vector<std::string> row = cells(); !row.empty(); row = cells()) out.push_back(std::stod(row.at(at)));
    return out;
  }
  /// Both trainings' losses are alike, but for how teachers' logits are rounded.
  void expect_same_losses(const std::string& one, const std::string& other) const {
    const std::vector<double> a = losses(one), b = losses(other);
    for (size_t i = 0; i < a.size(); ++i) EXPECT_NEAR(a[i], b[i], 2e-3 * std::abs(b[i])) << i;
  }
};

}  // namespace retort::test
