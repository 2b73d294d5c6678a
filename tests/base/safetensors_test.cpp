#include "base/safetensors.h"

#include <gtest/gtest.h>

#include <cstring>
#include <string>
#include <vector>

#include "base/random.h"
#include "support/expect_error.h"
#include "support/temp_dir.h"

namespace retort {
namespace {

using test::expect_error;
using test::TempDir;

// A file: the header's length, the header, `data` bytes of data.
std::string file_of(const std::string& header, size_t data) {
  const uint64_t size = header.size();
  std::string out(reinterpret_cast<const char*>(&size), sizeof size);
  return out + header + std::string(data, '\1');
}

SafetensorsContents parse(const std::string& file) { return parse_safetensors("file", std::as_bytes(std::span(file))); }

std::string entry(const std::string& name, const std::string& dtype, const std::string& shape,
                  const std::string& offsets) {
  return "\"" + name + R"(":{"dtype":")" + dtype + R"(","shape":)" + shape + R"(,"data_offsets":)" + offsets + "}";
}

void expect_rejected(const std::string& header, size_t data, const std::vector<std::string>& words) {
  SCOPED_TRACE(header.substr(0, 200));
  expect_error([&] { parse(file_of(header, data)); }, words);
}

TEST(Safetensors, ReadsWhatTheFormatAllows) {
  EXPECT_TRUE(parse(file_of("{}", 0)).tensors.empty());
  EXPECT_EQ(parse(file_of("{}     ", 0)).metadata.size(), 0u);  // padded at the end
  const auto contents =
      parse(file_of("{" + entry("b", "F32", "[2,1]", "[1,9]") + "," + entry("a", "U8", "[]", "[0,1]") + "," +
                        entry("none", "I64", "[3,0]", "[9,9]") + R"(,"__metadata__":{"k":"v","":""}})",
                    9));
  ASSERT_EQ(contents.tensors.size(), 3u);
  EXPECT_EQ(contents.tensors.at("a").numel(), 1);
  EXPECT_EQ(contents.tensors.at("b").shape, (std::vector<int64_t>{2, 1}));
  EXPECT_EQ(contents.tensors.at("b").bytes.size(), 8u);
  EXPECT_EQ(contents.tensors.at("none").numel(), 0);
  EXPECT_EQ(contents.metadata, (std::map<std::string, std::string>{{"k", "v"}, {"", ""}}));
}

TEST(Safetensors, IgnoresFieldsThatItDoesNotKnow) {
  const std::string header =
      R"({"a":{"x":{"shape":[-1.5,"s",null,true,[{}]],"dtype":3},"dtype":"U8","shape":[2],"y":-1,"data_offsets":[0,2]}})";
  EXPECT_EQ(parse(file_of(header, 2)).tensors.at("a").numel(), 2);
}

TEST(Safetensors, RejectsABadEnvelope) {
  expect_error([] { parse(""); }, {"[file]", "too short"});
  expect_error([] { parse("1234567"); }, {"too short"});
  expect_error([] { parse(std::string(8, '\0')); }, {"does not begin with '{'"});
  expect_error([] { parse(file_of("{}", 0).substr(0, 9)); }, {"header's length is 2 in a file of 9 bytes"});
  expect_error([] { parse(std::string(8, '\xFF') + "{}"); }, {"header's length"});
  std::string large = std::string("\x01\xE1\xF5\x05\0\0\0\0", 8) +
                      std::string(100'000'001, ' ');  // NOLINT(bugprone-string-constructor)
  expect_error([&] { parse(large); }, {"header's length is 100000001"});
}

TEST(Safetensors, RejectsBadJson) {
  const std::string good = "{" + entry("a", "U8", "[1]", "[0,1]") + "}";
  for (const std::string& header :
       {" " + good, "\n" + good, "\xEF\xBB\xBF" + good, good + "x", good + "{}", good + std::string(1, '\0'),
        good + std::string("\0garbage", 8), std::string("{"), std::string("{\"a\""), std::string("[1]"),
        std::string("{\"a\":1}"), std::string("{\"a\":[1]}"), std::string("{\"a\":null}"), std::string("{'a':1}"),
        "{\"\xC3\x28" + good.substr(2), "{/**/" + good.substr(1), good.substr(0, good.size() - 1) + ",}"}) {
    expect_rejected(header, 1, {"[file]"});
  }
  std::string deep = R"({"a":{"dtype":"U8","shape":[1],"data_offsets":[0,1],"x":)";
  deep += std::string(100'000, '[') + std::string(100'000, ']') + "}}";
  expect_rejected(deep, 1, {"nested deeper"});
}

TEST(Safetensors, RejectsBadDescriptions) {
  expect_rejected("{" + entry("a", "F33", "[1]", "[0,4]") + "}", 4, {"tensor 'a'", "unknown dtype 'F33'", "BF16"});
  expect_rejected("{" + entry("a", "F4", "[1]", "[0,4]") + "}", 4, {"unknown dtype"});
  for (const char* shape : {"[-1]", "[1.0]", "[\"1\"]", "1", "{}", "null", "[[1]]", "[true]", "[1e0]",
                            "[18446744073709551616]", "[18446744073709551615]", "[1,1,1,1,1,1,1,1,1]"}) {
    expect_rejected("{" + entry("a", "U8", shape, "[0,1]") + "}", 1, {"tensor 'a'"});
  }
  for (const char* offsets : {"[]", "[0]", "[0,1,1]", "[0,-1]", "[0,1.0]", "[-0,1]", "0", "{}", "\"0,1\"", "[0,[1]]"}) {
    expect_rejected("{" + entry("a", "U8", "[1]", offsets) + "}", 1, {"tensor 'a'"});
  }
  expect_rejected(R"({"a":{"shape":[1],"data_offsets":[0,1]}})", 1, {"dtype is missing"});
  expect_rejected(R"({"a":{"dtype":"U8","data_offsets":[0,1]}})", 1, {"shape is missing"});
  expect_rejected(R"({"a":{"dtype":"U8","shape":[1]}})", 1, {"data_offsets is missing"});
  expect_rejected(R"({"a":{"dtype":7,"shape":[1],"data_offsets":[0,1]}})", 1, {"dtype is not a string"});
  expect_rejected(R"({"__metadata__":{"k":1}})", 0, {"metadata", "'k' is not a string"});
  expect_rejected(R"({"__metadata__":{"k":{}}})", 0, {"metadata"});
  expect_rejected(R"({"__metadata__":"v"})", 0, {"metadata"});
}

// Buffers that no network here needs, such as masks and indices, do not keep a file from being read.
TEST(Safetensors, ReadsTypesThatItDoesNotConvert) {
  for (const auto& [dtype, size] : std::vector<std::pair<std::string, size_t>>{
           {"BOOL", 1}, {"I8", 1}, {"I16", 2}, {"U16", 2}, {"U32", 4}, {"C64", 8}, {"F8_E5M2", 1}, {"F8_E4M3", 1}}) {
    const auto contents = parse(file_of("{" + entry("a", dtype, "[3]", str("[0,", 3 * size, "]")) + "}", 3 * size));
    EXPECT_EQ(dtype_name(contents.tensors.at("a").dtype), dtype);
    EXPECT_EQ(dtype_size(contents.tensors.at("a").dtype), size);
  }
  std::string file = file_of("{" + entry("mask", "BOOL", "[3]", "[0,3]") + "}", 3);
  file.back() = '\2';
  expect_error([&] { parse(file); }, {"tensor 'mask'", "neither 0 nor 1"});
}

TEST(Safetensors, RejectsDuplicates) {
  const std::string a = entry("a", "U8", "[1]", "[0,1]");
  expect_rejected("{" + a + "," + a + "}", 1, {"tensor 'a'", "twice"});
  expect_rejected("{" + a + "," + entry("\\u0061", "U8", "[1]", "[1,2]") + "}", 2, {"twice"});
  expect_rejected(R"({"a":{"dtype":"U8","dtype":"U8","shape":[1],"data_offsets":[0,1]}})", 1,
                  {"'dtype' is given twice"});
  expect_rejected(R"({"a":{"dtype":"U8","shape":[],"shape":[1],"data_offsets":[0,1]}})", 1, {"twice"});
  expect_rejected(R"({"__metadata__":{},"__metadata__":{}})", 0, {"twice"});
  expect_rejected(R"({"__metadata__":{"k":"1","k":"2"}})", 0, {"'k' is given twice"});
}

TEST(Safetensors, RejectsBadPlaces) {
  const auto two = [](const std::string& first, const std::string& second) {
    return "{" + entry("a", "U8", "[4]", first) + "," + entry("b", "U8", "[4]", second) + "}";
  };
  EXPECT_EQ(parse(file_of(two("[4,8]", "[0,4]"), 8)).tensors.size(), 2u);
  expect_rejected(two("[0,4]", "[5,9]"), 9, {"tensor 'b'", "holes"});
  expect_rejected(two("[0,4]", "[3,7]"), 7, {"tensor 'b'", "overlaps"});
  expect_rejected(two("[0,4]", "[0,4]"), 4, {"overlaps"});
  expect_rejected(two("[1,5]", "[5,9]"), 9, {"tensor 'a'", "holes"});
  expect_rejected(two("[0,4]", "[4,0]"), 4, {"tensor 'b'"});
  expect_rejected(two("[0,4]", "[4,8]"), 7, {"tensor 'b'", "cut"});
  expect_rejected(two("[0,4]", "[4,8]"), 9, {"1 bytes too many"});
  expect_rejected("{}", 1, {"1 bytes too many"});
  expect_rejected("{" + entry("a", "F32", "[4]", "[0,4]") + "}", 4, {"tensor 'a'", "4 bytes", "F32 [4]"});
  expect_rejected("{" + entry("a", "U8", "[4294967296,4294967296,0]", "[0,0]") + "}", 0, {"tensor 'a'"});
  expect_rejected("{" + entry("a", "F64", "[2305843009213693952]", "[0,0]") + "}", 0, {"tensor 'a'"});
}

TEST(Safetensors, BoundsNamesAndCounts) {
  const std::string longest(1024, 'n');
  EXPECT_EQ(parse(file_of("{" + entry(longest, "U8", "[1]", "[0,1]") + "}", 1)).tensors.size(), 1u);
  expect_rejected("{" + entry(longest + "n", "U8", "[1]", "[0,1]") + "}", 1, {"more than 1024 bytes"});
  expect_rejected("{" + entry("a\\nb", "U9", "[1]", "[0,1]") + "}", 1, {"'a?b'"});  // the message stays one line
  std::string many = "{";
  for (int i = 0; i <= 100'000; ++i) many += str(i ? "," : "", entry(str(i), "U8", "[0]", "[0,0]"));
  expect_rejected(many + "}", 0, {"more than 100000 tensors"});
}

TEST(Safetensors, EveryCutAndManyFlipsAreErrorsOrHarmless) {
  const std::string whole = file_of("{" + entry("a", "F16", "[2]", "[0,4]") + "," + entry("b", "U8", "[3]", "[4,7]") +
                                        R"(,"__metadata__":{"k":"v"}})",
                                    7);
  for (size_t size = 0; size < whole.size(); ++size) EXPECT_THROW(parse(whole.substr(0, size)), Error) << size;
  Rng rng{1};
  for (int i = 0; i < 5000; ++i) {
    std::string flipped = whole;
    for (uint64_t flips = 1 + rng.below(3); flips > 0; --flips) {
      flipped[rng.below(flipped.size())] = static_cast<char>(rng.below(256));
    }
    try {
      for (const auto& [name, tensor] : parse(flipped).tensors) EXPECT_LE(tensor.bytes.size(), 7u);
    } catch (const Error&) {
    }
  }
}

TEST(Safetensors, WritesWhatItReads) {
  const TempDir dir;
  const std::vector<float> weights{1, 2, 3, 4, 5, 6};
  const std::vector<int64_t> count{7};
  const std::vector<uint8_t> odd{1, 2, 3};
  const std::map<std::string, TensorView> tensors{
      {"a.odd", {DType::u8, {3}, std::as_bytes(std::span(odd))}},
      {"b.weight", {DType::f32, {2, 3}, std::as_bytes(std::span(weights))}},
      {"c.count", {DType::i64, {}, std::as_bytes(std::span(count))}},
      {"d.empty", {DType::f16, {0, 5}, {}}},
      {"quote\"\n", {DType::u8, {1}, std::as_bytes(std::span(odd)).first(1)}}};
  write_safetensors(dir / "x.safetensors", tensors, {{"format", "pt"}});
  write_safetensors(dir / "y.safetensors", tensors, {{"format", "pt"}});
  EXPECT_EQ(read_file(dir / "x.safetensors"), read_file(dir / "y.safetensors"));

  Safetensors first(dir / "x.safetensors");
  const Safetensors file = std::move(first);
  EXPECT_EQ(file.metadata().at("format"), "pt");
  ASSERT_EQ(file.tensors().size(), tensors.size());
  for (const auto& [name, tensor] : tensors) {
    const TensorView& read = file.at(name);
    EXPECT_EQ(read.dtype, tensor.dtype) << name;
    EXPECT_EQ(read.shape, tensor.shape) << name;
    ASSERT_EQ(read.bytes.size(), tensor.bytes.size()) << name;
    EXPECT_TRUE(std::equal(read.bytes.begin(), read.bytes.end(), tensor.bytes.begin())) << name;
    EXPECT_EQ(reinterpret_cast<uintptr_t>(read.bytes.data()) % dtype_size(read.dtype), 0u) << name;
  }
  // The widest dtype comes first, so that each tensor is aligned.
  EXPECT_LT(file.at("c.count").bytes.data(), file.at("b.weight").bytes.data());
  EXPECT_LT(file.at("b.weight").bytes.data(), file.at("a.odd").bytes.data());
  expect_error([&] { file.at("b.weigth"); }, {"x.safetensors", "no tensor 'b.weigth'", "nearest is 'b.weight'"});
}

TEST(Safetensors, RefusesToWriteNonsense) {
  const TempDir dir;
  const std::vector<float> two{1, 2};
  const auto write = [&](const std::string& name, TensorView tensor, const std::string& value = "") {
    tensor.bytes = std::as_bytes(std::span(two));
    write_safetensors(dir / "bad.safetensors", {{name, tensor}}, {{"key", value}});
  };
  expect_error([&] { write("w", {DType::f32, {3}, {}}); }, {"bad.safetensors", "tensor 'w'", "8 bytes", "F32 [3]"});
  expect_error([&] { write("w", {DType::f32, {-2, -1}, {}}); }, {"tensor 'w'"});
  expect_error([&] { write("w", {DType::f32, {1, 1, 1, 1, 1, 1, 1, 1, 2}, {}}); }, {"tensor 'w'"});
  expect_error([&] { write("__metadata__", {DType::f32, {2}, {}}); }, {"cannot be called"});
  expect_error([&] { write("\xFF", {DType::f32, {2}, {}}); }, {"UTF-8"});
  expect_error([&] { write("w", {DType::f32, {2}, {}}, "\xFF"); }, {"UTF-8"});
  EXPECT_TRUE(fs::is_empty(dir.path()));
  expect_error([] { Safetensors("/nonexistent/x.safetensors"); }, {"/nonexistent/x.safetensors", "No such file"});
}

TEST(Safetensors, KnowsItsDTypes) {
  EXPECT_EQ(dtype_name(DType::bf16), "BF16");
  EXPECT_EQ(dtype_name(DType::u8), "U8");
  EXPECT_EQ(dtype_size(DType::f64), 8u);
  EXPECT_EQ(dtype_size(DType::f16), 2u);
}

}  // namespace
}  // namespace retort
