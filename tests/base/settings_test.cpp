#include <gtest/gtest.h>

#include "base/json.h"
#include "retort/base.h"
#include "support/expect_error.h"

namespace retort {
namespace {

using test::expect_error;
constexpr auto kUsage = Error::Kind::usage;
constexpr auto kFailure = Error::Kind::failure;

TEST(Error, SaysWhereAndWhat) {
  expect_error([] { fail("file", "has ", 3, " bytes"); }, {"[file] has 3 bytes"}, kFailure);
  expect_error([] { fail_usage("kd", "x"); }, {"[kd] x"}, kUsage);
}

TEST(Settings, ReadsChecksAndDeclares) {
  Settings settings("kd", {{"t", "3.5"}, {"k", "-2"}, {"on", "true"}});
  EXPECT_EQ(settings.number("t", 1, 0, 10, "temperature"), 3.5);
  EXPECT_EQ(settings.integer("k", 1, -5, 5, "count"), -2);
  EXPECT_TRUE(settings.flag("on", false, "switch"));
  EXPECT_EQ(settings.number("absent", 0.25, 0, 1, "help"), 0.25);
  settings.check_all_read();
  ASSERT_EQ(settings.declared().size(), 4u);
  const SettingInfo& first = settings.declared()[0];
  EXPECT_EQ(first.name, "t");
  EXPECT_EQ(first.type, "number");
  EXPECT_EQ(first.default_value, "1");
  EXPECT_EQ(first.range, "[0, 10]");
  EXPECT_EQ(first.help, "temperature");
}

TEST(Settings, RefusesMalformedValues) {
  const auto number = [](const std::string& text) { Settings("kd", {{"t", text}}).number("t", 1, 0, 10, ""); };
  const auto integer = [](const std::string& text) { Settings("kd", {{"t", text}}).integer("t", 1, 0, 10, ""); };
  for (const std::string text : {"", "x", "3x", " 3", "3 ", "-1", "10.5", "nan", "inf", "1e400", "0x1"}) {
    expect_error([&] { number(text); }, {"[kd]", "t is '" + text + "'", "a number in [0, 10]"}, kUsage);
  }
  for (const std::string text : {"", "x", "3.0", "3e0", "-1", "11", "99999999999999999999", "+1"}) {
    expect_error([&] { integer(text); }, {"t is '" + text + "'", "an integer in [0, 10]"}, kUsage);
  }
  expect_error([] { Settings("kd", {{"t", "yes"}}).flag("t", true, ""); }, {"true or false"}, kUsage);
  expect_error([] { Settings("kd", {{"t", "c"}}).choice("t", {"a", "b"}, ""); }, {"'c'", "one of a, b"}, kUsage);
}

TEST(Settings, UnknownOnesListTheKnown) {
  Settings settings("kd", {{"temprature", "3"}});
  settings.number("temperature", 1, 0, 10, "");
  settings.number("alpha", 1, 0, 10, "");
  expect_error([&] { settings.check_all_read(); }, {"'temprature'", "temperature, alpha"}, kUsage);
  expect_error([] { Settings("kd", {{"x", "3"}}).check_all_read(); }, {"known: none"}, kUsage);
}

TEST(Spec, Parses) {
  EXPECT_EQ(Spec::parse("loss", "kd").name, "kd");
  EXPECT_TRUE(Spec::parse("loss", "kd").values.empty());
  const Spec spec = Spec::parse("loss", "kd:temperature=4:x=");
  EXPECT_EQ(spec.name, "kd");
  EXPECT_EQ(spec.values, (std::map<std::string, std::string>{{"temperature", "4"}, {"x", ""}}));
}

TEST(Spec, RefusesMalformedText) {
  for (const std::string text : {"", ":", "kd:", "kd::x=1", ":x=1", "kd:x", "kd:=1"}) {
    expect_error([&] { Spec::parse("loss", text); }, {"[loss]", "malformed '" + text + "'"}, kUsage);
  }
  expect_error([] { Spec::parse("loss", "kd:x=1:x=2"); }, {"'x' is given twice"}, kUsage);
}

TEST(Nearest, FindsTypingErrorsOnly) {
  const std::vector<std::string> known{"resnet18", "resnet34", "mobilenetv3_small_050"};
  EXPECT_EQ(nearest("resnet8", known), "resnet18");
  EXPECT_EQ(nearest("resnet3", known), "resnet34");
  EXPECT_EQ(nearest("mobilenet_small_050", known), "mobilenetv3_small_050");
  EXPECT_EQ(nearest("vgg", known), "");
  EXPECT_EQ(nearest("", {}), "");
}

TEST(Registry, FindsByNameAndSuggests) {
  const std::vector<Registered<int>> rows{{"kd", "help", 1}, {"dist", "help", 2}};
  EXPECT_EQ(find_registered("loss", rows, "dist").make, 2);
  expect_error([&] { find_registered("loss", rows, "dits"); },
               {"[loss]", "unknown name 'dits'", "did you mean 'dist'?", "known: kd, dist"}, kUsage);
  expect_error([&] { find_registered("loss", rows, "nothing like it"); }, {"known: kd, dist"}, kUsage);
}

TEST(Join, PutsWordsInARow) {
  EXPECT_EQ(join(std::vector<std::string>{"a", "b"}), "a, b");
  EXPECT_EQ(join(std::vector<std::string>{"a"}, "-"), "a");
  EXPECT_EQ(join(std::vector<std::string>{}), "");
}

TEST(JsonHelpers, ErrorsSayWhereAndWhat) {
  for (const char* text : {"", "{", "{\"a\":1}x", "\xFF", "{\"a\":01}"}) {
    expect_error([&] { parse_json("run.json", text); }, {"[run.json]", "not valid JSON"}, kFailure);
  }
  const Json json = parse_json("run.json", R"({"v":2,"s":"text"})");
  EXPECT_EQ(get<int>("run.json", json, "v"), 2);
  expect_error([&] { get<int>("run.json", json, "w"); }, {"'w' is missing"}, kFailure);
  expect_error([&] { get<int>("run.json", json, "s"); }, {"'s' is \"text\""}, kFailure);
  expect_error([&] { get<int>("run.json", Json::array(), "s"); }, {"'s' is missing"}, kFailure);
  const Json numbers = parse_json("n", R"({"half":1.5,"neg":-1,"big":300,"huge":18446744073709551615,"yes":true})");
  EXPECT_EQ(get<uint64_t>("n", numbers, "huge"), ~uint64_t{0});
  EXPECT_EQ(get<double>("n", numbers, "neg"), -1);
  EXPECT_TRUE(get<bool>("n", numbers, "yes"));
  expect_error([&] { get<int64_t>("n", numbers, "half"); }, {"'half' is 1.5"});
  expect_error([&] { get<uint64_t>("n", numbers, "neg"); }, {"'neg' is -1"});
  expect_error([&] { get<uint8_t>("n", numbers, "big"); }, {"'big' is 300"});
  expect_error([&] { get<int64_t>("n", numbers, "huge"); }, {"'huge' is"});
  expect_error([&] { get<int64_t>("n", numbers, "yes"); }, {"'yes' is true"});
  expect_error([&] { get<double>("n", numbers, "yes"); }, {"'yes' is true"});
  check_version("run.json", json, "v", 2);
  expect_error([&] { check_version("run.json", json, "v", 1); }, {"v is 2", "reads version 1"}, kFailure);
}

TEST(Monitor, EmptyOnesDoNothing) {
  const Monitor monitor;
  monitor.tell({"train", 1, 2, "images", ""});
  EXPECT_FALSE(monitor.stopping());
}

}  // namespace
}  // namespace retort
