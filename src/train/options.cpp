#include "train/options.h"

#include <algorithm>
#include <cmath>
#include <filesystem>
#include <functional>
#include <set>

#include "retort/losses.h"
#include "retort/network.h"
#include "retort/zoo.h"
#include "train/schedule.h"

namespace retort {

namespace {

constexpr int64_t kMaxEpochs = 1'000'000, kMaxBatch = int64_t{1} << 20;
constexpr int64_t kMaxSide = 8192;
constexpr int kMaxThreads = 1024;
constexpr double kMaxTemperature = 1000;

/// Checks the options of one verb.
class Checker {
 public:
  explicit Checker(std::string verb) : verb_(std::move(verb)) {}

  std::string where(std::string_view name) const { return verb_ + " " + flag_name(name); }
  template <class T>
  void require(bool good, std::string_view name, const T& value, std::string_view expected) const {
    if (!good) fail_usage(where(name), "'", value, "' given; expected ", expected);
  }
  void at_least(std::string_view name, int64_t value, int64_t min, int64_t max) const {
    require(value >= min && value <= max, name, value, str(min, " to ", max));
  }
  void above_zero(std::string_view name, double value) const {
    require(std::isfinite(value) && value > 0, name, value, "a number above 0");
  }
  void zero_or_more(std::string_view name, double value) const {
    require(std::isfinite(value) && value >= 0, name, value, "0 or more");
  }
  /// In [0, 1).
  void share(std::string_view name, double value) const {
    require(value >= 0 && value < 1, name, value, "0 or more and below 1");
  }
  void threads_and_device(int threads, const std::string& precision) const {
    at_least("threads", threads, 0, kMaxThreads);
    parse_precision(precision);
  }

