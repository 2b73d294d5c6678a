#include "retort/data.h"

#include <algorithm>
#include <cstring>
#include <functional>
#include <numeric>
#include <span>

#include "base/hash.h"
#include "base/random.h"
#include "data/open.h"

namespace retort {

#define RETORT_DATA(maker, name, help) DataSet open_##maker(const std::string& argument);
#include "data/data.def"
#undef RETORT_DATA

namespace {

using Open = DataSet (*)(const std::string&);

const std::vector<Registered<Open>>& kinds() {
  static const std::vector<Registered<Open>> rows = {
#define RETORT_DATA(maker, name, help) {name, help, open_##maker},
#include "data/data.def"
#undef RETORT_DATA
  };
  return rows;
}

void check_not_empty(const Samples& samples) {
  if (samples.size() > 0) return;
  fail("data", "the ", samples.split, " split is empty; ", samples.source->size(),
       " samples are too few to hold out one in ten; give more");
}

}  // namespace

DataSet open_data(const std::string& spec) {
  const size_t colon = std::min(spec.find(':'), spec.size());
  const auto& kind = find_registered("data", kinds(), spec.substr(0, colon));
  DataSet data = kind.make(spec.substr(std::min(colon + 1, spec.size())));
  data.spec = spec;
  return data;
}

std::vector<ListedItem> list_data() {
  std::vector<ListedItem> items;
  for (const auto& row : kinds()) items.push_back({row.name, row.help, {}});
  return items;
}

Samples DataSet::split(const std::string& name) const {
  Samples all{"all", train.source, {}};
  std::vector<std::string> there;
  bool known = name == "all";
  for (const Samples* samples : {&train, &val, &test}) {
    if (samples->split == name && samples->size() > 0) return *samples;
    known |= samples->split == name;
    if (samples->size() > 0) there.push_back(samples->split);
    if (samples->source == all.source)
      all.indices.insert(all.indices.end(), samples->indices.begin(), samples->indices.end());
  }
  if (!known) fail_usage("data", "split is '", name, "'; expected train, val, test or all");
  if (name != "all") fail_usage(spec, "there is no split ", name, "; give --split ", join(there, " or "));
  if (all.size() < train.size() + val.size() + test.size()) {
    fail_usage(spec, "train and test are kept apart here; give --split ", join(there, " or "), ", not all");
  }
  std::sort(all.indices.begin(), all.indices.end());
  return all;
}

uint64_t sample_id(std::string_view part, int64_t index) {
  return mix64(fnv1a(part) ^ mix64(static_cast<uint64_t>(index)));
}

uint64_t sample_id(std::string_view part, std::string_view path) { return mix64(fnv1a(part) ^ mix64(fnv1a(path))); }

uint64_t split_tenth(uint64_t id) { return stream(0, Purpose::split, id).next() % 10; }

void set_splits(DataSet& data, const std::shared_ptr<const Source>& train, const std::shared_ptr<const Source>& test) {
  data.train = {"train", train, {}};
  data.val = {"val", train, {}};
  for (int64_t i = 0; i < train->size(); ++i)
    (split_tenth(train->id(i)) == 0 ? data.val : data.train).indices.push_back(i);
  data.test = {"test", test, std::vector<int64_t>(static_cast<size_t>(test->size()))};
  std::iota(data.test.indices.begin(), data.test.indices.end(), int64_t{0});
  for (const Samples* samples : {&data.train, &data.val, &data.test}) check_not_empty(*samples);
}

Samples Samples::subset(int64_t count) const {
  if (count <= 0 || count >= size()) return *this;
  std::vector<std::pair<uint64_t, int64_t>> ranked;  // hash of the id, place here
  for (int64_t i = 0; i < size(); ++i) ranked.emplace_back(stream(0, Purpose::subset, id(i)).next(), i);
  std::nth_element(ranked.begin(), ranked.begin() + count, ranked.end());
  ranked.resize(static_cast<size_t>(count));
  std::sort(ranked.begin(), ranked.end(), [](const auto& a, const auto& b) { return a.second < b.second; });
  Samples chosen{split, source, {}};
  for (const auto& [hash, i] : ranked) chosen.indices.push_back(indices[static_cast<size_t>(i)]);
  return chosen;
}

std::string Samples::hash() const {
  std::vector<uint64_t> words;
  words.reserve(2 * indices.size());
  for (int64_t i = 0; i < size(); ++i) {
    words.push_back(id(i));
    words.push_back(static_cast<uint64_t>(label(i)));
  }
  return Sha256().add(std::as_bytes(std::span(words))).hex();
}

}  // namespace retort
