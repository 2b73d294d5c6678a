#include <gtest/gtest.h>

#include <algorithm>
#include <cstdlib>
#include <filesystem>
#include <sstream>

#include "base/file.h"
#include "base/json.h"
#include "report/fixed_table.h"
#include "report/format.h"
#include "support/temp_dir.h"

namespace retort {
namespace {

// Renderings are compared with files in tests/golden/report; RETORT_WRITE_GOLDEN=1 writes them anew, to be looked at.
void expect_golden(const std::string& name, const std::string& text) {
  const fs::path path = fs::path(RETORT_GOLDEN) / "report" / name;
  if (std::getenv("RETORT_WRITE_GOLDEN")) write_file(path, text);
  EXPECT_EQ(text, read_file(path));
}

size_t widest_line(const std::string& text) {
  std::istringstream lines(text);
  size_t widest = 0;
  for (std::string line; std::getline(lines, line);) widest = std::max(widest, display_width(line));
  return widest;
}

TEST(Render, TextIsTwoTablesUnderEachOther) { expect_golden("table.txt", to_text(fixed_table())); }
TEST(Render, WideTextIsOneTable) { expect_golden("table_wide.txt", to_text(fixed_table(), 250)); }
TEST(Render, Markdown) { expect_golden("table.md", to_markdown(fixed_table())); }
TEST(Render, Csv) { expect_golden("table.csv", to_csv(fixed_table())); }
TEST(Render, Json) { expect_golden("table.json", to_json(fixed_table())); }

TEST(Render, DiversityStandsBelow) {
  expect_golden("diversity.txt", to_text(fixed_table_with_diversity()));
  expect_golden("diversity.md", to_markdown(fixed_table_with_diversity()));
  expect_golden("diversity.json", Json::parse(to_json(fixed_table_with_diversity())).at("diversity").dump(2) + "\n");
}

TEST(Render, AdviceFollowsTheIntervals) {
  Table table = fixed_table_with_diversity();
  EnsembleDiversity& d = table.diversity[0];
  const auto advice = [&] { return Json::parse(to_json(table)).at("diversity").at(0); };
  EXPECT_EQ(advice().at("drop"), "resnet20");  // nothing supports that it is of use
  EXPECT_EQ(advice().at("add"), "mobilenetv3");
  d.contributions[1].nll = {0.003, {0.001, 0.005}};
  EXPECT_EQ(advice().at("drop"), "resnet20");
  EXPECT_NE(to_text(table, 1000).find("Drop resnet20"), std::string::npos);
  d.contributions[1].nll = {-0.003, {-0.005, -0.001}};
  d.additions[0].nll = {-0.001, {-0.002, 0.001}};
  EXPECT_TRUE(advice().at("drop").is_null());
  EXPECT_TRUE(advice().at("add").is_null());
  EXPECT_NE(to_text(table, 1000).find("Keep all members; the one that gives least is resnet20"), std::string::npos);
  EXPECT_NE(to_text(table, 1000).find("Add none of the candidates"), std::string::npos);
}

TEST(Render, Students) {
  expect_golden("students.txt", to_text(fixed_table_with_students()));
  expect_golden("students.md", to_markdown(fixed_table_with_students()));
  expect_golden("students.json", Json::parse(to_json(fixed_table_with_students())).at("students").dump(2) + "\n");
}

TEST(Render, OnlyUnsupportedChangesAreMarked) {
  Table table = fixed_table();
  for (Row& row : table.rows) row.support.supported = true;
  for (PairedDifference& d : table.differences) d.support.supported = true;
  EXPECT_EQ(to_text(table).find('~'), std::string::npos);
  table.differences[1].support.supported = false;
  EXPECT_NE(to_text(table, 1000).find("scratch: ~+0.90 points"), std::string::npos);
  EXPECT_NE(to_text(table, 1000).find("~ The data do not support it"), std::string::npos);
}

TEST(Render, TextKeepsToTheWidth) {
  Table table = fixed_table_with_diversity();
  table.diversity[0].members[1] = std::string(200, 'z');
  table.rows[0].name = std::string(300, 'x');
  table.rows[1].method = std::string(300, 'y');
  table.students = fixed_table_with_students().students;
  table.students[0].classes[1].label = std::string(250, 'w');
  for (const int width : {40, 60, 80, 100, 120, 200}) {
    EXPECT_LE(widest_line(to_text(table, width)), static_cast<size_t>(width)) << width;
  }
  EXPECT_EQ(to_text(table, -5), to_text(table, 40));
}

TEST(Render, WithoutSpeedItsColumnsAreLeftOut) {
  Table table = fixed_table();
  for (Row& row : table.rows) row.cost = {}, row.label_core_seconds = 0;
  const std::string text = to_text(table);
  for (const char* header : {"params", "images/s", "memory", "+ labels", "Latency"}) {
    EXPECT_EQ(text.find(header), std::string::npos) << header;
  }
  EXPECT_NE(text.find("train core-s"), std::string::npos);
}

TEST(Render, EmptyTables) {
  const Table table{.data = "d", .split = "val"};
  EXPECT_EQ(to_text(table), "d, 0 val samples.\n");
  EXPECT_EQ(to_markdown(table), "d, 0 val samples.\n");
  EXPECT_TRUE(Json::parse(to_json(table)).at("rows").empty());
  const std::string csv = to_csv(table);
  EXPECT_EQ(std::count(csv.begin(), csv.end(), '\n'), 1);
}

TEST(Render, JsonHasTheKeysOfEvalBenchAndCompare) {
  const Json json = Json::parse(to_json(fixed_table()));
  for (const char* key : {"data", "split", "baseline", "rows"}) EXPECT_TRUE(json.contains(key)) << key;
  const Json& row = json.at("rows").at(2);
  for (const char* key : {"name",
                          "kind",
                          "method",
                          "path",
                          "model",
                          "data",
                          "split",
                          "samples",
                          "accuracy",
                          "accuracy_interval",
                          "nll",
                          "brier",
                          "ece",
                          "batch",
                          "precision",
                          "latency_mean",
                          "latency_median",
                          "latency_p99",
                          "throughput",
                          "peak_memory",
                          "size_on_disk",
                          "parameters",
                          "macs",
                          "accuracy_change",
                          "accuracy_change_interval",
                          "train_core_seconds",
                          "label_core_seconds"}) {
    EXPECT_TRUE(row.contains(key)) << key;
  }
  EXPECT_EQ(row.at("accuracy").get<double>(), 0.89);
  EXPECT_EQ(row.at("accuracy_change_interval"), Json::parse("[-0.02, 0.00125]"));
  EXPECT_EQ(row.at("seeds"), 2);
}

TEST(Render, ACascadeShowsTheMeanOfLatency) {
  Table table = fixed_table();
  EXPECT_EQ(to_text(table).find("ms mean"), std::string::npos);
  table.rows[1].is_cascade = true;
  const std::string markdown = to_markdown(table);
  EXPECT_NE(markdown.find("| ms p50 / p99 | ms mean |"), std::string::npos) << markdown;
  EXPECT_NE(markdown.find("| 0.43 |"), std::string::npos) << markdown;
}

TEST(Render, HostileNamesStayCells) {
  Table table = fixed_table();
  table.rows[0].name = "a|b*c,\"d\"\n<i>\x1b[31m";
  table.rows[0].path = "\xff\xfe";
  const std::string markdown = to_markdown(table);
  EXPECT_NE(markdown.find("| a\\|b\\*c,\"d\"?\\<i\\>?\\[31m |"), std::string::npos) << markdown;
  EXPECT_NE(to_csv(table).find("\"a|b*c,\"\"d\"\"\n<i>\x1b[31m\",member"), std::string::npos);
  EXPECT_EQ(to_text(table).find('\x1b'), std::string::npos);
  EXPECT_EQ(Json::parse(to_json(table)).at("rows").at(0).at("name"), table.rows[0].name);
}

TEST(Render, SaveTableWritesAllFour) {
  const test::TempDir temporary;
  const fs::path directory = temporary / "tables";
  save_table(directory.string(), fixed_table());
  EXPECT_EQ(read_file(directory / "table.txt"), to_text(fixed_table()));
  EXPECT_EQ(read_file(directory / "table.md"), to_markdown(fixed_table()));
  EXPECT_EQ(read_file(directory / "table.csv"), to_csv(fixed_table()));
  EXPECT_EQ(read_file(directory / "table.json"), to_json(fixed_table()));
  EXPECT_EQ(std::distance(fs::directory_iterator(directory), fs::directory_iterator()), 4);
  EXPECT_THROW(save_table((directory / "table.txt").string(), fixed_table()), Error);
}

TEST(Format, Numbers) {
  EXPECT_EQ(count_text(0), "0");
  EXPECT_EQ(count_text(999), "999");
  EXPECT_EQ(count_text(1000), "1.0K");
  EXPECT_EQ(count_text(9960), "10K");
  EXPECT_EQ(count_text(999'600), "1.0M");
  EXPECT_EQ(count_text(1'234'567), "1.2M");
  EXPECT_EQ(count_text(41'200'000), "41M");
  EXPECT_EQ(bytes_text(320'400), "320 KB");
  EXPECT_EQ(bytes_text(187'600'000), "188 MB");
  EXPECT_EQ(milliseconds_text(0.00041), "0.41");
  EXPECT_EQ(milliseconds_text(0.0123), "12.3");
  EXPECT_EQ(milliseconds_text(0.1), "100");
  EXPECT_EQ(points_text(0.0086), "+0.86");
  EXPECT_EQ(points_text(-0.000001), "+0.00");
  EXPECT_EQ(points_text(-0.01), "-1.00");
  EXPECT_EQ(percent_text(0.91237), "91.24%");
}

TEST(Format, Words) {
  EXPECT_EQ(display_width("\u00b1\u00e9"), 2u);
  EXPECT_EQ(shorten("abcdefgh", 6), "abc...");
  EXPECT_EQ(shorten("\u00e9\u00e9\u00e9\u00e9\u00e9", 4), "\u00e9...");
  EXPECT_EQ(shorten("abc", 3), "abc");
  EXPECT_EQ(pad("\u00b1", 3, true), "  \u00b1");
  EXPECT_EQ(pad("abcd", 3, false), "abcd");
  EXPECT_EQ(wrap("one two three", 7), "one two\nthree");
  EXPECT_EQ(wrap("", 7), "");
}

}  // namespace
}  // namespace retort
