// Every parameter and buffer that timm has, by name and shape, and its count.
#include <gtest/gtest.h>

#include <map>

#include "base/file.h"
#include "base/json.h"
#include "retort/zoo.h"

namespace retort {
namespace {

std::vector<Json> timm_rows() {
  const Json golden = parse_json("timm.json", read_file(RETORT_GOLDEN "/timm.json"));
  return golden.at("models").get<std::vector<Json>>();
}

class TimmTest : public testing::TestWithParam<Json> {};

TEST_P(TimmTest, TensorsAndCount) {
  const Json& row = GetParam();
  const Shape input = row.at("input").get<Shape>();  // with the batch
  const Shape image(input.begin() + 1, input.end());
  const Graph graph = build_model(row.at("arch"), row.at("num_classes"), image[0]);
  std::map<std::string, Shape> ours;
  for (const Parameter& p : graph.parameters) ours[p.name] = p.shape;
  EXPECT_EQ(ours, (row.at("tensors").get<std::map<std::string, Shape>>()));
  EXPECT_EQ(ours.size(), graph.parameters.size());
  EXPECT_EQ(cost(graph, image).parameters, row.at("params").get<int64_t>());
}

INSTANTIATE_TEST_SUITE_P(Golden, TimmTest, testing::ValuesIn(timm_rows()), [](const auto& test) {
  const Json& row = test.param;
  return str(row.at("arch").template get<std::string>(), "_", row.at("input")[1], "x", row.at("input")[2], "_",
             row.at("num_classes"));
});

TEST(TimmRowsTest, EveryTimmModelHasARow) {
  std::map<std::string, int> rows;
  for (const Json& row : timm_rows()) ++rows[row.at("arch").get<std::string>()];
  for (const ModelInfo& info : list_models()) {
    const bool small = info.input_size[1] == 32;
    EXPECT_EQ(rows.count(info.name), small ? 0u : 1u) << info.name;
  }
}

struct KnownMacs {
  const char* name;
  int64_t at_own_size, at_97x225;
};

// Counted in timm with forward hooks on its convolutions and linear layers, 10 classes. The odd size tells roundings of
// strides and pools apart.
TEST(TimmRowsTest, Macs) {
  const KnownMacs known[] = {
      {"resnet10t", 698181120, 549238408},           {"resnet14t", 1065591296, 850539144},
      {"resnet18", 1813566464, 948515008},           {"resnet26", 2340229120, 1222532288},
      {"resnet34", 3663254528, 1922388160},          {"resnet50", 4087156736, 2142301376},
      {"mobilenetv3_small_050", 23174928, 12308560}, {"mobilenetv3_small_075", 42385584, 22874456},
      {"mobilenetv3_small_100", 55496640, 30853928}, {"mobilenetv3_large_100", 215322560, 116115432},
      {"efficientnet_b0", 384547552, 211610560},     {"efficientnet_b1", 685535632, 316542416},
  };
  for (const KnownMacs& row : known) {
    const Graph graph = build_model(row.name, 10);
    EXPECT_EQ(cost(graph, find_model(row.name).input_size).macs, row.at_own_size) << row.name;
    EXPECT_EQ(cost(graph, {3, 97, 225}).macs, row.at_97x225) << row.name;
  }
}

}  // namespace
}  // namespace retort
