#include <gtest/gtest.h>

#include <cmath>
#include <limits>

#include "base/file.h"
#include "base/machine.h"
#include "retort/predictions.h"
#include "support/expect_error.h"
#include "support/temp_dir.h"

namespace retort {
namespace {

using test::expect_error;
using test::TempDir;

LabelsInfo make_info() {
  LabelsInfo info;
  info.data = "idx:DIR";
  info.data_hash = "1111222233334444";
  info.samples_hash = "5555";
  info.split = "train";
  info.samples = 7, info.classes = 3, info.views = 2;
  info.augment = "hflip";
  info.seed = ~uint64_t{0};
  info.teachers = {{"vgg8", "runs/vgg8", "aaaa"}, {"resnet20", "runs/resnet20", "bbbb"}};
  info.precision = "bf16";
  return info;
}

// Exact in float16.
float value(int64_t member, int64_t view, int64_t sample, int64_t c) {
  return static_cast<float>(member * 200 + view * 100 + sample * 10 + c) - 3.25f;
}

std::vector<float> shard(const LabelsInfo& info, int64_t member, int64_t view) {
  std::vector<float> logits;
  for (int64_t i = 0; i < info.samples; ++i) {
    for (int64_t c = 0; c < info.classes; ++c) logits.push_back(value(member, view, i, c));
  }
  return logits;
}

void write_store(const fs::path& directory, const LabelsInfo& info = make_info()) {
  LabelsWriter writer(directory, info);
  const int64_t members = std::ssize(info.teachers);
  parallel_for(3, members * info.views, [&](int64_t i) {
    writer.write(i / info.views, i % info.views, shard(info, i / info.views, i % info.views));
  });
  writer.finish(12.5);
}

void replace(const fs::path& file, const std::string& from, const std::string& to) {
  std::string text = read_file(file);
  const size_t at = text.find(from);
  ASSERT_NE(at, std::string::npos) << from;
  write_file(file, text.replace(at, from.size(), to));
}

TEST(Labels, ReadsBackWhatWasWritten) {
  const TempDir dir;
  write_store(dir / "store");
  Labels opened(dir / "store");
  const Labels labels = std::move(opened);
  const LabelsInfo expected = make_info();
  check_labels("labels", labels.info(), expected);
  EXPECT_EQ(labels.info().data, expected.data);
  EXPECT_EQ(labels.info().seed, expected.seed);
  EXPECT_EQ(labels.info().precision, "bf16");
  EXPECT_EQ(labels.info().core_seconds, 12.5);
  ASSERT_EQ(labels.info().teachers.size(), 2u);
  EXPECT_EQ(labels.info().teachers[1].path, "runs/resnet20");

  const std::vector<int64_t> positions{6, 0, 3, 3};
  std::vector<float> out(2 * 4 * 3);
  for (int64_t view = 0; view < 2; ++view) {
    labels.read(view, positions, out);
    for (int64_t i = 0; i < std::ssize(out); ++i) {
      EXPECT_EQ(out[static_cast<size_t>(i)], value(i / 12, view, positions[static_cast<size_t>(i / 3 % 4)], i % 3));
    }
  }
  labels.read(0, {}, {});
}

TEST(Labels, ReadRefusesWhatIsNotThere) {
  const TempDir dir;
  write_store(dir / "store");
  const Labels labels(dir / "store");
  std::vector<float> out(6);
  const std::vector<int64_t> good{6}, high{7}, low{-1};
  labels.read(1, good, out);
  expect_error([&] { labels.read(2, good, out); }, {"no view 2", "has 2"});
  expect_error([&] { labels.read(-1, good, out); }, {"no view -1"});
  expect_error([&] { labels.read(0, high, out); }, {"no sample at position 7"});
  expect_error([&] { labels.read(0, low, out); }, {"no sample at position -1"});
  expect_error([&] { labels.read(0, good, std::span(out).first(5)); }, {"room for 5"});
}

TEST(LabelsWriter, RefusesWhatItCannotKeep) {
  const TempDir dir;
  LabelsWriter writer(dir / "store", make_info());
  const std::vector<float> good = shard(make_info(), 0, 0);
  const auto with = [&](float bad) {
    std::vector<float> logits = good;
    logits[3 * 4 + 1] = bad;
    return logits;
  };
  const float infinity = std::numeric_limits<float>::infinity();
  expect_error([&] { writer.write(1, 1, with(std::numeric_limits<float>::quiet_NaN())); },
               {"member 1 (resnet20), view 1, sample 4", "nan"});
  expect_error([&] { writer.write(0, 1, with(-infinity)); }, {"sample 4", "-inf", "must be finite"});
  expect_error([&] { writer.write(0, 1, with(65505)); }, {"65505", "float16 cannot hold"});
  writer.write(0, 1, with(-65504));
  expect_error([&] { writer.write(2, 0, good); }, {"member 2", "out of range"});
  expect_error([&] { writer.write(0, 2, good); }, {"view 2"});
  expect_error([&] { writer.write(0, -1, good); }, {"view -1"});
  expect_error([&] { writer.write(0, 0, std::span(good).first(20)); }, {"20 logits", "7 samples of 3 classes"});
  expect_error([&] { writer.finish(1); }, {"member-00-view-0000.safetensors"});  // not all written
  EXPECT_FALSE(fs::exists(dir / "store" / "labels.json"));
  expect_error([&] { Labels(dir / "store"); }, {"interrupted", "retort label"});
}

TEST(LabelsWriter, RefusesAnExistingStoreAndNonsense) {
  const TempDir dir;
  write_store(dir / "store");
  expect_error([&] { LabelsWriter(dir / "store", make_info()); }, {"already", "another --out"});
  write_file(dir / "file", "");
  expect_error([&] { LabelsWriter(dir / "file", make_info()); }, {"file"});
  const auto expect = [&](const auto& change) {
    LabelsInfo info = make_info();
    change(info);
    EXPECT_THROW(LabelsWriter(dir / "bad", info), Error);
  };
  expect([](LabelsInfo& i) { i.samples = 0; });
  expect([](LabelsInfo& i) { i.classes = -1; });
  expect([](LabelsInfo& i) { i.views = 0; });
  expect([](LabelsInfo& i) { i.views = 1'000'000; });
  expect([](LabelsInfo& i) { i.samples = i.classes = int64_t{1} << 40; });
  expect([](LabelsInfo& i) { i.teachers.clear(); });
  expect([](LabelsInfo& i) { i.teachers[0].hash.clear(); });
  EXPECT_FALSE(fs::exists(dir / "bad"));
}

TEST(LabelsWriter, ShardsOfAnInterruptedWriterCountOnlyInTheSameStore) {
  const TempDir dir;
  const LabelsInfo info = make_info();
  for (int64_t m = 0; m < 2; ++m) LabelsWriter(dir / "store", info).write(m, 0, shard(info, m, 0));
  LabelsInfo other = info;
  other.seed = 1;
  LabelsWriter writer(dir / "store", other);
  for (int64_t m = 0; m < 2; ++m) writer.write(m, 1, shard(info, m, 1));
  expect_error([&] { writer.finish(1); }, {"member-00-view-0000", "another store"});
  LabelsWriter again(dir / "store", info);
  for (int64_t m = 0; m < 2; ++m) again.write(m, 1, shard(info, m, 1));
  expect_error([&] { again.finish(std::nan("")); }, {"core_seconds is nan"});
  again.finish(1);
  EXPECT_EQ(Labels(dir / "store").info().seed, info.seed);
}

TEST(Labels, RefusesDamagedShards) {
  const TempDir dir;
  const fs::path shard_file = dir / "store" / "member-01-view-0001.safetensors";
  write_store(dir / "store");
  const std::string good = read_file(shard_file);
  const auto expect = [&](const std::string& contents, const std::vector<std::string>& words) {
    write_file(shard_file, contents);
    expect_error([&] { Labels(dir / "store"); }, words);
  };
  for (size_t size = 0; size < good.size(); size += 7) expect(good.substr(0, size), {"member-01-view-0001", "bytes"});
  expect(good + "x", {"bytes; expected", "write it again"});
  expect(std::string(good.size(), '\0'), {"member-01-view-0001"});
  expect(read_file(dir / "store" / "member-01-view-0000.safetensors"), {"another store"});
  fs::remove(shard_file);
  expect_error([&] { Labels(dir / "store"); }, {"member-01-view-0001", "No such file"});
  write_file(shard_file, good);
  Labels(dir / "store");
}

TEST(Labels, RefusesADamagedIndex) {
  const TempDir dir;
  const fs::path index = dir / "store" / "labels.json";
  write_store(dir / "store");
  const std::string good = read_file(index);
  // Cut anywhere before the last brace it is no JSON.
  for (size_t size = 0; size + 2 < good.size(); size += 11) {
    write_file(index, good.substr(0, size));
    expect_error([&] { Labels(dir / "store"); }, {"labels.json"});
  }
  const auto expect = [&](const std::string& from, const std::string& to, const std::vector<std::string>& words) {
    write_file(index, good);
    replace(index, from, to);
    expect_error([&] { Labels(dir / "store"); }, words);
  };
  expect("\"retort_labels\": 1", "\"retort_labels\": 2", {"retort_labels is 2", "version 1"});
  expect("\"retort_labels\": 1", "\"other\": 1", {"'retort_labels' is missing"});
  expect("\"samples\": 7", "\"samples\": 8", {"8 samples"});
  expect("\"samples\": 7", "\"samples\": -7", {"-7 samples"});
  expect("\"samples\": 7", "\"samples\": 7.5", {"'samples' is 7.5"});
  expect("\"samples\": 7", "\"samples\": 9223372036854775807", {"more than a store can hold"});
  expect("\"views\": 2", "\"views\": 3", {"lists 4 shards"});
  expect("\"views\": 2", "\"views\": 999999999999", {"more than a store can hold"});
  expect("\"split\": \"train\"", "\"split\": \"val\"", {"another store"});
  expect("\"augment\": \"hflip\"", "\"augment\": \"\"", {"another store"});
  expect("\"augment\": \"hflip\"", "\"augment\": null", {"'augment' is null"});
  expect("member-00-view-0001.s", "../../x.s", {"shard 1 is not member-00-view-0001"});
  expect("\"core_seconds\": 12.5", "\"core_seconds\": -1", {"core_seconds is -1"});
  expect_error([&] { Labels(dir / "absent"); }, {"absent", "no store of soft labels"});
}

TEST(CheckLabels, SaysWhatDiffersInWords) {
  const LabelsInfo store = make_info();
  check_labels("labels", store, store);
  const auto expect = [&](const auto& change, const std::vector<std::string>& words) {
    LabelsInfo run = make_info();
    change(run);
    expect_error([&] { check_labels("labels", store, run); }, words);
  };
  expect([](LabelsInfo& i) { i.data_hash = "9999"; }, {"[labels]", "from other data (idx:DIR, hash 111122223333)"});
  expect([](LabelsInfo& i) { i.split = "val"; }, {"from the split train; this run uses val"});
  expect([](LabelsInfo& i) { i.samples_hash = "6666"; },
         {"from other samples (7 of the split train of data hash 1111"});
  expect([](LabelsInfo& i) { i.samples = 60000; }, {"from other samples (7 ", "(60000 "});
  expect([](LabelsInfo& i) { i.classes = 10; }, {"for 3 classes; this run has 10"});
  expect([](LabelsInfo& i) { i.views = 5; }, {"with 2 views", "this run uses 5"});
  expect([](LabelsInfo& i) { i.augment = ""; }, {"with augmentation 'hflip'; this run uses ''"});
  expect([](LabelsInfo& i) { i.seed = 3; }, {"with seed 18446744073709551615", "seed 3"});
  expect([](LabelsInfo& i) { i.precision = "f32"; }, {"bf16", "f32"});
  expect([](LabelsInfo& i) { i.teachers[1].hash = "cccc"; }, {"by other teachers: vgg8 aaaa, resnet20 bbbb"});
  expect([](LabelsInfo& i) { i.teachers.pop_back(); }, {"by other teachers"});
  expect([](LabelsInfo& i) { std::swap(i.teachers[0], i.teachers[1]); }, {"by other teachers"});
}

TEST(CheckLabels, DoesNotCompareWhatIsNotAsked) {
  LabelsInfo run;
  run.augment = "hflip";
  run.seed = ~uint64_t{0};
  check_labels("labels", make_info(), run);
  LabelsInfo plain = make_info();
  plain.augment = "";
  check_labels("labels", plain, {});  // the seed of no augmentation does not matter
}

}  // namespace
}  // namespace retort
