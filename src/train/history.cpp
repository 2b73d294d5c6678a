#include "train/history.h"

#include <array>

#include "base/file.h"

namespace retort {

namespace {

struct Column {
  const char* name;
  double HistoryRow::*value;
  bool distilled_only = false;
};

constexpr std::array<Column, 9> kColumns{{{"time", &HistoryRow::time},
                                          {"train_loss", &HistoryRow::train_loss},
                                          {"distill_loss", &HistoryRow::distill_loss, true},
                                          {"label_loss", &HistoryRow::label_loss, true},
                                          {"val_accuracy", &HistoryRow::val_accuracy},
                                          {"val_nll", &HistoryRow::val_nll},
                                          {"val_ece", &HistoryRow::val_ece},
                                          {"lr", &HistoryRow::lr},
                                          {"images_per_second", &HistoryRow::images_per_second}}};

}  // namespace

std::vector<std::pair<std::string, double>> values_of(const HistoryRow& row, bool distilled) {
  std::vector<std::pair<std::string, double>> out;
  for (const Column& column : kColumns) {
    if (distilled || !column.distilled_only) out.emplace_back(column.name, row.*column.value);
  }
  return out;
}

Json history_json(const std::vector<HistoryRow>& rows) {
  Json out = Json::array();
  for (const HistoryRow& row : rows) {
    Json json = {{"epoch", row.epoch}};
    for (const Column& column : kColumns) json[column.name] = row.*column.value;
    out.push_back(std::move(json));
  }
  return out;
}

std::vector<HistoryRow> history_from_json(const std::string& where, const Json& json) {
  std::vector<HistoryRow> rows;
  for (const Json& item : json) {
    HistoryRow row{.epoch = get<int64_t>(where, item, "epoch")};
    for (const Column& column : kColumns) row.*column.value = get<double>(where, item, column.name);
    rows.push_back(row);
  }
  return rows;
}

void write_history(const std::filesystem::path& directory, const std::vector<HistoryRow>& rows, bool distilled) {
  std::string text = "epoch";
  for (const auto& [name, value] : values_of({}, distilled)) text.append(",").append(name);
  for (const HistoryRow& row : rows) {
    text += str("\n", row.epoch);
    for (const auto& [name, value] : values_of(row, distilled)) text.append(",").append(Json(value).dump());
  }
  write_file(directory / "history.csv", text + "\n");
}

}  // namespace retort
