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
    writer.write(i / info.views, i % info.views, shard(info, i / info.views, i % info.views), 12.5 / 4);
  });
  writer.finish();
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
  expect_error([&] { writer.finish(); }, {"member-00-view-0000.safetensors"});  // not all written
  EXPECT_FALSE(fs::exists(dir / "store" / "labels.json"));
  expect_error([&] { Labels(dir / "store"); }, {"interrupted", "retort label"});
}

TEST(LabelsWriter, RefusesAnExistingStoreAndNonsense) {
  const TempDir dir;
  write_store(dir / "store");
  expect_error([&] { LabelsWriter(dir / "store", make_info()); }, {"2 views already", "another --out"});
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
  expect_error([&] { writer.finish(); }, {"member-00-view-0000", "another store"});
  LabelsWriter again(dir / "store", info);
  for (int64_t m = 0; m < 2; ++m) again.write(m, 1, shard(info, m, 1));
  again.finish();
  EXPECT_EQ(Labels(dir / "store").info().seed, info.seed);
}

TEST(LabelsWriter, AddsViewsToAStore) {
  const TempDir dir;
  write_store(dir / "store");
  LabelsInfo more = make_info();
  more.views = 3;
  LabelsWriter writer(dir / "store", more);
  EXPECT_TRUE(writer.is_written(1, 1));
  EXPECT_FALSE(writer.is_written(1, 2));
  EXPECT_EQ(Labels(dir / "store").info().views, 2);  // readers have the old store until the new one is whole
  for (int64_t m = 0; m < 2; ++m) writer.write(m, 2, shard(more, m, 2), 1);
  EXPECT_EQ(writer.finish().core_seconds, 14.5);
  const Labels labels(dir / "store");
  EXPECT_EQ(labels.info().views, 3);
  std::vector<float> out(2 * 3);
  labels.read(2, std::vector<int64_t>{4}, out);
  EXPECT_EQ(out[3], value(1, 2, 4, 0));
  LabelsInfo other = make_info();
  other.views = 4;
  other.augment = "";
  expect_error([&] { LabelsWriter(dir / "store", other); }, {"holds other soft labels"});
}

TEST(LabelsWriter, AShardIsClaimedOnce) {
  const TempDir dir;
  const LabelsInfo info = make_info();
  LabelsWriter one(dir / "store", info), other(dir / "store", info);
  {
    const auto claim = one.claim(0, 1);
    ASSERT_TRUE(claim);
    EXPECT_FALSE(other.claim(0, 1));
    EXPECT_TRUE(other.claim(0, 0));
  }
  {
    const auto claim = other.claim(0, 1);  // the first let go without writing
    ASSERT_TRUE(claim);
    other.write(0, 1, shard(info, 0, 1));
  }
  EXPECT_FALSE(one.claim(0, 1));
  EXPECT_TRUE(one.is_written(0, 1));
}

// Ten classes of which three are kept: the others share what is left of the probability.
TEST(Labels, KeepTheHighestLogits) {
  const TempDir dir;
  LabelsInfo info = make_info();
  info.classes = 10, info.top = 3, info.views = 1, info.samples = 2;
  const std::vector<float> logits{0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 4, 4, 4, 4, 4, 4, 4, 4, 4, 4};
  LabelsWriter writer(dir / "store", info);
  for (int64_t m = 0; m < 2; ++m) writer.write(m, 0, logits);
  writer.finish();
  const Labels labels(dir / "store");
  EXPECT_EQ(labels.info().top, 3);
  std::vector<float> out(2 * 2 * 10);
  labels.read(0, std::vector<int64_t>{0, 1}, out);
  const auto mass = [](std::span<const float> row) {
    double sum = 0;
    for (const float z : row) sum += std::exp(static_cast<double>(z));
    return sum;
  };
  for (size_t m = 0; m < 2; ++m) {
    const std::span row = std::span(out).subspan(20 * m, 10);
    for (size_t c = 7; c < 10; ++c) EXPECT_EQ(row[c], logits[c]);
    for (size_t c = 1; c < 7; ++c) EXPECT_EQ(row[c], row[0]);
    EXPECT_NEAR(mass(row) / mass(std::span(logits).first(10)), 1, 1e-5);
    for (const float z : std::span(out).subspan(20 * m + 10, 10)) EXPECT_NEAR(z, 4, 1e-5);
  }
  LabelsInfo all = info;
  all.top = 10;
  expect_error([&] { LabelsWriter(dir / "other", all); }, {"top is 10", "1 to 9 of 10"});
}

