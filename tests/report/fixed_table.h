/// \file fixed_table.h
/// A table made by hand, as a small demo might leave it.
#pragma once

#include "retort/report.h"

namespace retort {

inline Row fixed_row(const std::string& name, const std::string& kind, const std::string& method, double accuracy) {
  Row row{.name = name, .kind = kind, .method = method, .path = "runs/demo/" + name};
  row.metrics = {.samples = 10000,
                 .accuracy = accuracy,
                 .accuracy_interval = {accuracy - 0.0055, accuracy + 0.0055},
                 .nll = 0.25125,
                 .brier = 0.125,
                 .ece = 0.03125};
  row.cost = {.model = row.path, .precision = "f32", .batch = 1, .threads = 2};
  row.cost.latency_median = 0.00041;
  row.cost.latency_p99 = 0.00055;
  row.cost.throughput_batch = 64;
  row.cost.throughput = 12345.5;
  row.cost.peak_memory = 187'600'000;
  row.cost.size_on_disk = 320'400;
  row.cost.parameters = 78'432;
  row.cost.macs = 41'200'000;
  row.train_core_seconds = 128.25;
  return row;
}

inline Table fixed_table() {
  Table table{.data = "fashion-mnist",
              .split = "test",
              .baseline = "vgg8",
              .machine = "Some CPU, 2 cores",
              .command = "retort demo --seeds 2",
              .samples = 10000};
  Row member = fixed_row("vgg8", "member", "from scratch", 0.9025);
  member.is_baseline = true;
  Row ensemble = fixed_row("mean_logits", "ensemble", "mean_logits", 0.91);
  ensemble.change = {.value = 0.0075, .interval = {0.005, 0.01}};
  ensemble.cost.latency_median = 0.0123;
  ensemble.cost.latency_p99 = 0.1;
  Row student = fixed_row("resnet8_half-distilled", "student", "kd T=3 alpha=0.7", 0.89);
  student.change = {.value = -0.0125, .interval = {-0.02, -0.00625}};
  student.label_core_seconds = 4.5;
  student.seed_accuracies = {0.89, 0.8925};
  student.accuracy_over_seeds = {.mean = 0.89125, .sd = 0.00125};
  student.cost.parameters = 1'200'000;
  table.rows = {member, ensemble, student};
  table.differences = {{"mean_logits", "vgg8", 0.0075, {0.005, 0.01}, 1},
                       {"resnet8_half-distilled", "resnet8_half-scratch", 0.009, {0.0051, 0.0133}, 2}};
  return table;
}

}  // namespace retort
