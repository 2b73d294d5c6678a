#include "data/idx.h"

#include <gtest/gtest.h>

#include "data/open.h"
#include "retort/data.h"
#include "support/expect_error.h"
#include "support/gzip.h"
#include "support/idx_files.h"
#include "support/temp_dir.h"

namespace retort {
namespace {

using test::big_endian;
using test::expect_error;
using test::gzip;
using test::idx_images;
using test::idx_labels;
using test::TempDir;

Idx parse(const std::string& bytes, IdxKind kind = IdxKind::images) {
  return parse_idx("file", std::as_bytes(std::span(bytes)), kind);
}

void expect_refused(const std::string& bytes, const std::string& words, IdxKind kind = IdxKind::images) {
  expect_error([&] { parse(bytes, kind); }, {words}, Error::Kind::failure);
}

const std::string kSmall = idx_images(2, 2, 3, "abcdefghijkl");

TEST(Idx, ReadsPlainAndGzipAlike) {
  const Idx plain = parse(kSmall), zipped = parse(gzip(kSmall));
  EXPECT_EQ(plain.count, 2);
  EXPECT_EQ(plain.height, 2);
  EXPECT_EQ(plain.width, 3);
  EXPECT_EQ(std::string(plain.values.begin(), plain.values.end()), "abcdefghijkl");
  EXPECT_EQ(plain.values, zipped.values);
  EXPECT_EQ(plain.hash, zipped.hash);
  EXPECT_EQ(plain.hash, sha256(kSmall));
  const Idx labels = parse(idx_labels("\1\2\3"), IdxKind::labels);
  EXPECT_EQ(labels.count, 3);
  EXPECT_EQ(labels.values, (std::vector<uint8_t>{1, 2, 3}));
}

TEST(Idx, ReadsGzipOfManyPieces) {
  const std::string pixels(3 * 1024 * 1024 + 17, 'x');
  EXPECT_EQ(parse(gzip(idx_images(static_cast<uint32_t>(pixels.size()), 1, 1, pixels))).values.size(), pixels.size());
}

TEST(Idx, RefusesOtherMagic) {
  expect_refused(idx_labels("abcdefghijkl"), "0x00000801; expected 0x00000803");
  expect_refused(kSmall, "0x00000803; expected 0x00000801", IdxKind::labels);
  expect_refused(std::string(64, 'x'), "magic");
}

TEST(Idx, RefusesEverySizeButTheAnnounced) {
  for (size_t size = 0; size < kSmall.size(); ++size) {
    expect_refused(kSmall.substr(0, size), "bytes");
    expect_refused(gzip(kSmall.substr(0, size)), "bytes");
  }
  expect_refused(kSmall + "x", "announces 12 bytes of values, but there are 13");
  expect_refused(gzip(kSmall + "x"), "announces 28 bytes");
}

TEST(Idx, RefusesEmptySets) {
  for (const std::string& header : {idx_images(0, 2, 2, ""), idx_images(1, 0, 2, ""), idx_images(1, 2, 0, "")}) {
    expect_refused(header, "empty");
    expect_refused(gzip(header), "empty");
  }
  expect_refused(idx_labels(""), "empty", IdxKind::labels);
}

TEST(Idx, RefusesLyingHeadersBeforeAllocating) {
  const uint32_t huge = 0xFFFFFFFF;
  for (const std::string& lie : {idx_images(huge, huge, huge, "abc"), idx_images(huge, 1, 1, "abc"),
                                 idx_images(1, huge, 2, "abc"), idx_images(0x7FFFFFFF, 1, 1, "abc")}) {
    expect_refused(lie, "announces");
    expect_refused(gzip(lie), "announces");
  }
}

TEST(Idx, RefusesGzipThatLiesAboutItsSize) {
  const auto little_endian = [](uint32_t value) {
    const std::string big = big_endian(value);
    return std::string(big.rbegin(), big.rend());
  };
  std::string bomb = gzip(idx_images(0x7FFFFFF0, 1, 1, "abc"));
  bomb.replace(bomb.size() - 4, 4, little_endian(0x80000000));  // agrees with the header, but cannot be
  expect_refused(bomb, "compressed");
  std::string more = gzip(idx_images(4, 1, 1, "abcdefgh"));
  more.replace(more.size() - 4, 4, little_endian(20));
  expect_refused(more, "there are more");
  std::string less = gzip(idx_images(9, 1, 1, "abcdefgh"));
  less.replace(less.size() - 4, 4, little_endian(25));
  expect_refused(less, "damaged");
}

TEST(Idx, RefusesGzipCutOrChangedAnywhere) {
  const std::string whole = gzip(idx_images(20, 10, 10, std::string(2000, 'p')));
  for (size_t size = 0; size < whole.size(); ++size) expect_refused(whole.substr(0, size), "");
  expect_refused(whole + "x", "");
  expect_refused(whole + whole, "");
  for (size_t i = 10; i < whole.size(); ++i) {  // what lies before is the gzip header: time, system
    std::string changed = whole;
    changed[i] = static_cast<char>(changed[i] ^ 0x55);
    expect_refused(changed, "");
  }
}

class IdxDirectory : public testing::Test {
 protected:
  IdxDirectory() { spec_ = test::write_idx_data(dir_.path(), {.train = 100, .test = 20, .classes = 3}); }
  void replace(const std::string& name, const std::string& bytes) { write_file(dir_ / name, bytes); }
  void expect_open_error(const std::string& words) {
    expect_error([&] { open_data(spec_); }, {words}, Error::Kind::failure);
  }