// Beyond what 16 bits can name, and a size that is the arithmetic's.
TEST(Labels, KeepTheHighestOfManyClasses) {
  const TempDir dir;
  LabelsInfo info = make_info();
  info.classes = 70'000, info.top = 2, info.views = 1, info.samples = 3;
  info.teachers.pop_back();
  std::vector<float> logits(static_cast<size_t>(info.samples * info.classes), -2.0F);
  logits[69'999] = 5, logits[3] = 6, logits[70'000 + 65'536] = 7, logits[140'000] = 1;
  LabelsWriter writer(dir / "store", info);
  writer.write(0, 0, logits);
  writer.finish();
  std::vector<float> out(logits.size());
  Labels(dir / "store").read(0, std::vector<int64_t>{0, 1, 2}, out);
  for (const size_t i : {69'999, 3, 70'000 + 65'536, 140'000}) EXPECT_EQ(out[i], logits[i]);
  EXPECT_NEAR(out[50], -2, 1e-5);
}

// docs/formats.md: 2 bytes times members, views, samples and classes, or 4 top + 4 in place of 2 classes.
TEST(Labels, AreAsLargeAsTheArithmeticSays) {
  for (const int64_t top : {0, 32}) {
    const TempDir dir;
    LabelsInfo info = make_info();
    info.samples = 2000, info.classes = 100, info.top = top;
    write_store(dir / "store", info);
    double bytes = 0;
    for (const auto& entry : fs::directory_iterator(dir / "store")) bytes += static_cast<double>(entry.file_size());
    const auto rows = static_cast<double>(2 * info.views * info.samples);
    const auto expected = rows * static_cast<double>(top > 0 ? 4 * top + 4 : 2 * info.classes);
    EXPECT_NEAR(bytes / expected, 1, 0.05) << top;
  }
}

/// A store that keeps features beside logits, of the first teacher two and of the second one.
LabelsInfo info_with_features() {
  LabelsInfo info = make_info();
  info.teachers[0].features = {{"layer1", 2}, {"flatten", 5}};
  info.teachers[1].features = {{"flatten", 4}};
  info.unlabeled = "folder:more", info.unlabeled_hash = "7777";
  return info;
}

float feature(int64_t member, int64_t view, size_t tap, int64_t i) {
  return static_cast<float>(100 * member + 10 * view + static_cast<int64_t>(tap)) + static_cast<float>(i) / 8;
}

void write_with_features(const fs::path& directory, const LabelsInfo& info) {
  LabelsWriter writer(directory, info);
  for (int64_t member = 0; member < 2; ++member) {
    for (int64_t view = 0; view < info.views; ++view) {
      std::vector<std::vector<float>> features;
      for (const auto& [tap, length] : info.teachers[static_cast<size_t>(member)].features) {
        std::vector<float>& values = features.emplace_back();
        for (int64_t i = 0; i < info.samples * length; ++i) {
          values.push_back(feature(member, view, features.size() - 1, i));
        }
      }
      writer.write(member, view, shard(info, member, view), 0, features);
    }
  }
  writer.finish();
}

TEST(Labels, KeepFeaturesBesideLogits) {
  for (const int64_t top : {0, 2}) {
    const TempDir dir;
    LabelsInfo info = info_with_features();
    info.top = top;
    write_with_features(dir / "store", info);
    const Labels labels(dir / "store");
    EXPECT_EQ(labels.info().unlabeled, "folder:more");
    EXPECT_EQ(labels.info().unlabeled_hash, "7777");
    ASSERT_EQ(labels.info().teachers[0].features.size(), 2u);
    EXPECT_EQ(labels.info().teachers[0].features[1].tap, "flatten");
    std::vector<float> out(2 * 5);
    labels.read_features(0, "flatten", 1, std::vector<int64_t>{6, 0}, out);
    for (int64_t i = 0; i < 5; ++i) {
      EXPECT_EQ(out[static_cast<size_t>(i)], feature(0, 1, 1, 30 + i));
      EXPECT_EQ(out[static_cast<size_t>(5 + i)], feature(0, 1, 1, i));
    }
    std::vector<float> logits(6);
    labels.read(1, std::vector<int64_t>{3}, logits);
    EXPECT_EQ(logits[2], value(0, 1, 3, 2));
    const std::vector<int64_t> one{0}, beyond{7};
    expect_error([&] { labels.read_features(1, "layer1", 0, one, out); }, {"member 1", "'layer1'"});
    expect_error([&] { labels.read_features(1, "flatten", 0, one, out); }, {"room for 10", "1 times 4"});
    expect_error([&] { labels.read_features(1, "flatten", 2, one, out); }, {"no view 2"});
    expect_error([&] { labels.read_features(1, "flatten", 0, beyond, out); }, {"no sample at position 7"});
  }
}

