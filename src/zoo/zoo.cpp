#include "retort/zoo.h"

#include "zoo/families.h"

namespace retort {

namespace {

struct Row : ModelInfo {
  Graph (*build)(GraphBuilder& b);
};

const std::vector<Row>& rows() {
  constexpr bool dense = false, depthwise = true;
#define RETORT_MODEL(name, family, pixels, convolutions, ...) \
  Row{{#name, #family, {3, pixels, pixels}, convolutions},    \
      [](GraphBuilder& b) { return build_##family(b, {__VA_ARGS__}); }},
  static const std::vector<Row> kRows = {
#include "zoo/zoo.def"
  };
#undef RETORT_MODEL
  return kRows;
}

const Row& find_row(const std::string& name) { return find_registered("model", rows(), name); }

}  // namespace

std::vector<ModelInfo> list_models() { return {rows().begin(), rows().end()}; }

const ModelInfo& find_model(const std::string& name) { return find_row(name); }

Graph build_model(const std::string& name, int64_t classes, int64_t channels) {
  const Row& row = find_row(name);
  GraphBuilder builder(row.name, channels, classes);
  return row.build(builder);
}

}  // namespace retort
