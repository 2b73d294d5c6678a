#include "data/cifar.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <iomanip>
#include <sstream>

#include "base/file.h"
#include "data/tar.h"
#include "support/expect_error.h"
#include "support/gzip.h"
#include "support/temp_dir.h"

namespace retort {
namespace {

using test::expect_error;
using test::gzip;
using test::TempDir;
using Named = std::vector<std::pair<std::string, std::string>>;

// ---- tar

std::string octal(uint64_t value, int digits) {
  std::ostringstream out;
  out << std::oct << std::setw(digits) << std::setfill('0') << value;
  return out.str();
}

std::string tar_entry(const std::string& name, const std::string& bytes, char type = '0', std::string size = "") {
  std::string header(512, '\0');
  const auto set = [&header](size_t at, const std::string& text) { header.replace(at, text.size(), text); };
  set(0, name.substr(0, 100));
  set(124, size.empty() ? octal(bytes.size(), 11) : size);
  set(148, std::string(8, ' '));
  header[156] = type;
  set(257, std::string("ustar\0"
                       "00",
                       8));
  uint64_t sum = 0;
  for (const char c : header) sum += static_cast<unsigned char>(c);
  set(148, octal(sum, 6) + std::string("\0 ", 2));
  return header + bytes + std::string((512 - bytes.size() % 512) % 512, '\0');
}

const std::string kEnd(1024, '\0');

std::string tar_of(const Named& files) {
  std::string tar = tar_entry("cifar/", "", '5');
  for (const auto& [name, bytes] : files) tar += tar_entry("cifar/" + name, bytes);
  return tar + kEnd;
}

std::string pax(const std::string& key, const std::string& value) {
  const std::string rest = " " + key + "=" + value + "\n";
  size_t length = rest.size() + 1;
  while (std::to_string(length).size() + rest.size() != length) ++length;
  return std::to_string(length) + rest;
}

Named read_all(std::string tar) {
  TarReader reader("file.tar", [&tar](std::span<uint8_t> out) {
    const size_t size = std::min(out.size(), tar.size());
    std::copy_n(tar.begin(), size, out.begin());
    tar.erase(0, size);
    return size;
  });
  Named files;
  while (reader.next()) {
    std::vector<uint8_t> bytes(std::min<uint64_t>(reader.size(), 1 << 20));
    reader.read(bytes);
    files.emplace_back(reader.name(), std::string(bytes.begin(), bytes.end()));
  }
  return files;
}

TEST(Tar, ReadsFilesAndLongNames) {
  const std::string name(300, 'n');
  const std::string tar = tar_entry("././@LongLink", name + '\0', 'L') + tar_entry(name, "gnu") +
                          tar_entry("pax", pax("mtime", "1.5") + pax("path", name + "2"), 'x') +
                          tar_entry("short", "pax") + tar_entry("link", "", '2') + tar_entry("empty", "") +
                          tar_entry("pax", pax("size", "5"), 'x') + tar_entry("sized", "12345", '0', octal(0, 11)) +
                          tar_entry("old", std::string(1000, 'o'), '\0') + kEnd;
  EXPECT_EQ(
      read_all(tar),
      (Named{{name, "gnu"}, {name + "2", "pax"}, {"empty", ""}, {"sized", "12345"}, {"old", std::string(1000, 'o')}}));
  EXPECT_EQ(read_all(kEnd), Named{});
}

TEST(Tar, RefusesDamage) {
  const std::string whole = tar_entry("a", "hello") + kEnd;
  const auto refused = [](const std::string& tar, const std::string& words) {
    expect_error([&] { read_all(tar); }, {"file.tar", words}, Error::Kind::failure);
  };
  for (const size_t size : {0, 1, 511, 512, 516, 1023, 1024}) refused(whole.substr(0, size), "cut short");
  for (size_t i = 0; i < 512; i += 7) {
    std::string changed = whole;
    changed[i] = static_cast<char>(changed[i] ^ 1);
    if (i < 148 || i >= 156) refused(changed, "checksum");
  }
  refused(tar_entry("a", "x", '0', "0000000009 "), "octal");
  refused(tar_entry("a", "x", '0', std::string("\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff", 12)),
          "out of range");
  refused(tar_entry("a", "x", '0', std::string("\x80\0\0\0\x10\0\0\0\0\0\0\0", 12)), "cut short");
  refused(tar_entry("a", "99 path=x\n", 'x') + kEnd, "extended header");
  refused(tar_entry("a", "nonsense", 'x') + kEnd, "extended header");
  refused(tar_entry("a", pax("size", "99999999999999999999"), 'x') + kEnd, "no number");
  refused(tar_entry("a", pax("size", "9999999999999999999"), 'x') + tar_entry("a", "") + kEnd, "announces");
  refused(tar_entry("a", "x", 'L', octal(1 << 30, 11)) + kEnd, "a name in the tar");
}

// ---- CIFAR

// The real kinds with fewer records.
CifarKind small(CifarKind kind) {
  kind.train_records = 20, kind.test_records = 6;
  return kind;
}

std::string record(const CifarKind& kind, int64_t i) {
  std::string bytes(static_cast<size_t>(kind.labels - 1), '\7');
  bytes += static_cast<char>(i % kind.classes);
  for (int64_t p = 0; p < 3 * 1024; ++p) bytes += static_cast<char>(p / 1024 * 50 + p % 50 + i);
  return bytes;
}

Named files_of(const CifarKind& kind) {
  Named files;
  int64_t at = 0;
  const auto add = [&](const std::string& name, int64_t records) {
    files.emplace_back(name, "");
    for (int64_t i = 0; i < records; ++i) files.back().second += record(kind, at++);
  };
  for (const std::string& name : kind.train_files) add(name, kind.train_records);
  add(kind.test_file, kind.test_records);
  std::string names;
  for (int64_t c = 0; c < kind.classes; ++c) names += str("class ", c, "\n");
  files.emplace_back(kind.names_file, names + "\n");
  return files;
}

void write_files(const Named& files, const fs::path& directory) {
  make_directory(directory);
  for (const auto& [name, bytes] : files) write_file(directory / name, bytes);
}

class Cifar : public testing::TestWithParam<const CifarKind*> {
 protected:
  Cifar() : kind_(small(*GetParam())), files_(files_of(kind_)) {}
  void expect_refused(const std::vector<std::string>& words, const Named& files) {
    write_file(dir_ / "archive.tar", tar_of(files));
    expect_error([&] { open_cifar(kind_, dir_ / "archive.tar"); }, words, Error::Kind::failure);
  }

