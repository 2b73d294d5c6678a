#include "retort/zoo.h"

#include "zoo/families.h"

namespace retort {

namespace {

struct Row : ModelInfo {
  Graph (*build)(GraphBuilder& b);
};

struct Kind {
  bool depthwise = false, fixed = false;
};

const std::vector<Row>& rows() {
  constexpr Kind dense, depthwise{.depthwise = true}, fixed{.fixed = true};
#define RETORT_MODEL(name, family, pixels, kind, ...)                        \
  Row{{#name, #family, {3, pixels, pixels}, (kind).depthwise, (kind).fixed}, \
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

Graph build_model(const std::string& name, int64_t classes, int64_t channels, int64_t image_size) {
  const Row& row = find_row(name);
  if (image_size < 0) fail_usage(row.name, "images of ", image_size, " pixels; expected a side above 0; correct it");
  const int64_t own_size = image_size == 0 ? row.input_size[1] : image_size;
  GraphBuilder builder(row.name, channels, classes, row.fixed_input_size ? own_size : 0);
  return row.build(builder);
}

}  // namespace retort
