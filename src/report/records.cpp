// The table for programs: CSV and JSON, every number in full precision.
#include "base/file.h"
#include "base/json.h"
#include "metrics/metrics_json.h"
#include "model/measurement_json.h"
#include "report/diversity_json.h"
#include "report/student_json.h"

namespace retort {

namespace {

Json seeds_json(const Row& row) {
  Json json = {{"seeds", std::max<size_t>(1, row.seed_accuracies.size())}};
  if (row.seed_accuracies.size() < 2) return json;
  json["accuracy_mean"] = row.accuracy_over_seeds.mean;
  json["accuracy_sd"] = row.accuracy_over_seeds.sd;
  json["seed_accuracies"] = row.seed_accuracies;
  return json;
}

Json support_json(const Support& support) {
  return {{"mcnemar_p", support.mcnemar_p},
          {"mcnemar_p_holm", support.mcnemar_p_holm},
          {"mcnemar_exact", support.exact},
          {"supported", support.supported}};
}

Json row_json(const Table& table, const Row& row) {
  Json json = {{"name", row.name},  {"kind", row.kind},   {"method", row.method}, {"path", row.path},
               {"model", row.path}, {"data", table.data}, {"split", table.split}};
  json.update(metrics_json(row.metrics));
  json.update(measurement_json(row.cost));
  json.update(Json{{"accuracy_change", row.change.value},
                   {"accuracy_change_interval", interval_json(row.change.interval)},
                   {"is_baseline", row.is_baseline},
                   {"train_core_seconds", row.train_core_seconds},
                   {"label_core_seconds", row.label_core_seconds}});
  if (!row.is_baseline) json.update(support_json(row.support));
  json.update(seeds_json(row));
  return json;
}

// A field as RFC 4180 quotes it.
std::string csv_field(const std::string& text) {
  if (text.find_first_of(",\"\r\n") == std::string::npos) return text;
  std::string out = "\"";
  for (const char c : text) out += c == '"' ? std::string("\"\"") : std::string(1, c);
  return out + "\"";
}

std::string csv_cell(const Json& value) {
  if (value.is_string()) return csv_field(value.get<std::string>());
  return csv_field(value.dump());
}

constexpr const char* kCsvColumns[] = {"name",
                                       "kind",
                                       "method",
                                       "path",
                                       "data",
                                       "split",
                                       "samples",
                                       "accuracy",
                                       "accuracy_low",
                                       "accuracy_high",
                                       "accuracy_change",
                                       "accuracy_change_low",
                                       "accuracy_change_high",
                                       "is_baseline",
                                       "seeds",
                                       "accuracy_mean",
                                       "accuracy_sd",
                                       "nll",
                                       "brier",
                                       "ece",
                                       "parameters",
                                       "macs",
                                       "size_on_disk",
                                       "batch",
                                       "threads",
                                       "precision",
                                       "latency_median",
                                       "latency_p99",
                                       "throughput_batch",
                                       "throughput",
                                       "peak_memory",
                                       "train_core_seconds",
                                       "label_core_seconds",
                                       "top5_accuracy",
                                       "mcnemar_p",
                                       "mcnemar_p_holm",
                                       "supported",
                                       "latency_mean"};

}  // namespace

std::string to_json(const Table& table) {
  Json json = {{"data", table.data},         {"split", table.split},        {"samples", table.samples},
               {"baseline", table.baseline}, {"machine", table.machine},    {"command", table.command},
               {"rows", Json::array()},      {"differences", Json::array()}};
  for (const Row& row : table.rows) json["rows"].push_back(row_json(table, row));
  for (const PairedDifference& d : table.differences) {
    json["differences"].push_back({{"a", d.name_a},
                                   {"b", d.name_b},
                                   {"accuracy_difference", d.change.value},
                                   {"interval", interval_json(d.change.interval)},
                                   {"seeds", d.seeds}});
    json["differences"].back().update(support_json(d.support));
  }
  json["comparisons"] = table.comparisons;
  json["students"] = Json::array();
  for (const StudentReport& student : table.students) json["students"].push_back(student_json(student));
  json["diversity"] = Json::array();
  for (const EnsembleDiversity& d : table.diversity) json["diversity"].push_back(diversity_json(d));
  // A directory's name need not be UTF-8; JSON must be.
  return json.dump(2, ' ', false, Json::error_handler_t::replace) + "\n";
}

std::string to_csv(const Table& table) {
  std::string out;
  for (const char* name : kCsvColumns) out += str(out.empty() ? "" : ",", name);
  out += "\r\n";
  for (const Row& row : table.rows) {
    Json json = row_json(table, row);
    json["accuracy_low"] = row.metrics.accuracy_interval.low;
    json["accuracy_high"] = row.metrics.accuracy_interval.high;
    json["accuracy_change_low"] = row.change.interval.low;
    json["accuracy_change_high"] = row.change.interval.high;
    std::string line;
    for (const char* name : kCsvColumns) {
      if (name != kCsvColumns[0]) line += ",";
      if (json.contains(name)) line += csv_cell(json.at(name));
    }
    out += line + "\r\n";
  }
  return out;
}

void save_table(const std::string& directory, const Table& table) {
  make_directory(directory);
  const fs::path path(directory);
  write_file(path / "table.txt", to_text(table));
  write_file(path / "table.md", to_markdown(table));
  write_file(path / "table.csv", to_csv(table));
  write_file(path / "table.json", to_json(table));
}

}  // namespace retort
