/// \file train.h
/// Training a classifier, from labels alone or distilled from teachers, and writing teachers' soft labels.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "retort/metrics.h"
#include "retort/model.h"

namespace retort {

/// The teacher's part in training a student: stored soft labels (fast), or a teacher that runs beside it (slow; gives
/// the same loss on the same views).
struct DistillOptions {
  std::string labels;    ///< a store; its augmentation, view seed and views are the student's
  std::string teacher;   ///< a run or an ensemble; with `labels`: must be the store's, and its combiner is used
  std::string combiner;  ///< of the store's members where no teacher is given; "" is mean_logits
  /// Terms and their weights, such as `kd + dist:weight=2` (losses.h): L of alpha * L + (1 - alpha) * CE.
  std::string loss = "kd";
  /// T of the terms that take one and were not given their own; without it, each has its default, 3 for kd.
  std::optional<double> temperature;
  double alpha = 0.7;                      ///< weight of the distillation term, in [0, 1]
  std::string teacher_precision = "auto";  ///< of a live teacher
  /// Data whose labels are not there or not trusted, behind the training samples in every epoch: the teacher's word
  /// alone counts for them. See open_unlabeled; `data` itself is what `samples` leaves of its train. With `labels`: as
  /// when the store was written.
  std::string unlabeled;
  int64_t unlabeled_samples = 0;  ///< a fixed subset of it; 0 is all
  /// "int8": the student learns as what its export in INT8 computes, from the plain weights in `pretrained` on; the run
  /// keeps the ranges of its values, and is a plain model for all but that export. "": plain.
  std::string quantize;
  /// Which member gives features to losses that look at one: its place, from 0, or name; "" is the first.
  std::string feature_teacher;
};

struct TrainOptions {
  std::string data = "fashion-mnist";
  std::string model = "resnet20";  ///< backbone; "" is that of `pretrained`
  std::string out;                 ///< run directory; must be new, unless `resume`
  int64_t samples = 0;             ///< a fixed subset of train; 0 is all
  uint64_t bag = 0;                ///< seed of a bootstrap resample of the training samples (bagging); 0: none
  int64_t folds = 0, fold = 0;     ///< train and val together without one of K folds, which is val; `fold` from 1
  bool skip_broken = false;        ///< look for images that cannot be read, and leave them out; else they are errors
  int64_t epochs = 6;
  int64_t batch = 128;
  /// Weights to go on from: a run, a model's directory as timm saves it, or a name of the hub; "" starts anew. They
  /// must be of `model`; a classifier of other classes is made anew, a first convolution of other channels adapted.
  std::string pretrained;
  std::vector<std::string> freeze;  ///< modules or parameters by timm's names, with all below them: they do not learn
  bool freeze_bn = false;           ///< batch norms keep statistics, weight and bias (timm's freeze_batch_norm_2d)
  double layer_decay = 1;           ///< each layer learns this much slower than the next one, such as 0.75; 1 is off
  double head_lr_scale = 1;         ///< factor of the classifier's learning rate
  std::string optimizer = "sgd";    ///< "sgd" (Nesterov momentum), "adamw" or "dot" (distillation's momentum apart)
  double lr = 0.1;                  ///< peak; change it with the batch: twice the batch, twice the rate
  double momentum = 0.9;
  double dot_delta = 0.075;         ///< dot's momentum of distillation is so much above that, of labels below
  double weight_decay = 5e-4;       ///< not on norms and biases
  double warmup_epochs = 0.5;       ///< linear from lr / 100 to lr, then the schedule
  std::string schedule = "cosine";  ///< spec, see list_schedules(); some leave snapshots
  int64_t save_every = 0;           ///< epochs between two snapshots beside the schedule's; 0: none
  double label_smoothing = 0;
  double clip_grad = 0;          ///< largest norm of all gradients; 0 is off
  double ema = 0;                ///< decay of the averaged weights, such as 0.999; 0 is off
  std::string augment = "auto";  ///< random crop or random resized crop by the data's kind, and flips
  int64_t img_size = 0;          ///< side of the images that it sees; 0: the data's, the pretrained or the backbone's
  int64_t views = 0;             ///< cycle through this many views of each sample; 0: a new view every epoch
  std::string precision = "auto";
  std::string device = "cpu";
  int threads = 0;                 ///< of this training; 0 is all usable cores
  uint64_t seed = 0;               ///< of weights and order
  uint64_t weight_seed = 0;        ///< added to `seed` for the weights alone
  uint64_t view_seed = 0;          ///< of the views, apart from `seed` so that several seeds share one store
  bool resume = false;             ///< go on from `out/checkpoint`, bit for bit with the same thread count
  double checkpoint_seconds = 60;  ///< also at every epoch
  /// Remark where the time of its steps goes, once some have been made (docs/plan.md). For one training alone, on the
  /// CPU; what it learns stays the same.
  bool profile = false;
  std::string role = "member";  ///< "member" or "student", for reports; "student" wherever `distill` is set
  std::optional<DistillOptions> distill;
};

struct TrainResult {
  std::string run;
  bool stopped = false;  ///< the monitor stopped it; resume goes on
  int64_t epochs = 0, samples_per_epoch = 0;
  double images_per_second = 0;  ///< of the training steps, evaluation left out
  double core_seconds = 0;       ///< processor time, evaluation left out
  int64_t peak_memory = 0;       ///< of the process, bytes
  Metrics val;                   ///< of the last weights (their average where ema is on)
  int64_t best_epoch = 0;        ///< by val accuracy; its weights are in `run/best`
  double best_val_accuracy = 0;
  /// Its loss leaves the scale of logits open (kd_standardized, dist), so that a temperature was fitted on val and is
  /// kept with the run; `val` is without it.
  bool calibrated = false;
  std::vector<std::string> snapshots;  ///< runs that it has left below its own, in the order of epochs
};

/// Trains `options.model` and leaves a run directory (docs/formats.md). Uses only train, and val to report and to pick
/// best. Throws Error: bad options (usage), a NaN loss (the last good checkpoint stays), damaged checkpoints, a store
/// of soft labels that does not match. Several trainings may run side by side on different threads; train_several.h has
/// those that are asked for together.
TrainResult train(const TrainOptions& options, const Monitor& monitor = {});

/// How the learning rate may go, for TrainOptions::schedule.
std::vector<ListedItem> list_schedules();

struct LabelOptions {
  std::string teacher;  ///< a run or an ensemble: each member is kept
  std::string data = "fashion-mnist";
  int64_t samples = 0;            ///< the same fixed subset of train as in training
  bool skip_broken = false;       ///< as in training
  std::string unlabeled;          ///< as in training
  int64_t unlabeled_samples = 0;  ///< as in training
  /// Features to keep beside logits, means over a map's pixels, for losses that look at vectors alone: modules by
  /// timm's names, or "embedding", what the classifier is given.
  std::vector<std::string> features;
  int64_t views = 4;
  int64_t top = 0;  ///< keep the highest logits of each row alone; 0 is all
  std::string augment = "auto";
  uint64_t seed = 0;  ///< of the views
  std::string out;
  std::string precision = "auto", device = "cpu";
  std::string runtime = "openvino";  ///< ModelOptions::runtime; on other devices than the CPU always libtorch
  int threads = 0;  ///< members and views are labelled side by side, one thread each; 0 is all usable cores
};
/// Writes soft labels of every member for `views` views of each training sample. Several processes that are given the
/// same options share the work; shards that are there already stay, so that one that was stopped goes on, and a store
/// of fewer views is added to. Returns what the store says, or nothing where the monitor stopped it.
std::optional<LabelsInfo> write_labels(const LabelOptions& options, const Monitor& monitor = {});

/// What computing rows of a store again has shown.
struct LabelsCheck {
  int64_t rows = 0;
  double largest_difference = 0;  ///< of a kept logit, as a share of its row's largest magnitude (at least 1)
  double tolerance = 0;           ///< what float16, and bf16 where the teachers ran in it, explain
  bool good() const { return largest_difference <= tolerance; }
};
/// Computes `rows` random rows of the store in `options.out` again, by its own account of teachers, views and
/// augmentation; of `options`, data, samples and where it runs are used. Throws Error where the store is damaged or of
/// other data.
LabelsCheck verify_labels(const LabelOptions& options, int64_t rows, const Monitor& monitor = {});

}  // namespace retort
