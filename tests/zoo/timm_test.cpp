// What timm and mdistiller have: every parameter and buffer by name and shape, counts, names that config.json holds.
#include <gtest/gtest.h>

#include <map>

#include "base/file.h"
#include "base/hash.h"
#include "base/json.h"
#include "retort/zoo.h"

namespace retort {
namespace {

std::vector<Json> rows_of(const std::string& file) {
  return parse_json(file, read_file(RETORT_GOLDEN "/" + file)).at("models").get<std::vector<Json>>();
}

std::map<std::string, Shape> tensors_of(const Graph& graph) {
  std::map<std::string, Shape> tensors;
  for (const Parameter& p : graph.parameters) tensors[p.name] = p.shape;
  EXPECT_EQ(tensors.size(), graph.parameters.size());
  return tensors;
}

Shape image_of(const Json& row) {
  const Shape input = row.at("input").get<Shape>();  // with the batch
  return {input.begin() + 1, input.end()};
}

Graph build_row(const Json& row, const Shape& image) {
  return build_model(row.at("arch"), row.at("num_classes"), image[0], image[1]);
}

class TimmTest : public testing::TestWithParam<Json> {};

TEST_P(TimmTest, TensorsAndCount) {
  const Json& row = GetParam();
  const Graph graph = build_row(row, image_of(row));
  EXPECT_EQ(tensors_of(graph), (row.at("tensors").get<std::map<std::string, Shape>>()));
  EXPECT_EQ(cost(graph, image_of(row)).parameters, row.at("params").get<int64_t>());
}

INSTANTIATE_TEST_SUITE_P(Golden, TimmTest, testing::ValuesIn(rows_of("timm.json")), [](const auto& test) {
  const Json& row = test.param;
  return str(row.at("arch").template get<std::string>(), "_", row.at("input")[1], "x", row.at("input")[2], "_",
             row.at("num_classes"));
});

/// Rows that tools/timm_golden.py wrote.
class VariantTest : public testing::TestWithParam<Json> {};

TEST_P(VariantTest, TensorsAndCounts) {
  const Json& row = GetParam();
  const Graph graph = build_row(row, image_of(row));
  std::string lines;
  for (const auto& [name, shape] : tensors_of(graph)) {
    std::vector<std::string> sizes;
    for (int64_t size : shape) sizes.push_back(std::to_string(size));
    lines += name + " " + join(sizes, ",") + "\n";
  }
  EXPECT_EQ(sha256(lines), row.at("tensors").get<std::string>()) << lines;
  EXPECT_EQ(cost(graph, image_of(row)).parameters, row.at("params").get<int64_t>());
  // The odd size tells roundings of strides and pools apart.
  for (const Json& count : row.at("macs")) {
    const Shape image = count.at("image").get<Shape>();
    EXPECT_EQ(cost(build_row(row, image), image).macs, count.at("macs").get<int64_t>()) << count.at("image").dump();
  }
}

TEST_P(VariantTest, IsAsPublished) {
  const Json& row = GetParam();
  if (!row.contains("published")) return;  // mdistiller publishes no configurations
  const Json& published = row.at("published");
  const std::string name = row.at("arch");
  const Graph graph = build_model(name, 1000);
  EXPECT_EQ(find_model(name).input_size, published.at("input_size").get<Shape>());
  EXPECT_EQ(cost(graph, find_model(name).input_size).parameters, published.at("params").get<int64_t>());
  EXPECT_EQ(graph.first_conv, published.at("first_conv").get<std::string>());
  const Json both = {graph.classifier, graph.distill_classifier};
  EXPECT_EQ(graph.distill_classifier.empty() ? Json(graph.classifier) : both, published.at("classifier"));
}

const auto kNameOfVariant = [](const auto& test) { return test.param.at("arch").template get<std::string>(); };
INSTANTIATE_TEST_SUITE_P(Timm, VariantTest, testing::ValuesIn(rows_of("timm_variants.json")), kNameOfVariant);
INSTANTIATE_TEST_SUITE_P(Mdistiller, VariantTest, testing::ValuesIn(rows_of("mdistiller.json")), kNameOfVariant);

TEST(GoldenRowsTest, EveryBackboneHasARow) {
  std::map<std::string, int> rows;
  for (const char* file : {"timm_variants.json", "mdistiller.json"}) {
    for (const Json& row : rows_of(file)) ++rows[row.at("arch").get<std::string>()];
  }
  const auto ours = [](const std::string& name) { return name == "resnet8_half" || name == "resnet8_quarter"; };
  for (const ModelInfo& info : list_models()) EXPECT_EQ(rows[info.name], ours(info.name) ? 0 : 1) << info.name;
}

}  // namespace
}  // namespace retort
