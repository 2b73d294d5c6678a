#include "train/teacher.h"

#include "base/file.h"

namespace retort {

namespace {

// What a model's files say of it, without loading its networks.
struct TeacherFiles {
  std::vector<LabelsInfo::Teacher> members;
  std::unique_ptr<Combiner> combiner;
};

TeacherFiles read_teacher(const fs::path& path) {
  std::error_code none;
  if (!fs::exists(path / "ensemble.json", none)) {
    const std::string name = path.filename().string();
    return {{{name, path.string(), weights_hash(path)}}, make_combiner("mean_logits")};
  }
  const Ensemble ensemble = load_ensemble(path);
  TeacherFiles files{{}, ensemble.make()};
  for (const Ensemble::Member& member : ensemble.members) {
    files.members.push_back({fs::path(member.path).filename().string(), member.path, member.sha256});
  }
  return files;
}

// Whether a combiner has numbers that are fitted on val, which a store of soft labels lacks.
bool needs_fit(Combiner& combiner) {
  combiner.fit({.members = {"a", "b"},
                .samples = 1,
                .classes = 2,
                .split = "val",
                .ids = {0},
                .labels = {0},
                .logits = {1, 0, 0, 1}});
  return !combiner.weights().empty();
}

std::unique_ptr<Combiner> store_combiner(const std::string& spec) {
  const std::string name = spec.empty() ? "mean_logits" : spec;
  if (needs_fit(*make_combiner(name))) {
    fail_usage("distill --combiner", "'", name, "' has weights that are fitted on val; give the fitted ensemble as ",
               "--teacher, or choose another combiner");
  }
  return make_combiner(name);
}

Teacher stored_teacher(const DistillOptions& options, const std::shared_ptr<const Labels>& store, const DataSet& data,
                       const Samples& samples) {
  const LabelsInfo& info = store->info();
  TeacherFiles files;
  if (!options.teacher.empty()) files = read_teacher(options.teacher);
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
                .teachers = files.members});
  std::shared_ptr<const Combiner> combiner = std::move(files.combiner);
  if (!combiner) combiner = store_combiner(options.combiner);
  const auto members = static_cast<int64_t>(info.teachers.size());
  auto read = [store, combiner, members, parts = std::vector<float>()](const Batch& batch,
                                                                       std::span<float> out) mutable {
    parts.resize(static_cast<size_t>(members) * out.size());
    store->read(batch.view, batch.positions, parts);
    combiner->combine({parts.data(), members, batch.size, store->info().classes}, out.data());
  };
  return {std::move(read), info.teachers, info.core_seconds};
}

Teacher live_teacher(const TrainOptions& options, const DataSet& data) {
  const DistillOptions& distill = *options.distill;
  const auto model = std::make_shared<Model>(
      distill.teacher, ModelOptions{.device = options.device, .precision = distill.teacher_precision});
  model->check_fits(data);
  Teacher teacher;
  for (int64_t m = 0; m < model->members(); ++m) {
    const Model::Member& member = model->member(m);
    teacher.members.push_back({fs::path(member.path).filename().string(), member.path, member.hash});
  }
  teacher.logits = [model, shape = data.shape](const Batch& batch, std::span<float> out) {
    model->logits(batch.images.data(), batch.size, shape, out.data());
  };
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
                     const Samples& samples) {
  return store ? stored_teacher(*options.distill, store, data, samples) : live_teacher(options, data);
}

}  // namespace retort