 private:
  std::string verb_;
};

// What follows "auto," is checked alone; what "auto" means depends on the data.
void check_augment(const std::string& spec) {
  const std::string prefix = "auto,";
  if (spec != "auto") Augment{spec.starts_with(prefix) ? spec.substr(prefix.size()) : spec};
}

void check_samples(const Checker& check, const TrainOptions& o) {
  constexpr int64_t kMaxFolds = 1000;
  check.at_least("samples", o.samples, 0, INT64_MAX);
  check.require(o.folds == 0 || (o.folds >= 2 && o.folds <= kMaxFolds), "folds", o.folds, str("2 to ", kMaxFolds));
  check.require(o.folds == 0 ? o.fold == 0 : o.fold >= 1 && o.fold <= o.folds, "fold", o.fold,
                o.folds == 0 ? "0 without folds" : str("1 to ", o.folds));
  if (o.distill && !o.distill->unlabeled.empty() && o.folds > 0) {
    fail_usage(check.where("unlabeled"), "given beside folds; leave one of them out");
  }
  if (o.distill && !o.distill->labels.empty() && (o.bag > 0 || o.folds > 0)) {
    fail_usage(check.where("labels"), "given beside a bag or folds; soft labels are those of train as it is; ",
               "leave one of them out, or distil from a teacher that runs beside");
  }
}

void check_unlabeled(const Checker& check, const DistillOptions& d) {
  check.at_least("unlabeled_samples", d.unlabeled_samples, 0, INT64_MAX);
  if (d.alpha == 0) {
    fail_usage(check.where("unlabeled"), "given with --alpha 0, which leaves the teacher out; nobody would speak for ",
               "these samples; give a higher --alpha");
  }
  if (Loss(d.loss).teaches_unlabelled()) return;
  fail_usage(check.where("unlabeled"), "the loss '", d.loss, "' looks at labels, so that samples without them teach ",
             "nothing; add a term that does not, such as kd, or choose another loss");
}

void check_distill(const Checker& check, const DistillOptions& d) {
  if (d.labels.empty() && d.teacher.empty()) {
    fail_usage(check.where("labels"), "neither soft labels nor a teacher given; expected --labels, --teacher or both");
  }
  if (!d.teacher.empty() && !d.combiner.empty()) {
    fail_usage(check.where("combiner"), "given beside --teacher, whose own combiner is used; leave one of them out");
  }
  check.require(d.alpha >= 0 && d.alpha <= 1, "alpha", d.alpha, "0 to 1 (the weight of the distillation term)");
  if (d.temperature) {
    check.require(*d.temperature > 0 && *d.temperature <= kMaxTemperature, "temperature", *d.temperature,
                  str("above 0, up to ", kMaxTemperature));
  }
  parse_precision(d.teacher_precision);
  const std::vector<std::string> maps = d.alpha > 0 ? Loss(d.loss).map_terms() : std::vector<std::string>();
  if (!maps.empty() && d.teacher.empty()) {
    fail_usage(check.where("loss"), "'", maps[0],
               "' looks at the teacher's features, which are computed live; a store ",
               "keeps no more than pooled ones; give --teacher, alone or with --labels");
  }
  if (!d.combiner.empty()) make_combiner(d.combiner);
  if (!d.unlabeled.empty()) check_unlabeled(check, d);
}

void check_quantize(const Checker& check, const TrainOptions& o) {
  const std::string& kind = o.distill->quantize;
  if (kind.empty()) return;
  check.require(kind == "int8", "quantize", kind, "int8, or nothing");
  if (o.pretrained.empty()) {
    fail_usage(check.where("quantize"), "int8 goes on from a student in float32, whose norms it keeps; ",
               "distil one first and give it as --pretrained");
  }
  check.require(o.precision != "bf16", "precision", o.precision, "auto or f32 beside --quantize int8");
}

void check_dot(const Checker& check, const TrainOptions& o) {
  if (!o.distill || o.distill->alpha == 0 || o.distill->alpha == 1) {
    fail_usage(check.where("optimizer"),
               "dot tells distillation's gradients from those of labels; it needs distill and ",
               "an --alpha above 0 and below 1");
  }
  const double most = std::min(o.momentum, 1 - o.momentum);
  check.require(o.dot_delta >= 0 && o.dot_delta <= o.momentum && o.momentum + o.dot_delta < 1, "dot_delta", o.dot_delta,
                str("0 to ", most, ", so that both momenta are in [0, 1)"));
}

void check_optimizer(const Checker& check, const TrainOptions& o) {
  const bool dot = o.optimizer == "dot";
  check.require(dot || o.optimizer == "sgd" || o.optimizer == "adamw", "optimizer", o.optimizer, "sgd, adamw or dot");
  check.above_zero("lr", o.lr);
  check.share("momentum", o.momentum);
  if (dot) check_dot(check, o);
  check.zero_or_more("weight_decay", o.weight_decay);
  check.require(o.warmup_epochs >= 0 && o.warmup_epochs < static_cast<double>(o.epochs), "warmup_epochs",
                o.warmup_epochs, str("0 or more and below --epochs, which is ", o.epochs));
  snapshot_epochs(o);
  check.share("label_smoothing", o.label_smoothing);
  check.zero_or_more("clip_grad", o.clip_grad);
  check.share("ema", o.ema);
  check.require(o.layer_decay > 0 && o.layer_decay <= 1, "layer_decay", o.layer_decay,
                "above 0, up to 1, which is off");
  check.above_zero("head_lr_scale", o.head_lr_scale);
}

// "--lr was 0.1, is 0.05" of each option whose place in JSON, such as "/distill/alpha", is among the `compared`.
std::vector<std::string> options_differences(const Json& before, const Json& now,
                                             const std::function<bool(const std::string&)>& compared) {
  const auto flat = [](const Json& json) { return json.is_object() ? json.flatten() : Json::object(); };
  const Json was = flat(before), is = flat(now);
  Json keys = was;
  keys.update(is);
  const auto text = [](const Json& json, const std::string& key) {
    return json.contains(key) ? json[key].dump() : "-";
  };
  std::vector<std::string> differences;
  for (const auto& item : keys.items()) {
    const std::string& key = item.key();
    if (!compared(key) || text(was, key) == text(is, key)) continue;
    differences.push_back(
        str(flag_name(key.substr(key.rfind('/') + 1)), " was ", text(was, key), ", is ", text(is, key)));
  }
  return differences;
}

}  // namespace

std::string verb_of(const TrainOptions& options) { return options.distill ? "distill" : "train"; }

void check_options(const TrainOptions& o) {
  const Checker check(verb_of(o));
  if (o.out.empty()) fail_usage(check.where("out"), "no run directory given; name one");
  if (o.model.empty()) fail_usage(check.where("model"), "no backbone given; name one, or weights with --pretrained");
  find_model(o.model);
  check_samples(check, o);
  check.at_least("epochs", o.epochs, 1, kMaxEpochs);
  check.at_least("save_every", o.save_every, 0, kMaxEpochs);
  check.at_least("batch", o.batch, 1, kMaxBatch);
  check_optimizer(check, o);
  check_augment(o.augment);
  check.at_least("img_size", o.img_size, 0, kMaxSide);
  check.at_least("views", o.views, 0, INT64_MAX);
  check.threads_and_device(o.threads, o.precision);
  check.zero_or_more("checkpoint_seconds", o.checkpoint_seconds);
  check.require(!o.profile || o.device == "cpu", "device", o.device,
                "cpu beside --profile; elsewhere our clocks would see launches alone");
  check.require(o.role == "member" || o.role == "student", "role", o.role, "member or student");
  if (!o.distill) return;
  check_distill(check, *o.distill);
  check_quantize(check, o);
}

void check_options(const LabelOptions& o) {
  constexpr int64_t kMaxViews = 10'000;
  const Checker check("label");
  check.at_least("top", o.top, 0, INT64_MAX);
  if (o.teacher.empty()) fail_usage(check.where("teacher"), "no teacher given; name a run or an ensemble");
  if (o.out.empty()) fail_usage(check.where("out"), "no directory given; name one");
  check.at_least("samples", o.samples, 0, INT64_MAX);
  check.at_least("unlabeled_samples", o.unlabeled_samples, 0, INT64_MAX);
  check.at_least("views", o.views, 1, kMaxViews);
  check_augment(o.augment);
  const bool int8 = o.precision == "int8";
  check.threads_and_device(o.threads, int8 ? "f32" : o.precision);
  check.require(!int8 || (o.runtime == "openvino" && o.features.empty()), "precision", o.precision,
                "it with --runtime openvino and without --features");
}

void check_options(const SoupOptions& o) {
  const Checker check("soup");
  if (o.out.empty()) fail_usage(check.where("out"), "no run directory given; name one");
  check.at_least("samples", o.samples, 0, INT64_MAX);
  check.at_least("bn_samples", o.bn_samples, 0, INT64_MAX);
  check.at_least("batch", o.batch, 1, kMaxBatch);
  check_augment(o.augment);
  check.threads_and_device(o.threads, o.precision);
}

Json options_json(const TrainOptions& options) {
  TrainOptions o = options;
  Json json = fields_json(fields(o));
  json["folds"] = o.folds;
  json["fold"] = o.fold;
  json["device"] = o.device;
  json["threads"] = o.threads;
  json["seed"] = o.seed;
  json["distill"] = o.distill ? fields_json(fields(*o.distill)) : Json(nullptr);
  return json;
}

void check_several(const std::vector<TrainOptions>& options) {
  std::set<std::string> outs;
  for (const TrainOptions& o : options) {
    if (o.profile && options.size() > 1) {
      fail_usage(verb_of(o), "--profile given for ", options.size(),
                 " trainings at once, which share the machine; profile one of them alone");
    }
    if (!outs.insert(std::filesystem::path(o.out).lexically_normal().string()).second) {
      fail_usage(verb_of(o), "two trainings would write ", o.out, "; give each a directory of its own");
    }
  }
}

void check_pass(const std::vector<TrainOptions>& students) {
  static const std::set<std::string> kShared = {"/data",
                                                "/samples",
                                                "/bag",
                                                "/folds",
                                                "/fold",
                                                "/skip_broken",
                                                "/batch",
                                                "/augment",
                                                "/views",
                                                "/view_seed",
                                                "/seed",
                                                "/device",
                                                "/threads",
                                                "/distill",
                                                "/checkpoint_seconds",
                                                "/distill/labels",
                                                "/distill/teacher",
                                                "/distill/unlabeled",
                                                "/distill/unlabeled_samples",
                                                "/distill/feature_teacher",
                                                "/distill/combiner",
                                                "/distill/teacher_precision"};
  check_several(students);
  const Json first = options_json(students.front());
  for (const TrainOptions& o : students) {
    const std::vector<std::string> differences =
        options_differences(first, options_json(o), [](const std::string& key) { return kShared.contains(key); });
    if (differences.empty()) continue;
    fail_usage(o.out, "differs from ", students.front().out, " in what students of one pass share: ", join(differences),
               "; train them apart");
  }
}

void check_same_options(const std::string& where, const Json& kept, const Json& asked) {
  // What moves with the directory or the machine and leaves the recipe alone.
  static const std::set<std::string> kFree = {"/out", "/threads", "/resume", "/checkpoint_seconds"};
  const std::vector<std::string> differences =
      options_differences(kept, asked, [](const std::string& key) { return !kFree.contains(key); });
  if (differences.empty()) return;
  fail_usage(where, "was begun with other options: ", join(differences), "; give the same ones, or another --out");
}

}  // namespace retort
