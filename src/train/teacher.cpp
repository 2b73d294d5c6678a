#include "train/teacher.h"

#include <ATen/ops/empty.h>

#include <algorithm>
#include <charconv>

#include "model/model_files.h"
#include "train/live_teacher.h"
#include "train/selection.h"
#include "train/teacher_check.h"

namespace retort {

namespace {

std::unique_ptr<Combiner> store_combiner(const std::string& spec) {
  const std::string name = spec.empty() ? "mean_logits" : spec;
  std::unique_ptr<Combiner> combiner = make_combiner(name);
  if (combiner->needs_fit()) {  // a store of soft labels has no val
    fail_usage("distill --combiner", "'", name, "' has weights that are fitted on val; give the fitted ensemble as ",
               "--teacher, or choose another combiner");
  }
  return combiner;
}

// The member that is asked for by its name, or by its place.
int64_t find_member(const std::string& asked, const std::vector<LabelsInfo::Teacher>& members) {
  if (asked.empty()) return 0;
  std::vector<std::string> names;
  for (const LabelsInfo::Teacher& member : members) names.push_back(member.name);
  const auto named = std::find(names.begin(), names.end(), asked);
  if (named != names.end()) return named - names.begin();
  int64_t place = -1;
  const auto [end, error] = std::from_chars(asked.data(), asked.data() + asked.size(), place);
  const bool whole = error == std::errc() && end == asked.data() + asked.size();
  if (whole && place >= 0 && place < std::ssize(members)) return place;
  fail_usage("distill --feature-teacher", "the teacher has no member '", asked, "'; it has ", join(names),
             "; give a name, or a place from 0 to ", members.size() - 1);
}

// One network of a teacher, with the weights that it is known by.
std::string checked_ref(const std::string& teacher, const ModelFiles::Network& network) {
  if (member_hash(resolve_model(network.ref)) != network.hash) {
    fail(network.ref, "has other weights than those that ", teacher, " was fitted with; fit it again");
  }
  return network.ref;
}

/// A store of soft labels, for these samples.
struct StoredTeacher {
  std::shared_ptr<const Labels> store;
  std::shared_ptr<const Combiner> combiner;
  std::vector<ModelFiles::Network> networks;  ///< of the teacher, where one is given