  TempDir dir_;
  std::string spec_;
};

TEST_F(IdxDirectory, OpensPlainAndGzipWithTheSameHash) {
  const DataSet data = open_data(spec_);
  EXPECT_EQ(data.spec, spec_);
  EXPECT_EQ(data.shape, (ImageShape{1, 12, 12}));
  EXPECT_EQ(data.label_names, (std::vector<std::string>{"0", "1", "2"}));
  EXPECT_EQ(data.train.size() + data.val.size(), 100);
  EXPECT_EQ(data.test.size(), 20);
  EXPECT_EQ(data.hash.size(), 64u);
  const fs::path plain = dir_ / "train-images-idx3-ubyte";
  replace("train-images-idx3-ubyte.gz", gzip(read_file(plain)));
  fs::remove(plain);
  const DataSet again = open_data(spec_);
  EXPECT_EQ(again.hash, data.hash);
  EXPECT_EQ(again.train.hash(), data.train.hash());
  EXPECT_EQ(again.mean, data.mean);
  replace("t10k-labels-idx1-ubyte", idx_labels(std::string(20, '\1')));
  EXPECT_NE(open_data(spec_).hash, data.hash);
}

TEST_F(IdxDirectory, MeasuresMeanAndDeviation) {
  const std::string half = std::string(50 * 144, '\0') + std::string(50 * 144, '\xFF');
  replace("train-images-idx3-ubyte", idx_images(100, 12, 12, half));
  DataSet data = open_data(spec_);
  EXPECT_DOUBLE_EQ(data.mean.at(0), 0.5);
  EXPECT_DOUBLE_EQ(data.std.at(0), 0.5);
  replace("train-images-idx3-ubyte", idx_images(100, 12, 12, std::string(100 * 144, '\x33')));
  data = open_data(spec_);
  EXPECT_DOUBLE_EQ(data.mean.at(0), 0.2);
  EXPECT_DOUBLE_EQ(data.std.at(0), 1e-3);
}

TEST_F(IdxDirectory, ReadsTheWrittenPixelsAndLabels) {
  const DataSet data = open_data(spec_);
  const std::string file = read_file(dir_ / "t10k-images-idx3-ubyte");
  Image image;
  for (int64_t i = 0; i < 20; ++i) {
    const Picture picture = data.test.source->picture(i);
    picture.read(picture.whole(), image);
    EXPECT_EQ(std::string(image.pixels.begin(), image.pixels.end()),
              file.substr(16 + static_cast<size_t>(i) * 144, 144));
    EXPECT_EQ(data.test.label(i), i % 3);
  }
}

TEST_F(IdxDirectory, NamesTheMissingFile) {
  fs::remove(dir_ / "t10k-labels-idx1-ubyte");
  expect_open_error("there is no t10k-labels-idx1-ubyte");
}

TEST_F(IdxDirectory, NamesTheDamagedFile) {
  replace("train-images-idx3-ubyte", "short");
  expect_open_error("train-images-idx3-ubyte");
  replace("train-images-idx3-ubyte", "");
  expect_open_error("only 0 bytes");
  fs::remove(dir_ / "train-images-idx3-ubyte");
  fs::create_directory(dir_ / "train-images-idx3-ubyte");
  expect_open_error("not a regular file");
}

TEST_F(IdxDirectory, RefusesPartsThatDoNotBelongTogether) {
  replace("train-labels-idx1-ubyte", idx_labels(std::string(99, '\1')));
  expect_open_error("99 labels, but 100 images");
  replace("train-labels-idx1-ubyte", idx_labels(std::string(100, '\1')));
  replace("t10k-images-idx3-ubyte", idx_images(20, 12, 11, std::string(20 * 12 * 11, 'x')));
  expect_open_error("12 x 11");
}

TEST_F(IdxDirectory, RefusesTooFewSamplesToSplit) {
  test::write_idx_data(dir_.path(), {.train = 1, .test = 1, .classes = 1});
  expect_open_error("split is empty");
}

TEST_F(IdxDirectory, RefusesLabelsThatFashionMnistDoesNotHave) {
  EXPECT_EQ(open_fashion_mnist_in(dir_.path()).classes(), 10);
  replace("t10k-labels-idx1-ubyte", idx_labels(std::string(20, '\12')));
  expect_error([&] { open_fashion_mnist_in(dir_.path()); }, {"label 10; expected labels below 10"},
               Error::Kind::failure);
}

TEST(OpenData, SaysHowToGetFashionMnist) {
  const TempDir dir;
  expect_error([&] { open_fashion_mnist_in(dir / "absent"); },
               {"install the Debian package dataset-fashion-mnist or give idx:DIR"}, Error::Kind::failure);
}

TEST(OpenData, RefusesUnknownSpecs) {
  const auto expect_usage = [](const std::string& spec, const std::string& words) {
    expect_error([&] { open_data(spec); }, {words}, Error::Kind::usage);
  };
  expect_usage("fashion-mnits", "did you mean 'fashion-mnist'");
  expect_usage("", "unknown name");
  expect_usage("idx", "idx:DIR");
  expect_usage("idx:", "idx:DIR");
  expect_usage("fashion-mnist:x", "takes no 'x'");
  expect_error([] { open_data("idx:/no/such/place"); }, {"not a directory"}, Error::Kind::failure);
}

}  // namespace
}  // namespace retort
