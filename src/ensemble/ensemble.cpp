#include "retort/ensemble.h"

#include <algorithm>
#include <numeric>

#include "base/machine.h"
#include "ensemble/combiners.h"

namespace retort {

namespace {

constexpr std::string_view kWhere = "ensemble";

using Row = Registered<std::unique_ptr<Combiner> (*)(Settings&)>;

const std::vector<Row>& combiners() {
  static const std::vector<Row> table{
#define COMBINER(name, help) {#name, help, make_##name},
#include "ensemble/ensemble.def"
#undef COMBINER
  };
  return table;
}

const std::vector<Row>& calibrations() {
  static const std::vector<Row> table{
#define CALIBRATION(name, help) {#name, help, make_##name},
#include "ensemble/calibration.def"
#undef CALIBRATION
  };
  return table;
}

std::unique_ptr<Combiner> fit(std::unique_ptr<Combiner> combiner, const Predictions& val, int threads) {
  if (val.split == "test") {
    fail_usage(kWhere, "predictions of the split test; nothing is ever fitted on test; predict on val");
  }
  if (val.split != "val") {
    fail_usage(kWhere, "predictions of the split '", val.split,
               "'; members have learnt their training samples by heart, so ensembles are fitted on val alone");
  }
  val.check();
  if (val.labels.empty()) fail(kWhere, "the predictions have no labels; a fit needs them");
  combiner->fit(val, resolve_threads(threads));
  return combiner;
}

}  // namespace

void Combiner::set_fitted(const Fitted& fitted, int64_t /*members*/) {
  if (!fitted.empty()) fail(kWhere, "fitted numbers are given for a combiner that has nothing to fit");
}

std::unique_ptr<Combiner> make_combiner(const std::string& spec) {
  return make_registered("combiner", combiners(), spec);
}
std::unique_ptr<Combiner> make_calibration(const std::string& spec) {
  return make_registered("calibration", calibrations(), spec);
}
std::vector<ListedItem> list_combiners() { return list_registered(combiners()); }
std::vector<ListedItem> list_calibrations() { return list_registered(calibrations()); }

std::unique_ptr<Combiner> fit_combiner(const std::string& spec, const Predictions& val, int threads) {
  std::unique_ptr<Combiner> combiner = make_combiner(spec);
  if (val.count() < 2) fail_usage(kWhere, val.count(), " members; an ensemble needs at least two");
  return fit(std::move(combiner), val, threads);
}

std::unique_ptr<Combiner> fit_calibration(const std::string& spec, const Predictions& val, int threads) {
  std::unique_ptr<Combiner> calibration = make_calibration(spec);
  if (val.count() != 1) fail_usage(kWhere, val.count(), " members; a calibration is of one; combine them first");
  return fit(std::move(calibration), val, threads);
}

void Combiner::combine_lazily(const LazyMembers& in, float* out) const {
  std::vector<int64_t> all(static_cast<size_t>(in.samples));
  std::iota(all.begin(), all.end(), 0);
  std::vector<float> logits(static_cast<size_t>(in.members * in.samples * in.classes));
  in.run(0, in.members, all, logits.data());
  combine({logits.data(), in.members, in.samples, in.classes}, out);
}

LazyMembers lazy_view(const MemberLogits& in) {
  return {in.members, in.samples, in.classes,
          [in](int64_t first, int64_t last, std::span<const int64_t> positions, float* out) {
            for (int64_t m = first; m < last; ++m) {
              for (const int64_t i : positions) out = std::copy_n(in.row(m, i).data(), in.classes, out);
            }
          }};
}

std::vector<double> shares_run(const Combiner& combiner, const Predictions& in) {
  in.check();
  std::vector<double> shares(in.members.size());
  LazyMembers lazy = lazy_view(view_of(in));
  lazy.run = [&, copy = lazy.run](int64_t first, int64_t last, std::span<const int64_t> positions, float* out) {
    for (int64_t m = first; m < last; ++m) {
      shares[static_cast<size_t>(m)] += static_cast<double>(positions.size()) / static_cast<double>(in.samples);
    }
    copy(first, last, positions, out);
  };
  std::vector<float> out(static_cast<size_t>(in.samples * in.classes));
  combiner.combine_lazily(lazy, out.data());
  return shares;
}

MemberLogits view_of(const Predictions& in) { return {in.logits.data(), in.count(), in.samples, in.classes}; }

Predictions combine(const Combiner& combiner, const Predictions& in, const std::string& name) {
  in.check();
  Predictions out{{name}, in.samples, in.classes, in.split, in.data_hash, in.ids, in.labels, {}};
  out.logits.resize(static_cast<size_t>(in.samples * in.classes));
  combiner.combine(view_of(in), out.logits.data());
  return out;
}

}  // namespace retort
