#include <algorithm>

#include "retort/predictions.h"

namespace retort {

namespace {

// Enough of a hash for a reader to tell two apart.
std::string brief(const std::string& hash) { return hash.substr(0, 12); }

std::string samples_text(const LabelsInfo& info) {
  return str(info.samples, info.split.empty() ? "" : " of the split " + info.split,
             info.data_hash.empty() ? "" : " of data hash " + brief(info.data_hash));
}

std::string teachers_text(const LabelsInfo& info) {
  std::vector<std::string> words;
  for (const LabelsInfo::Teacher& teacher : info.teachers) words.push_back(teacher.name + " " + brief(teacher.hash));
  return join(words);
}

bool same_teachers(const LabelsInfo& a, const LabelsInfo& b) {
  return std::equal(a.teachers.begin(), a.teachers.end(), b.teachers.begin(), b.teachers.end(),
                    [](const auto& x, const auto& y) { return x.hash == y.hash; });
}

}  // namespace

void check_labels(const std::string& where, const LabelsInfo& store, const LabelsInfo& expected) {
  const auto differ = [&](const auto&... parts) {
    fail(where, "the store of soft labels was made ", parts..., "; write one for this run with `retort label`");
  };
  const auto differs = [](const std::string& a, const std::string& b) { return !b.empty() && a != b; };
  const auto counts_differ = [](int64_t a, int64_t b) { return b != 0 && a != b; };
  if (differs(store.data_hash, expected.data_hash)) {
    differ("from other data (", store.data, ", hash ", brief(store.data_hash), "); this run uses ",
           expected.data.empty() ? "data" : expected.data, ", hash ", brief(expected.data_hash));
  }
  if (store.unlabeled_hash != expected.unlabeled_hash) {
    const auto named = [](const LabelsInfo& info) {
      return info.unlabeled.empty() ? "none" : str(info.unlabeled, ", hash ", brief(info.unlabeled_hash));
    };
    differ("with unlabelled data ", named(store), "; this run uses ", named(expected));
  }
  if (differs(store.split, expected.split)) {
    differ("from the split ", store.split, "; this run uses ", expected.split);
  }
  if (differs(store.samples_hash, expected.samples_hash) || counts_differ(store.samples, expected.samples)) {
    differ("from other samples (", samples_text(store), "); this run uses others (", samples_text(expected), ")");
  }
  if (counts_differ(store.classes, expected.classes)) {
    differ("for ", store.classes, " classes; this run has ", expected.classes);
  }
  if (counts_differ(store.views, expected.views)) {
    differ("with ", store.views, " views of each sample; this run uses ", expected.views);
  }
  if (store.augment != expected.augment) {
    differ("with augmentation '", store.augment, "'; this run uses '", expected.augment, "'");
  }
  if (!store.augment.empty() && store.seed != expected.seed) {
    differ("with seed ", store.seed, " for its views; this run uses seed ", expected.seed);
  }
  if (differs(store.precision, expected.precision)) {
    differ("by teachers in ", store.precision, "; this run asks for ", expected.precision);
  }
  if (!expected.teachers.empty() && !same_teachers(store, expected)) {
    differ("by other teachers: ", teachers_text(store), "; this run names ", teachers_text(expected));
  }
}

}  // namespace retort
