/// \file fixed_table.h
/// A table made by hand, as a small demo might leave it.
#pragma once

#include <limits>

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
  row.cost.latency_mean = 0.00043;
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
  ensemble.support = {.mcnemar_p = 0.0004, .mcnemar_p_holm = 0.0012, .exact = false, .supported = true};
  ensemble.cost.latency_median = 0.0123;
  ensemble.cost.latency_p99 = 0.1;
  Row student = fixed_row("resnet8_half-distilled", "student", "kd T=3 alpha=0.7", 0.89);
  student.change = {.value = -0.0125, .interval = {-0.02, 0.00125}};
  student.support = {.mcnemar_p = 0.0214, .mcnemar_p_holm = 0.0428, .exact = true, .supported = false};
  student.label_core_seconds = 4.5;
  student.seed_accuracies = {0.89, 0.8925};
  student.accuracy_over_seeds = {.mean = 0.89125, .sd = 0.00125};
  student.cost.parameters = 1'200'000;
  table.rows = {member, ensemble, student};
  table.differences = {{"mean_logits", "vgg8", ensemble.change, ensemble.support, 1},
                       {"resnet8_half-distilled",
                        "resnet8_half-scratch",
                        {.value = 0.009, .interval = {0.0051, 0.0133}},
                        {.mcnemar_p = 0.075, .mcnemar_p_holm = 0.075, .exact = false},
                        2}};
  table.comparisons = 3;
  return table;
}

/// The fixed table with what val says of its ensemble.
inline Table fixed_table_with_diversity() {
  Table table = fixed_table();
  EnsembleDiversity d{.ensemble = "mean_logits", .combiner = "mean_logits"};
  d.members = {"vgg8", "resnet20", "wrn_16_2"};
  d.candidates = {"mobilenetv3"};
  d.split = "test";
  d.samples = 10000;
  d.advice_samples = 6028;
  const double undefined = std::numeric_limits<double>::quiet_NaN();
  d.diversity.pairs = {{0, 1, 0.081, 0.0725, 0.9125, 0.5, 0.475},
                       {0, 2, 0.0835, 0.07, 0.925, 0.5125, 0.5},
                       {1, 2, 0, 0, undefined, undefined, undefined}};
  d.diversity.mean = {0, 0, 0.0548, 0.0475, 0.91875, 0.50625, 0.4875};
  d.diversity.oracle_accuracy = 0.9612;
  d.contributions = {{0, {-0.0123, {-0.0175, -0.0071}}, {0.0035, {0.0005, 0.0065}}},
                     {1, {0.0002, {-0.001, 0.0014}}, {0.0001, {-0.002, 0.0022}}},
                     {2, {-0.008, {-0.012, -0.004}}, {0.002, {-0.001, 0.005}}}};
  d.additions = {{0, {-0.0051, {-0.0082, -0.002}}, {0.001, {-0.0015, 0.0035}}}};
  table.diversity = {d};
  return table;
}

/// The fixed table with what its student took over from its ensemble.
inline Table fixed_table_with_students() {
  Table table = fixed_table();
  StudentReport s{.student = "resnet8_half-distilled", .teacher = "mean_logits", .scratch = "resnet8_half-scratch"};
  s.seeds = 2;
  s.agreement = 0.9312;
  s.agreement_interval = {0.9262, 0.9363};
  s.kl = 0.0875;
  s.kl_interval = {0.08125, 0.09375};
  s.gain_kept = {.value = 0.4125, .interval = {0.25, 0.5625}};
  s.raw = {0.3125, 0.0475};
  s.calibrated = {0.28125, 0.0125};
  s.temperature = 1.75;
  s.train_core_seconds = 128.25;
  s.label_core_seconds = 4.5;
  s.classes = {{"T-shirt", 1000, 0.86, {.value = -0.0125, .interval = {-0.025, 0.0005}}},
               {"shirt", 1000, 0.77, {.value = -0.0525, .interval = {-0.0725, -0.0325}}},
               {"coat", 1000, 0.86, {.value = -0.03, .interval = {-0.045, -0.015}}}};
  StudentReport calibrated = s;
  calibrated.student = "tiny";
  calibrated.gain_kept.reset();
  calibrated.is_calibrated = true;
  calibrated.classes.resize(1);
  table.students = {s, calibrated};
  return table;
}

}  // namespace retort
