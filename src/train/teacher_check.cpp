#include "train/teacher_check.h"

#include <algorithm>
#include <iomanip>

namespace retort {

namespace {

constexpr int64_t kStored = 4096, kShown = 256;  // samples

void remark_chance(const std::string& name, const std::vector<float>& logits, const std::vector<int64_t>& labels,
                   int64_t classes, const Monitor& monitor) {
  if (labels.empty()) return;
  int64_t right = 0;
  for (size_t i = 0; i < labels.size(); ++i) {
    const auto row = logits.begin() + static_cast<int64_t>(i) * classes;
    right += std::max_element(row, row + classes) - row == labels[i];
  }
  const double accuracy = static_cast<double>(right) / static_cast<double>(labels.size());
  if (accuracy * static_cast<double>(classes) > 1) return;
  monitor.remark(str("the teacher ", name, " is no better than chance: accuracy ", std::fixed, std::setprecision(1),
                     100 * accuracy, "% on ", labels.size(), " samples of ", classes,
                     " classes; see that it was trained, and on classes in this order"));
}

}  // namespace

void check_store(const Labels& store, const Combiner& combiner, const Samples& samples, const std::string& name,
                 const Monitor& monitor) {
  const LabelsInfo& info = store.info();
  std::vector<int64_t> positions, labels;
  const int64_t step = std::max<int64_t>(1, samples.size() / kStored);
  for (int64_t i = 0; i < samples.size() && std::ssize(labels) < kStored; i += step) {
    if (samples.label(i) == kNoLabel) continue;
    positions.push_back(i);
    labels.push_back(samples.label(i));
  }
  std::vector<float> members(info.teachers.size() * positions.size() * static_cast<size_t>(info.classes));
  std::vector<float> logits(positions.size() * static_cast<size_t>(info.classes));
  if (positions.empty()) return;
  store.read(0, positions, members);
  combiner.combine({members.data(), std::ssize(info.teachers), std::ssize(positions), info.classes}, logits.data());
  remark_chance(name, logits, labels, info.classes, monitor);
}

void check_teacher(Model& model, const DataSet& data, const Monitor& monitor) {
  const Samples some = data.val.subset(kShown);
  if (some.size() == 0) return;
  const Predictions members = predict(model, some, {}, {.stop = monitor.stop});
  if (members.samples < some.size()) return;  // stopped
  const Predictions combined = combine(model.combiner(), members, model.name());
  remark_chance(model.name(), combined.logits, combined.labels, combined.classes, monitor);
}

}  // namespace retort
