/// \file tiny_training.h
/// Trainings of a second or less, for the tests of train.
#pragma once

#include <gtest/gtest.h>

#include <memory>
#include <string>

#include "base/json.h"
#include "retort/train_several.h"
#include "support/expect_error.h"
#include "support/idx_files.h"
#include "support/temp_dir.h"

namespace retort::test {

/// Trainings on a small data set in a directory of their own.
class TrainTest : public testing::Test {
 protected:
  TrainTest() { data_ = write_idx_data(dir_ / "data", {.train = 160, .test = 20, .classes = 4}); }

  std::string path(const std::string& name) const { return (dir_ / name).string(); }

  TrainOptions options(const std::string& name) const {
    return {.data = data_,
            .model = "resnet8_half",
            .out = path(name),
            .epochs = 3,
            .batch = 32,
            .lr = 0.05,
            .augment = "random_crop:padding=1,hflip",
            .precision = "f32",
            .threads = 1};
  }
  DistillOptions from(const std::string& labels) const { return {.labels = path(labels), .teacher_precision = "f32"}; }

  LabelOptions label_options(const std::string& teacher, const std::string& name) const {
    return {.teacher = path(teacher),
            .data = data_,
            .views = 2,
            .augment = "random_crop:padding=1,hflip",
            .out = path(name),
            .precision = "f32",
            .threads = 2};
  }

  std::string weights(const std::string& name) const { return read_file(dir_ / name / "model.safetensors"); }
  Json json(const std::string& name, const std::string& file) const {
    return parse_json(file, read_file(dir_ / name / file));
  }
  bool has(const std::string& file) const { return fs::exists(dir_ / file); }
  fs::path checkpoint(const std::string& name) const { return dir_ / name / "checkpoint" / "state.safetensors"; }

  /// Names of files that an interrupted write would have left.
  int temporary_files() const {
    int count = 0;
    for (const auto& entry : fs::recursive_directory_iterator(dir_.path())) count += entry.path().extension() == ".tmp";
    return count;
  }

  TempDir dir_;
  std::string data_;
};

/// Says stop after it was asked `calls` times; a training asks after each step.
inline Monitor stop_after(int calls) {
  auto left = std::make_shared<int>(calls);
  return {.stop = [left] { return --*left <= 0; }};
}

}  // namespace retort::test