  StoredTeacher(const DistillOptions& options, std::shared_ptr<const Labels> labels, const DataSet& data);
  const LabelsInfo& info() const { return store->info(); }
  void read_logits(const Batch& batch, const TeacherAnswer& answer) const;
  void read_features(const Batch& batch, int64_t member, Taps& features) const;
  const LabelsInfo::Teacher& member(int64_t m) const { return info().teachers[static_cast<size_t>(m)]; }
};

StoredTeacher::StoredTeacher(const DistillOptions& options, std::shared_ptr<const Labels> labels, const DataSet& data)
    : store(std::move(labels)) {
  ModelFiles files;
  if (!options.teacher.empty()) files = read_model_files(options.teacher);
  std::vector<LabelsInfo::Teacher> teachers;
  for (const auto& [ref, hash] : files.networks) teachers.push_back({model_name(ref), ref, hash});
  LabelsInfo expected = labels_info(data);
  expected.augment = info().augment;  // these were taken from the store
  expected.seed = info().seed;
  expected.teachers = std::move(teachers);
  check_labels(options.labels, info(), expected);
  networks = std::move(files.networks);
  combiner = std::move(files.combiner);
  if (!combiner) combiner = store_combiner(options.combiner);
}

void StoredTeacher::read_logits(const Batch& batch, const TeacherAnswer& answer) const {
  store->read(batch.view, batch.positions, answer.members);
  const auto members = std::ssize(info().teachers);
  combiner->combine({answer.members.data(), members, batch.size, info().classes}, answer.combined.data());
}

void StoredTeacher::read_features(const Batch& batch, int64_t m, Taps& features) const {
  for (auto& [tap, values] : features) {
    const auto& kept = member(m).features;
    const auto it = std::find_if(kept.begin(), kept.end(), [&t = tap](const auto& f) { return f.tap == t; });
    values = at::empty({batch.size, it->length}, at::kFloat);
    store->read_features(m, tap, batch.view, batch.positions,
                         {values.mutable_data_ptr<float>(), static_cast<size_t>(values.numel())});
  }
}

LossNetwork stored_network(const LabelsInfo::Teacher& member) {
  LossNetwork network;
  for (const auto& [tap, length] : member.features) network.stored.emplace_back(tap, length);
  return network;
}

std::vector<LossNetwork> networks_of(LiveTeacher& live) {
  std::vector<LossNetwork> networks;
  for (int64_t m = 0; m < live.model().members(); ++m) networks.push_back(live.network(m));
  return networks;
}

// Logits from a store; features from there too where it has them, else from networks that run.
Teacher stored_teacher(const TrainOptions& options, const std::shared_ptr<const StoredTeacher>& stored,
                       const DataSet& data, Views& views, const LooksOfLosses& looks) {
  const DistillOptions& distill = *options.distill;
  const LabelsInfo& info = stored->info();
  Teacher teacher{.members = info.teachers, .label_core_seconds = info.core_seconds};
  teacher.answer = [stored](const Batch& batch, const TeacherAnswer& answer) { stored->read_logits(batch, answer); };
  if (!looks.features && !looks.members) return teacher;
  const int64_t m = find_member(distill.feature_teacher, info.teachers);
  if (!looks.maps && !looks.members && !stored->member(m).features.empty()) {
    teacher.looked_at = stored_network(stored->member(m));
    teacher.answer = [stored, m](const Batch& batch, const TeacherAnswer& answer) {
      stored->read_logits(batch, answer);
      stored->read_features(batch, m, answer.features);
    };
    return teacher;
  }
  if (distill.teacher.empty()) {
    fail_usage("distill --loss", "'", distill.loss, "' looks at features, and ", distill.labels, " keeps none of '",
               stored->member(m).name, "'; write it with `retort label --features embedding`, or give --teacher");
  }
  const std::string ref =
      looks.members ? distill.teacher : checked_ref(distill.teacher, stored->networks.at(static_cast<size_t>(m)));
  const auto live = std::make_shared<LiveTeacher>(ref, options, data, views);
  const int64_t place = looks.members ? m : 0;
  teacher.looked_at = live->network(place);
  if (looks.members) teacher.networks = networks_of(*live);
  teacher.answer = [stored, live, place](const Batch& batch, const TeacherAnswer& answer) {
    stored->read_logits(batch, answer);
    live->answer(batch, answer, place, /*logits=*/false);
  };
  return teacher;
}

Teacher live_teacher(const TrainOptions& options, const std::shared_ptr<LiveTeacher>& live,
                     const LooksOfLosses& looks) {
  Teacher teacher{.members = live->members()};
  const int64_t m = find_member(options.distill->feature_teacher, teacher.members);
  if (looks.features) teacher.looked_at = live->network(m);
  if (looks.members) teacher.networks = networks_of(*live);
  teacher.answer = [live, m](const Batch& batch, const TeacherAnswer& answer) {
    live->answer(batch, answer, m, /*logits=*/true);
    const Model& model = live->model();
    model.combiner().combine({answer.members.data(), model.members(), batch.size, model.classes()},
                             answer.combined.data());
  };
  return teacher;
}

}  // namespace

LooksOfLosses looks_of(const DistillOptions& options) {
  if (options.alpha == 0) return {};
  const Loss loss(options.loss, options.temperature);
  return {!loss.feature_terms().empty(), !loss.map_terms().empty(), loss.looks_at_members()};
}

void adopt_store(TrainOptions& options, const LabelsInfo& store) {
  if (options.views > store.views) {
    fail_usage("distill --views", options.views, " asked for; the store ", options.distill->labels, " has ",
               store.views, " views of each sample; write more with `retort label --views ", options.views, "`");
  }
  if (options.views == 0) options.views = store.views;
  options.augment = store.augment;
  options.view_seed = store.seed;
}

Teacher make_teacher(const TrainOptions& options, const std::shared_ptr<const Labels>& store, const DataSet& data,
                     Views& views, const LooksOfLosses& looks, const Monitor& monitor) {
  const DistillOptions& distill = *options.distill;
  if (store) {
    const auto stored = std::make_shared<const StoredTeacher>(distill, store, data);
    check_store(*store, *stored->combiner, data.train, distill.labels, monitor);
    return stored_teacher(options, stored, data, views, looks);
  }
  const auto live = std::make_shared<LiveTeacher>(distill.teacher, options, data, views);
  check_teacher(live->model(), data, monitor);
  return live_teacher(options, live, looks);
}

}  // namespace retort
