#include "retort/predictions.h"

#include <algorithm>
#include <cmath>
#include <unordered_map>

namespace retort {

namespace {

constexpr std::string_view kWhere = "predictions";

size_t index(int64_t i) { return static_cast<size_t>(i); }

// Positions of the samples of `part` in the order of `first`.
std::vector<int64_t> matching(const Predictions& first, const Predictions& part) {
  std::unordered_map<uint64_t, int64_t> position;
  for (int64_t i = 0; i < part.samples; ++i) {
    if (!position.emplace(part.ids[index(i)], i).second) {
      fail(kWhere, "sample ", part.ids[index(i)], " of ", join(part.members), " is there twice; ids must be unique");
    }
  }
  std::vector<int64_t> order;
  for (int64_t i = 0; i < first.samples; ++i) {
    const auto it = position.find(first.ids[index(i)]);
    if (it == position.end()) {
      fail(kWhere, join(part.members), " has no sample ", first.ids[index(i)], ", which ", join(first.members),
           " has; predict both on the same samples");
    }
    if (!first.labels.empty() && !part.labels.empty() && first.labels[index(i)] != part.labels[index(it->second)]) {
      fail(kWhere, "sample ", first.ids[index(i)], " has label ", first.labels[index(i)], " for ", join(first.members),
           " but ", part.labels[index(it->second)], " for ", join(part.members), "; predict both on the same data");
    }
    order.push_back(it->second);
  }
  return order;
}

void check_comparable(const Predictions& first, const Predictions& part) {
  const auto differ = [&](const auto& what, const auto& a, const auto& b) {
    fail(kWhere, join(first.members), " and ", join(part.members), " have different ", what, " (", a, " and ", b,
         "); predict all members on the same samples");
  };
  if (first.data_hash != part.data_hash) differ("data", "hash " + first.data_hash, "hash " + part.data_hash);
  if (first.split != part.split) differ("splits", first.split, part.split);
  if (first.classes != part.classes) differ("numbers of classes", first.classes, part.classes);
  if (first.samples != part.samples) differ("numbers of samples", first.samples, part.samples);
}

}  // namespace

void Predictions::check() const {
  const auto expect = [](const char* what, size_t size, int64_t expected) {
    if (size != index(expected)) fail(kWhere, size, " ", what, "; expected ", expected);
  };
  if (members.empty() || samples <= 0 || classes <= 0) {
    fail(kWhere, count(), " members, ", samples, " samples, ", classes, " classes; expected at least one of each");
  }
  expect("ids", ids.size(), samples);
  if (!labels.empty()) expect("labels", labels.size(), samples);
  expect("logits", logits.size(), count() * samples * classes);
  for (int64_t i = 0; i < static_cast<int64_t>(labels.size()); ++i) {
    if (const int64_t label = labels[index(i)]; label < 0 || label >= classes) {
      fail(kWhere, "label ", label, " of sample ", i, " is out of range; expected 0 to ", classes - 1);
    }
  }
  const auto bad = std::find_if(logits.begin(), logits.end(), [](float z) { return !std::isfinite(z); });
  if (bad != logits.end()) {
    const int64_t row = (bad - logits.begin()) / classes;
    fail(kWhere, "a logit of ", members[index(row / samples)], " for sample ", row % samples, " is ", *bad,
         "; the model has diverged or its weights are damaged");
  }
}

std::span<const float> Predictions::member(int64_t m) const {
  if (m < 0 || m >= count()) fail(kWhere, "no member ", m, "; there are ", count());
  const size_t size = index(samples * classes);
  if (logits.size() != size * members.size()) {
    fail(kWhere, logits.size(), " logits; expected ", size * members.size());
  }
  return std::span(logits).subspan(index(m) * size, size);
}

Predictions Predictions::only(int64_t m) const { return only(std::span(&m, 1)); }

Predictions Predictions::only(std::span<const int64_t> which) const {
  Predictions out{{}, samples, classes, split, data_hash, ids, labels, {}};
  out.logits.reserve(which.size() * index(samples * classes));
  for (const int64_t m : which) {
    const std::span<const float> own = member(m);
    out.members.push_back(members[index(m)]);
    out.logits.insert(out.logits.end(), own.begin(), own.end());
  }
  return out;
}

Predictions Predictions::select(std::span<const int64_t> positions) const {
  Predictions out{members, std::ssize(positions), classes, split, data_hash, {}, {}, {}};
  out.logits.reserve(index(count() * out.samples * classes));
  for (const int64_t position : positions) {
    if (position < 0 || position >= samples) fail(kWhere, "no sample at ", position, "; there are ", samples);
    out.ids.push_back(ids[index(position)]);
    if (!labels.empty()) out.labels.push_back(labels[index(position)]);
  }
  for (int64_t m = 0; m < count(); ++m) {
    const std::span<const float> own = member(m);
    for (const int64_t position : positions) {
      const auto row = own.subspan(index(position * classes), index(classes));
      out.logits.insert(out.logits.end(), row.begin(), row.end());
    }
  }
  return out;
}

Predictions align(std::span<const Predictions> parts) {
  if (parts.empty()) fail(kWhere, "nothing to put side by side; give at least one member");
  for (const Predictions& part : parts) part.check();
  Predictions out = parts[0];
  for (const Predictions& part : parts.subspan(1)) {
    check_comparable(parts[0], part);
    const std::vector<int64_t> order = matching(parts[0], part);
    out.members.insert(out.members.end(), part.members.begin(), part.members.end());
    const Predictions ordered = part.select(order);
    out.logits.insert(out.logits.end(), ordered.logits.begin(), ordered.logits.end());
  }
  return out;
}

}  // namespace retort
