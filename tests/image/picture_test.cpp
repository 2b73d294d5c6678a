#include <gtest/gtest.h>

#include <filesystem>

#include "image/files.h"
#include "image/noise.h"
#include "support/expect_error.h"
#include "support/golden.h"

namespace retort {
namespace {

using test::corpus_file;
using test::expect_error;
using test::picture_of;
using test::pixels_of;
using test::read_golden;

std::vector<std::string> decodable_files() {
  std::vector<std::string> names;
  for (const Json& row : read_golden("decode.json").at("files")) names.push_back(row.at("file").get<std::string>());
  return names;
}

// tools/decode_golden.py: what Pillow's open(file).convert("RGB") gives.
TEST(Picture, GivesPillowsBytes) {
  const Json golden = read_golden("decode.json");
  ASSERT_EQ(golden.at("files").size(), 55u);
  for (const Json& row : golden.at("files")) {
    const std::string name = row.at("file").get<std::string>();
    const Picture picture = picture_of(corpus_file(name));
    const Json& size = row.at("size");
    EXPECT_EQ(picture.shape(), (ImageShape{3, size.at(0).get<int64_t>(), size.at(1).get<int64_t>()})) << name;
    const Image image = pixels_of(picture);
    EXPECT_EQ(image.shape, picture.shape());
    EXPECT_EQ(test::hash(image), std::stoull(row.at("fnv1a").get<std::string>(), nullptr, 16)) << name;
  }
}

Image cut_of(const Image& whole, const Box& box) {
  return pixels_of(Picture::of_pixels(whole.pixels.data(), whole.shape), box);
}

TEST(Picture, ABoxIsACutOfTheWhole) {
  Rng random({1});
  const auto within = [&](int64_t n) { return static_cast<int64_t>(random.below(static_cast<uint64_t>(n))); };
  for (const std::string& name : decodable_files()) {
    const Picture picture = picture_of(corpus_file(name));
    const Image whole = pixels_of(picture);
    for (int i = 0; i < 60; ++i) {
      const auto [channels, height, width] = picture.shape();
      Box box{.left = within(width), .top = within(height)};
      box.width = 1 + within(width - box.left);
      box.height = 1 + within(height - box.top);
      const Image image = pixels_of(picture, box);
      ASSERT_EQ(image.shape, (ImageShape{3, box.height, box.width}));
      ASSERT_EQ(image.pixels, cut_of(whole, box).pixels)
          << name << ' ' << box.left << ' ' << box.top << ' ' << box.width << ' ' << box.height;
    }
  }
}

// As above, where whole blocks can be skipped.
TEST(Picture, ABoxOfALargeJpegIsACutOfTheWhole) {
  Rng random({2});
  for (const char* name : {"jpeg-420.jpg", "jpeg-444-portrait.jpg", "jpeg-gray.jpg", "jpeg-progressive.jpg"}) {
    const Picture picture = picture_of(read_file(std::string(RETORT_GOLDEN "/images/") + name));
    const Image whole = pixels_of(picture);
    for (int i = 0; i < 40; ++i) {
      const auto left = static_cast<int64_t>(random.below(static_cast<uint64_t>(picture.shape().width - 40)));
      const auto top = static_cast<int64_t>(random.below(static_cast<uint64_t>(picture.shape().height - 40)));
      const Box box{left, top, 1 + i, 40 - i};
      ASSERT_EQ(pixels_of(picture, box).pixels, cut_of(whole, box).pixels) << name << ' ' << left << ' ' << top;
    }
  }
}

/// Whatever happens, it is a whole image or an Error.
bool decodes(std::string_view bytes) {
  try {
    const Picture picture = picture_of(bytes);
    EXPECT_EQ(std::ssize(pixels_of(picture).pixels), picture.shape().numel());
    return true;
  } catch (const Error& error) {
    EXPECT_TRUE(std::string_view(error.what()).starts_with("[file] ")) << error.what();
    return false;
  }
}

TEST(Picture, RefusesFilesThatAreCutOff) {
  for (const std::string& name : decodable_files()) {
    const std::string bytes = corpus_file(name);
    // A PNG whose pixels are all there lacks nothing, as Pillow sees it too; a lossy WebP may end in filling.
    const size_t spare = name.starts_with("png") ? 16 : name.starts_with("webp") ? 2 : 0;
    for (size_t length = 0; length + spare < bytes.size(); length += length < 64 ? 1 : 7)
      EXPECT_FALSE(decodes(std::string_view(bytes).substr(0, length))) << name << " cut to " << length;
  }
}

TEST(Picture, SurvivesChangedBytes) {
  Rng random({3});
  for (const std::string& name : decodable_files()) {
    const std::string bytes = corpus_file(name);
    for (int i = 0; i < 40; ++i) {
      std::string changed = bytes;
      for (uint64_t k = random.below(4) + 1; k > 0; --k)
        changed[random.below(changed.size())] = static_cast<char>(random.next());
      decodes(changed);
    }
  }
}

TEST(Picture, NamesWhatItDoesNotRead) {
  const auto refused = [](std::string_view bytes, const std::string& name) {
    expect_error([&] { picture_of(bytes); }, {"[file]", name, "JPEG, PNG or WebP"}, Error::Kind::failure);
  };
  using namespace std::string_view_literals;
  refused("GIF89a\1\0\1\0\0\0\0", "is a GIF file");
  refused(
      "\0\0\0\x18"
      "ftypheic\0\0\0\0"sv,
      "is a HEIC file");
  refused(
      "\0\0\0\x18"
      "ftypavif\0\0\0\0"sv,
      "is an AVIF file");
  refused("BM\x46\0\0\0\0\0"sv, "is a BMP file");
  refused("II*\0\x08\0\0\0"sv, "is a TIFF file");
  refused("", "0 bytes");
  refused("<html>not found</html>", "is not an image file");
  refused("\xff\xd8", "is not an image file");
}

TEST(Picture, RefusesAnAnimatedWebp) {
  expect_error([] { picture_of(corpus_file("webp/animated")); }, {"[file]", "animated", "still"});
}

std::string big_endian(uint32_t value, int bytes) {
  std::string out;
  for (int shift = 8 * (bytes - 1); shift >= 0; shift -= 8) out += static_cast<char>(value >> shift);
  return out;
}

std::string jpeg_announcing(const std::string& name, uint32_t height, uint32_t width) {
  std::string file = corpus_file(name);
  size_t frame = file.find("\xff\xc0");
  if (frame == std::string::npos) frame = file.find("\xff\xc2");  // progressive
  return file.replace(frame + 5, 4, big_endian(height, 2) + big_endian(width, 2));
}

// Nothing of the announced size is allocated: the file could not hold it.
TEST(Picture, RefusesHugeJpegsInTinyFiles) {
  for (const char* name : {"jpeg/2x2", "jpeg/2x2_progressive", "jpeg/gray"}) {
    expect_error([&] { picture_of(jpeg_announcing(name, 60'000, 60'000)); }, {"60000 x 60000", "178956970"});
    expect_error([&] { picture_of(jpeg_announcing(name, 13'000, 12'000)); }, {"12000 x 13000", "cannot hold"});
    expect_error([&] { picture_of(jpeg_announcing(name, 0, 8)); }, {"[file]", "damaged JPEG"});
  }
}

std::string png_announcing(uint32_t width, uint32_t height) {
  // A header without its checksum's protection would be refused for that alone; this one is right.
  static const auto crc = [](std::string_view text) {
    uint32_t c = ~0u;
    for (const char byte : text) {
      c ^= static_cast<uint8_t>(byte);
      for (int bit = 0; bit < 8; ++bit) c = (c >> 1) ^ (0xEDB88320u & (0u - (c & 1)));
    }
    return ~c;
  };
  const std::string header = "IHDR" + big_endian(width, 4) + big_endian(height, 4) + std::string("\x08\x02\0\0\0", 5);
  std::string file = corpus_file("png/rgb8");
  return file.replace(12, 21, header + big_endian(crc(header), 4));
}

TEST(Picture, RefusesHugePngsInTinyFiles) {
  expect_error([] { picture_of(png_announcing(1 << 30, 1 << 30)); }, {"1073741824", "178956970"});
  const Picture picture = picture_of(png_announcing(13'000, 13'000));
  EXPECT_EQ(picture.shape(), (ImageShape{3, 13'000, 13'000}));
  expect_error([&] { pixels_of(picture, {0, 0, 1, 1}); }, {"[file]", "cannot hold"});
  expect_error([] { picture_of(png_announcing(0, 1)); }, {"[file]", "PNG"});
}

TEST(Picture, RefusesADamagedPngHeader) {
  for (const size_t at : {17, 20, 30}) {  // width, height, checksum
    std::string file = corpus_file("png/rgb8");
    file[at] = static_cast<char>(file[at] ^ 1);
    expect_error([&] { picture_of(file); }, {"[file] damaged PNG"});
  }
}

TEST(ToChannels, RepeatsGreyAndWeighsColour) {
  Image image;
  image.resize({3, 1, 3});
  image.pixels = {255, 0, 0, 0, 255, 0, 10, 20, 30};
  to_channels(image, 1);  // Pillow: Image.convert("L")
  EXPECT_EQ(image.pixels, (std::vector<uint8_t>{76, 150, 18}));
  to_channels(image, 3);
  EXPECT_EQ(image.pixels, (std::vector<uint8_t>{76, 76, 76, 150, 150, 150, 18, 18, 18}));
  expect_error([&] { to_channels(image, 4); }, {"3 channels", "takes 4"});
}

}  // namespace
}  // namespace retort