  TempDir dir_;
  CifarKind kind_;
  Named files_;
};

TEST_P(Cifar, OpensEveryFormAlike) {
  write_files(files_, dir_ / "unpacked");
  write_files(files_, dir_ / "parent" / kind_.directory);
  make_directory(dir_ / "gz");
  write_file(dir_ / "gz" / (kind_.archive + ".tar.gz"), gzip(tar_of(files_)));
  make_directory(dir_ / "tar");
  write_file(dir_ / "tar" / (kind_.archive + ".tar"), tar_of(files_));
  const DataSet data = open_cifar(kind_, dir_ / "unpacked");
  EXPECT_EQ(data.shape, (ImageShape{3, 32, 32}));
  EXPECT_EQ(data.classes(), kind_.classes);
  EXPECT_EQ(data.label_names[3], "class 3");
  EXPECT_EQ(data.train.size() + data.val.size(), 20 * std::ssize(kind_.train_files));
  EXPECT_EQ(data.test.size(), 6);
  for (const fs::path& other :
       {dir_ / "parent", dir_ / "gz", dir_ / "tar", dir_ / "gz" / (kind_.archive + ".tar.gz")}) {
    const DataSet again = open_cifar(kind_, other);
    EXPECT_EQ(again.hash, data.hash);
    EXPECT_EQ(again.train.hash(), data.train.hash());
  }
}

TEST_P(Cifar, TurnsPlanesIntoPixels) {
  write_files(files_, dir_.path());
  const DataSet data = open_cifar(kind_, dir_.path());
  const Source& test = *data.test.source;
  const int64_t before = 20 * std::ssize(kind_.train_files);
  EXPECT_EQ(test.label(2), (before + 2) % kind_.classes);
  EXPECT_EQ(test.name(2), kind_.name + " test image 2");
  const Picture picture = test.picture(2);
  Image image;
  picture.read({5, 3, 2, 1}, image);
  const int64_t pixel = 3 * 32 + 5;
  std::vector<uint8_t> want;
  for (const int64_t x : {pixel, pixel + 1}) {
    for (int64_t c = 0; c < 3; ++c) want.push_back(static_cast<uint8_t>(c * 50 + (c * 1024 + x) % 50 + before + 2));
  }
  EXPECT_TRUE(std::equal(want.begin(), want.end(), image.pixels.begin(), image.pixels.end()));
}

TEST_P(Cifar, RefusesDamage) {
  Named other = files_;
  other[0].second.pop_back();
  expect_refused({kind_.train_files[0], "bytes; expected"}, other);
  other = files_;
  other[0].second += record(kind_, 0);
  expect_refused({kind_.train_files[0], "bytes; expected"}, other);
  other = files_;
  other[0].second[static_cast<size_t>(kind_.labels - 1)] = static_cast<char>(kind_.classes);
  expect_refused({"label", "expected labels below"}, other);
  other = files_;
  other.back().second = "one\ntwo\n";
  expect_refused({kind_.names_file, "2 names"}, other);
  other = files_;
  other.pop_back();
  expect_refused({"there is no " + kind_.names_file}, other);
  other = files_;
  other.push_back(files_[0]);
  expect_refused({"two files"}, other);
  expect_error([&] { open_cifar(kind_, dir_.path()); }, {kind_.archive, "binary version"}, Error::Kind::failure);
  const std::string zipped = gzip(tar_of(files_));
  for (const size_t size : {zipped.size() / 2, zipped.size() - 1, zipped.size() - 9}) {
    write_file(dir_ / "cut.tar.gz", zipped.substr(0, size));
    expect_error([&] { open_cifar(kind_, dir_ / "cut.tar.gz"); }, {"cut"}, Error::Kind::failure);
  }
}

INSTANTIATE_TEST_SUITE_P(Kinds, Cifar, testing::Values(&kCifar10, &kCifar100),
                         [](const auto& kind) { return kind.param->name; });

TEST(CifarSpec, SaysWhatIsMissing) {
  expect_error([] { open_data("cifar10"); }, {"cifar10:DIR"}, Error::Kind::usage);
  expect_error([] { open_data("cifar100:/no/such/place"); }, {"/no/such/place", "cifar100:DIR"}, Error::Kind::failure);
}

}  // namespace
}  // namespace retort
