#include "report/evaluator.h"

#include "base/machine.h"

namespace retort {

Evaluator::Evaluator(const CompareOptions& options, const Monitor& monitor)
    : options_(options), monitor_(monitor), data_(open_data(options.data)) {}

const Samples& Evaluator::samples(const std::string& split) {
  const auto known = samples_.find(split);
  if (known != samples_.end()) return known->second;
  Samples samples = data_.split(split);
  if (options_.skip_broken) samples = without_broken(samples, usable_cores(), monitor_);
  return samples_.emplace(split, std::move(samples)).first->second;
}

Model Evaluator::open(const std::string& path) const {
  Model model(path, options_.bench.model, monitor_);
  model.check_fits(data_);
  return model;
}

bool Evaluator::knows(const Model& model, const std::string& split) const {
  for (int64_t m = 0; m < model.members(); ++m) {
    if (!known_.contains({split, model.member(m).hash})) return false;
  }
  return true;
}

std::optional<Predictions> Evaluator::members(Model& model, const std::string& split) {
  if (!knows(model, split)) {
    const Predictions p = predict(model, data_, samples(split), {}, monitor_);
    if (p.samples < samples(split).size()) return std::nullopt;
    for (int64_t m = 0; m < model.members(); ++m) known_.insert_or_assign({split, model.member(m).hash}, p.only(m));
  }
  std::vector<Predictions> parts;
  for (int64_t m = 0; m < model.members(); ++m) parts.push_back(known_.at({split, model.member(m).hash}));
  return align(parts);
}

std::optional<Predictions> Evaluator::combined(Model& model, const std::string& split) {
  const std::optional<Predictions> parts = members(model, split);
  if (!parts) return std::nullopt;
  return combine(model.combiner(), *parts, model.name());
}

}  // namespace retort
