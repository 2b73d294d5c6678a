#include <gtest/gtest.h>

#include <bit>
#include <cstring>
#include <protozero/pbf_reader.hpp>

#include "base/file.h"
#include "support/expect_error.h"
#include "support/temp_dir.h"
#include "train/events.h"
#include "train/history.h"

namespace retort {
namespace {

TEST(History, WritesOneLineAnEpoch) {
  const test::TempDir dir;
  const std::vector<HistoryRow> rows = {
      {.epoch = 1, .time = 10.5, .train_loss = 2, .val_accuracy = 0.5, .lr = 0.1, .images_per_second = 100},
      {.epoch = 2, .time = 11, .train_loss = 1, .distill_loss = 0.25, .label_loss = 3}};
  write_history(dir.path(), rows, false);
  EXPECT_EQ(read_file(dir / "history.csv"),
            "epoch,time,train_loss,val_accuracy,val_nll,val_ece,lr,images_per_second\n"
            "1,10.5,2.0,0.5,0.0,0.0,0.1,100.0\n"
            "2,11.0,1.0,0.0,0.0,0.0,0.0,0.0\n");
  write_history(dir.path(), rows, true);
  EXPECT_NE(read_file(dir / "history.csv").find("2,11.0,1.0,0.25,3.0,"), std::string::npos);
}

TEST(History, ComesBackFromJson) {
  const std::vector<HistoryRow> rows = {{.epoch = 3, .time = 1.1, .train_loss = 0.1, .val_nll = 1e-300}};
  const std::vector<HistoryRow> back = history_from_json("x", Json::parse(history_json(rows).dump()));
  ASSERT_EQ(back.size(), 1u);
  EXPECT_EQ(back[0].epoch, 3);
  EXPECT_EQ(back[0].train_loss, 0.1);
  EXPECT_EQ(back[0].val_nll, 1e-300);
  test::expect_error([] { history_from_json("file", Json::parse(R"([{"epoch": "one"}])")); }, {"file", "epoch"});
}

TEST(Events, Crc32cMatchesItsStandardValues) {
  EXPECT_EQ(crc32c("123456789"), 0xE3069283u);
  EXPECT_EQ(crc32c(std::string(32, '\0')), 0x8A9136AAu);  // RFC 3720, B.4
  EXPECT_EQ(crc32c(""), 0u);
}

// Splits a file into records, checking lengths and both checksums.
std::vector<std::string> records(const std::string& file) {
  const auto number = [&](size_t at) {
    uint32_t value = 0;
    std::memcpy(&value, file.data() + at, sizeof value);
    return value;
  };
  const auto masked = [](std::string_view data) { return std::rotr(crc32c(data), 15) + 0xA282EAD8u; };
  std::vector<std::string> out;
  for (size_t at = 0; at < file.size();) {
    const size_t size = number(at);  // the upper half is 0
    EXPECT_EQ(number(at + 8), masked(std::string_view(file).substr(at, 8)));
    out.push_back(file.substr(at + 12, size));
    EXPECT_EQ(number(at + 12 + size), masked(out.back()));
    at += 16 + size;
  }
  return out;
}

std::vector<fs::path> files_in(const fs::path& dir) { return {fs::directory_iterator(dir), fs::directory_iterator()}; }

TEST(Events, AreWhatTensorBoardReads) {
  const test::TempDir dir;
  const std::vector<std::pair<std::string, double>> values = {{"train_loss", 0.5}, {"lr", 0.25}};
  EventWriter(dir.path()).add(123.5, 7, values);
  ASSERT_EQ(files_in(dir.path()).size(), 1u);
  const fs::path file = files_in(dir.path())[0];
  EXPECT_TRUE(file.filename().string().starts_with("events.out.tfevents."));
  const std::vector<std::string> found = records(read_file(file));
  ASSERT_EQ(found.size(), 2u);

  protozero::pbf_reader version(found[0]);
  ASSERT_TRUE(version.next(3));
  EXPECT_EQ(version.get_string(), "brain.Event:2");

  protozero::pbf_reader event(found[1]);
  ASSERT_TRUE(event.next(1));
  EXPECT_EQ(event.get_double(), 123.5);
  ASSERT_TRUE(event.next(2));
  EXPECT_EQ(event.get_int64(), 7);
  ASSERT_TRUE(event.next(5));
  protozero::pbf_reader summary = event.get_message();
  for (const auto& [tag, number] : values) {
    ASSERT_TRUE(summary.next(1));
    protozero::pbf_reader value = summary.get_message();
    ASSERT_TRUE(value.next(1));
    EXPECT_EQ(value.get_string(), tag);
    ASSERT_TRUE(value.next(2));
    EXPECT_EQ(value.get_float(), static_cast<float>(number));
  }
}

TEST(Events, AnEarlierPartOfTheRunIsReplaced) {
  const test::TempDir dir;
  write_file(dir / "events.out.tfevents.1.host.2", "old");
  write_file(dir / "history.csv", "kept");
  const EventWriter writer(dir.path());
  EXPECT_FALSE(fs::exists(dir / "events.out.tfevents.1.host.2"));
  EXPECT_TRUE(fs::exists(dir / "history.csv"));
}

TEST(Events, SayWhereTheyCannotBeWritten) {
  test::expect_error([] { EventWriter("/nowhere/at/all"); }, {"/nowhere/at/all", "cannot write"});
}

}  // namespace
}  // namespace retort
