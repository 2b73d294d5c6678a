#include "retort/ensemble.h"

#include <cmath>

#include "ensemble/combiners.h"

namespace retort {

namespace {

constexpr std::string_view kWhere = "ensemble";

using Row = Registered<std::unique_ptr<Combiner> (*)(Settings&)>;

const std::vector<Row>& rows() {
  static const std::vector<Row> table{
#define COMBINER(name, help) {#name, help, make_##name},
#include "ensemble/ensemble.def"
#undef COMBINER
  };
  return table;
}

}  // namespace

std::unique_ptr<Combiner> make_combiner(const std::string& text) {
  const Spec spec = Spec::parse("combiner", text);
  Settings settings(spec.name, spec.values);
  std::unique_ptr<Combiner> combiner = find_registered("combiner", rows(), spec.name).make(settings);
  settings.check_all_read();
  return combiner;
}

std::vector<ListedItem> list_combiners() {
  std::vector<ListedItem> items;
  for (const Row& row : rows()) {
    Settings settings;
    row.make(settings);
    items.push_back({row.name, row.help, settings.declared()});
  }
  return items;
}

void weighted_sum(const MemberLogits& in, std::span<const double> weights, float* out) {
  const int64_t size = in.samples * in.classes;
  for (int64_t i = 0; i < size; ++i) {
    double sum = 0;
    for (size_t m = 0; m < weights.size(); ++m) sum += weights[m] * in.data[static_cast<int64_t>(m) * size + i];
    out[i] = static_cast<float>(sum);
  }
}

MemberLogits view_of(const Predictions& in) { return {in.logits.data(), in.count(), in.samples, in.classes}; }

void check_weights(std::string_view where, std::span<const double> weights, int64_t members) {
  double sum = 0;
  for (double w : weights) {
    if (!(w >= 0)) fail(where, "weight ", w, "; expected 0 or more");
    sum += w;
  }
  if (std::ssize(weights) != members) fail(where, weights.size(), " weights for ", members, " members");
  if (!(std::abs(sum - 1) <= 1e-6)) fail(where, "the weights sum to ", sum, "; expected 1");
}

Predictions combine(const Combiner& combiner, const Predictions& in, const std::string& name) {
  in.check();
  Predictions out{{name}, in.samples, in.classes, in.split, in.data_hash, in.ids, in.labels, {}};
  out.logits.resize(static_cast<size_t>(in.samples * in.classes));
  combiner.combine(view_of(in), out.logits.data());
  return out;
}

std::unique_ptr<Combiner> fit_combiner(const std::string& spec, const Predictions& val) {
  std::unique_ptr<Combiner> combiner = make_combiner(spec);
  if (val.split == "test") {
    fail_usage(kWhere, "predictions of the split test; nothing is ever fitted on test; predict on val");
  }
  if (val.split != "val") {
    fail_usage(kWhere, "predictions of the split '", val.split,
               "'; members have learnt their training samples by heart, so a combiner is fitted on val alone");
  }
  if (val.count() < 2) fail_usage(kWhere, val.count(), " members; an ensemble needs at least two");
  val.check();
  if (val.labels.empty()) fail(kWhere, "the predictions have no labels; a fit needs them");
  combiner->fit(val);
  return combiner;
}

}  // namespace retort
