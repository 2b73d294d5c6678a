#include "base/fields.h"

#include <gtest/gtest.h>

#include <memory>

#include "support/expect_error.h"

namespace retort {
namespace {

struct Options {
  bool on = false;
  int64_t count = 1;
  uint64_t seed = 2;
  double rate = 0.5;
  std::string text = "t";
  std::vector<std::string> list = {"a", "b"};
};

Fields fields(Options& o) {
  return {{"on", &o.on, ""},     {"count", &o.count, ""}, {"seed", &o.seed, ""},
          {"rate", &o.rate, ""}, {"text", &o.text, ""},   {"list", &o.list, ""}};
}

void set(const Fields& all, const Json& values) {
  for (const Field& field : all) {
    if (values.contains(field.name)) set_field("here", field, values[field.name]);
  }
}

TEST(Fields, FlagsAreSpeltWithDashes) { EXPECT_EQ(flag_name("layer_decay"), "--layer-decay"); }

TEST(Fields, AreWrittenByNameAndReadBack) {
  Options o;
  EXPECT_EQ(fields_json(fields(o)).dump(), R"({"on":false,"count":1,"seed":2,"rate":0.5,"text":"t","list":"a, b"})");
  const Json values = {{"on", true}, {"count", -3}, {"seed", 7}, {"rate", 2}, {"text", "u"}, {"list", {"c", "d"}}};
  set(fields(o), values);
  EXPECT_EQ(fields_json(fields(o)).dump(), R"({"on":true,"count":-3,"seed":7,"rate":2.0,"text":"u","list":"c, d"})");
  set(fields(o), {{"list", "one"}});
  EXPECT_EQ(o.list, std::vector<std::string>{"one"});
}

TEST(Fields, OptionalNumbersAreNullUntilTheyAreSet) {
  std::optional<double> limit;
  const Fields all = {{"limit", &limit, ""}};
  EXPECT_EQ(fields_json(all).dump(), R"({"limit":null})");
  set(all, {{"limit", 2}});
  EXPECT_EQ(limit, 2);
  EXPECT_EQ(fields_json(all).dump(), R"({"limit":2.0})");
  test::expect_error([&] { set(all, {{"limit", "much"}}); }, {"[here]", "limit", "a number"}, Error::Kind::usage);
}

TEST(Fields, RefuseOtherTypesByName) {
  Options o;
  const Json wrong = {{"on", 1}, {"count", 1.5}, {"seed", -1}, {"rate", "0.1"}, {"text", 3}, {"list", {1, 2}}};
  for (const auto& [key, value] : wrong.items()) {
    test::expect_error(
        [&, key = key, value = value] {
          set(fields(o), {{key, value}});
        },
        {"[here]", key, "expected"}, Error::Kind::usage);
  }
  EXPECT_EQ(fields_json(fields(o)), fields_json(fields(*std::make_unique<Options>())));
}

}  // namespace
}  // namespace retort
