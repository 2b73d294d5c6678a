#include "train/teacher.h"

#include "model/model_files.h"
#include "train/options.h"
#include "train/teacher_features.h"

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

Teacher stored_teacher(const DistillOptions& options, const std::shared_ptr<const Labels>& store, const DataSet& data,
                       const Samples& samples) {
  const LabelsInfo& info = store->info();
  ModelFiles files;
  if (!options.teacher.empty()) files = read_model_files(options.teacher);
  std::vector<LabelsInfo::Teacher> teachers;
  for (const auto& [ref, hash] : files.networks) teachers.push_back({model_name(ref), ref, hash});
  // Augmentation, seed and views were taken from the store.
  check_labels(options.labels, info,
               {.data = data.spec,
                .data_hash = data.hash,
                .samples_hash = samples.hash(),
                .split = samples.split,
                .samples = samples.size(),
                .classes = data.classes(),
                .augment = info.augment,
                .seed = info.seed,
                .teachers = std::move(teachers)});
  std::shared_ptr<const Combiner> combiner = std::move(files.combiner);
  if (!combiner) combiner = store_combiner(options.combiner);
  const auto count = static_cast<int64_t>(info.teachers.size());
  auto read = [store, combiner, count](const Batch& batch, std::span<float> members, std::span<float> out) {
    store->read(batch.view, batch.positions, members);
    combiner->combine({members.data(), count, batch.size, store->info().classes}, out.data());
  };
  return {.logits = std::move(read), .members = info.teachers, .label_core_seconds = info.core_seconds};
}

// A model that runs beside the students.
class LiveTeacher {
 public:
  LiveTeacher(const TrainOptions& options, const DataSet& data, Views& views)
      : model_(options.distill->teacher, {.device = options.device, .precision = options.distill->teacher_precision}),
        views_(views) {
    model_.check_fits(data);
    for (const Model::Input& input : model_.inputs()) places_.push_back(views.add(input.preprocess));
  }

  const Model& model() const { return model_; }

  void logits(const Batch& batch, std::span<float> members, std::span<float> out) {
    std::vector<const float*> images;
    for (const size_t place : places_) images.push_back(views_.batch(place).images.data());
    model_.member_logits(images, batch.size, members.data());
    model_.combiner().combine({members.data(), model_.members(), batch.size, model_.classes()}, out.data());
  }

 private:
  Model model_;
  const Views& views_;
  std::vector<size_t> places_;  ///< of each of the model's inputs
};

Teacher live_teacher(const TrainOptions& options, const DataSet& data, Views& views) {
  const auto live = std::make_shared<LiveTeacher>(options, data, views);
  Teacher teacher{.logits = [live](const Batch& batch, std::span<float> members, std::span<float> out) {
    live->logits(batch, members, out);
  }};
  for (int64_t m = 0; m < live->model().members(); ++m) {
    const Model::Member& member = live->model().member(m);
    teacher.members.push_back({model_name(member.path), member.path, member.hash});
  }
  return teacher;
}

}  // namespace

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
                     Views& views, bool features) {
  Teacher teacher =
      store ? stored_teacher(*options.distill, store, data, views.samples()) : live_teacher(options, data, views);
  if (features) teacher.features = std::make_shared<TeacherFeatures>(options, views);
  return teacher;
}

}  // namespace retort