TEST(Labels, RefuseDamagedFeatures) {
  const TempDir dir;
  write_with_features(dir / "store", info_with_features());
  const fs::path index = dir / "store" / "labels.json", shard_file = dir / "store" / "member-00-view-0001.safetensors";
  const std::string good = read_file(index), good_shard = read_file(shard_file);
  const auto expect = [&](const std::string& from, const std::string& to, const std::vector<std::string>& words) {
    write_file(index, good);
    replace(index, from, to);
    expect_error([&] { Labels(dir / "store"); }, words);
  };
  expect("\"length\": 5", "\"length\": 4", {"the features that the store lists"});
  expect("\"length\": 5", "\"length\": 0", {"'flatten', 0"});
  expect("\"length\": 5", "\"length\": 9223372036854775807", {"'flatten'"});
  expect("\"tap\": \"layer1\"", "\"tap\": \"layer2\"", {"the features that the store lists"});
  expect("\"tap\": \"layer1\"", "\"tap\": \"flatten\"", {"taps that are there once"});
  expect("\"tap\": \"layer1\"", "\"tap\": 3", {"'tap' is 3"});
  expect("\"unlabeled_hash\": \"7777\"", "\"unlabeled_hash\": \"8888\"", {"another store"});
  expect("\"unlabeled_hash\"", "\"other\"", {"'unlabeled_hash' is missing"});
  write_file(index, good);
  for (size_t size = 0; size < good_shard.size(); size += 13) {
    write_file(shard_file, good_shard.substr(0, size));
    expect_error([&] { Labels(dir / "store"); }, {"member-00-view-0001", "bytes"});
  }
  LabelsWriter writer(dir / "other", info_with_features());
  const std::vector<float> logits = shard(make_info(), 0, 0);
  expect_error([&] { writer.write(0, 0, logits); }, {"features", "7 samples", "2 taps"});
  const std::vector<float> half(14), infinite(35, std::numeric_limits<float>::infinity());
  expect_error([&] { writer.write(0, 0, logits, 0, {half, infinite}); }, {"a feature of flatten is inf", "sample 0"});
}

// Version 2 had neither features nor unlabelled data; its stores are read, and their shards know them.
TEST(Labels, ReadTheVersionBefore) {
  const TempDir dir;
  write_store(dir / "store");
  replace(dir / "store" / "labels.json", "\"retort_labels\": 3", "\"retort_labels\": 2");
  EXPECT_EQ(Labels(dir / "store").info().samples, 7);
}

TEST(Labels, RefuseAClassBeyondTheLastOne) {
  const TempDir dir;
  LabelsInfo info = make_info();
  info.classes = 300, info.top = 1, info.views = 1, info.samples = 1;
  info.teachers.pop_back();
  LabelsWriter writer(dir / "store", info);
  std::vector<float> logits(300);
  logits[258] = 1;
  writer.write(0, 0, logits);
  writer.finish();
  std::string file = read_file(dir / "store" / "member-00-view-0000.safetensors");
  const size_t at = file.rfind(std::string("\x02\x01", 2));
  ASSERT_NE(at, std::string::npos);
  file.replace(at, 2, "\xFF\xFF");
  write_file(dir / "store" / "member-00-view-0000.safetensors", file);
  expect_error([&] { Labels(dir / "store"); }, {"a class beyond the last one"});
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
  expect("\"retort_labels\": 3", "\"retort_labels\": 1", {"retort_labels is 1", "version 3"});
  expect("\"retort_labels\": 3", "\"retort_labels\": 4", {"retort_labels is 4", "version 3"});
  expect("\"retort_labels\": 3", "\"other\": 1", {"'retort_labels' is missing"});
  expect("\"samples\": 7", "\"samples\": 8", {"8 samples"});
  expect("\"samples\": 7", "\"samples\": -7", {"-7 samples"});
  expect("\"samples\": 7", "\"samples\": 7.5", {"'samples' is 7.5"});
  expect("\"samples\": 7", "\"samples\": 9223372036854775807", {"more than a store can hold"});
  expect("\"views\": 2", "\"views\": 3", {"lists 4 shards"});
  expect("\"top\": 0", "\"top\": 2", {"2 of 3 classes"});
  expect("\"top\": 0", "\"top\": 3", {"top is 3"});
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
  expect([](LabelsInfo& i) { i.unlabeled = "folder:more", i.unlabeled_hash = "7777"; },
         {"with unlabelled data none; this run uses folder:more, hash 7777"});
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
