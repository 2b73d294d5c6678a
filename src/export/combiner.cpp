#include "export/combiner.h"

#include <algorithm>
#include <cmath>

#include "ensemble/linear.h"

namespace retort {

namespace {

using Names = std::vector<std::string>;

/// Where a combiner's nodes and constants are put, with what it was fitted to.
struct Place {
  OnnxGraph& out;
  std::string prefix;
  const Fitted& fitted;

  std::string node(const char* type, const Names& inputs, const std::string& name,
                   const std::vector<OnnxAttribute>& attributes = {}) const {
    return out.node(type, inputs, "/" + prefix + name, attributes);
  }
  std::string scalar(const std::string& name, double value) const { return out.scalar(prefix + name, value); }
  std::string floats(const std::string& name, const Shape& shape, std::span<const double> values) const {
    return out.floats(prefix + name, shape, std::vector<float>(values.begin(), values.end()));
  }
  std::string log_softmax(const std::string& x, const std::string& name) const {
    return node("LogSoftmax", {x}, name, {{"axis", int64_t{-1}}});
  }
  /// The fitted numbers of one a member, or `otherwise` for all where there are none.
  std::vector<double> per_member(const std::string& name, size_t members, double otherwise) const {
    const auto it = fitted.find(name);
    return it == fitted.end() ? std::vector<double>(members, otherwise) : it->second.values;
  }
};

std::vector<double> weights_of(const Place& p, size_t members) {
  return p.per_member("weights", members, 1 / static_cast<double>(members));
}

std::string mix_logits(const Place& p, const Names& logits) {
  const std::vector<double> weights = weights_of(p, logits.size());
  Names terms;
  for (size_t m = 0; m < logits.size(); ++m) {
    terms.push_back(p.node("Mul", {logits[m], p.scalar(str("weight", m), weights[m])}, str("weighed", m)));
  }
  return p.node("Sum", terms, "sum");
}

// log sum_m w_m softmax(s_m z_m), as a log-sum-exp less the highest term: probabilities may be below the smallest
// float.
std::string mix_probabilities(const Place& p, const Names& logits, const std::vector<double>& weights,
                              const std::vector<double>& scales) {
  Names terms;
  for (size_t m = 0; m < logits.size(); ++m) {
    if (weights[m] == 0) continue;
    std::string z = logits[m];
    if (scales[m] != 1) z = p.node("Mul", {z, p.scalar(str("scale", m), scales[m])}, str("scaled", m));
    z = p.log_softmax(z, str("log_probabilities", m));
    if (weights[m] != 1) {
      z = p.node("Add", {z, p.scalar(str("log_weight", m), std::log(weights[m]))}, str("weighed", m));
    }
    terms.push_back(z);
  }
  if (terms.size() == 1) return terms[0];
  const std::string highest = p.node("Max", terms, "highest");
  for (size_t k = 0; k < terms.size(); ++k) {
    terms[k] = p.node("Exp", {p.node("Sub", {terms[k], highest}, str("less", k))}, str("share", k));
  }
  return p.node("Add", {p.node("Log", {p.node("Sum", terms, "sum")}, "log"), highest}, "mixed");
}

std::string weighted_probabilities(const Place& p, const Names& logits) {
  return mix_probabilities(p, logits, weights_of(p, logits.size()), std::vector<double>(logits.size(), 1.0));
}

std::string tempered(const Place& p, const Names& logits) {
  std::vector<double> scales = p.per_member("temperatures", logits.size(), 1);
  for (double& s : scales) s = 1 / s;
  return mix_probabilities(p, logits, std::vector<double>(logits.size(), 1 / static_cast<double>(logits.size())),
                           scales);
}

// The linear heads on log-probabilities (ensemble/linear.h).
std::string linear(const Place& p, const Names& logits) {
  const bool cross = p.fitted.contains("matrix");
  const Numbers& weights = p.fitted.at(cross ? "matrix" : "class_weights");
  const int64_t classes = weights.shape.at(1);
  const std::string bias = p.floats("bias", {classes}, p.fitted.at("bias").values);
  const std::string lowest = p.scalar("lowest", kLowestLogProbability);
  Names features;
  for (size_t m = 0; m < logits.size(); ++m) {
    const std::string logs = p.log_softmax(logits[m], str("log_probabilities", m));
    features.push_back(p.node("Max", {logs, lowest}, str("features", m)));
  }
  if (cross) {
    const Shape shape{std::ssize(logits) * classes, classes};
    const std::string all = p.node("Concat", features, "features", {{"axis", int64_t{1}}});
    return p.node("Gemm", {all, p.floats("matrix", shape, weights.values), bias}, "head");
  }
  for (size_t m = 0; m < features.size(); ++m) {
    const auto own = std::span(weights.values).subspan(m * static_cast<size_t>(classes), static_cast<size_t>(classes));
    features[m] = p.node("Mul", {features[m], p.floats(str("class_weights", m), {classes}, own)}, str("weighed", m));
  }
  features.push_back(bias);
  return p.node("Sum", features, "head");
}

struct Row {
  std::string name;
  std::string (*lower)(const Place&, const Names& logits);
};

const std::vector<Row>& rows() {
  static const std::vector<Row> table{
      {"mean_logits", mix_logits},
      {"weighted", mix_logits},
      {"mean_probabilities", weighted_probabilities},
      {"greedy", weighted_probabilities},
      {"bma", weighted_probabilities},
      {"tempered", tempered},
      {"class_weighted", linear},
      {"stacking", linear},
      {"temperature", tempered},
      {"vector_scaling", linear},
      {"dirichlet", linear},
  };
  return table;
}

}  // namespace

std::string lower_combiner(OnnxGraph& out, const std::string& spec, const Fitted& fitted,
                           const std::vector<std::string>& logits, const std::string& prefix) {
  const std::string name = Spec::parse("export", spec).name;
  std::vector<std::string> known;
  for (const Row& row : rows()) {
    if (row.name == name) return row.lower({out, prefix, fitted}, logits);
    known.push_back(row.name);
  }
  fail_usage("export", "'", name, "' has no ONNX nodes; those that have: ", join(known),
             "; fit the ensemble again with one of them, or export its members one by one");
}

}  // namespace retort
