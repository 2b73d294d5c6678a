#include "train/options.h"

namespace retort {

Fields fields(TrainOptions& o) {
  return {
      {"data", &o.data, "Data set (see: retort list data)"},
      {"model", &o.model, "Backbone (see: retort list models)"},
      {"out", &o.out, "Run directory to make"},
      {"samples", &o.samples, "Train on a fixed subset of this many samples; 0 is all"},
      {"bag", &o.bag, "Seed of a bootstrap resample of the training samples; 0: none"},
      {"skip_broken", &o.skip_broken, "Look for images that cannot be read, and leave them out"},
      {"epochs", &o.epochs, "Times through the samples"},
      {"batch", &o.batch, "Images a step"},
      {"pretrained", &o.pretrained, "Weights to go on from: a run, a directory of timm's, or a name of the hub"},
      {"freeze", &o.freeze, "Modules that do not learn, by timm's names, such as conv1,bn1,layer1"},
      {"freeze_bn", &o.freeze_bn, "Batch norms keep their statistics, weights and biases"},
      {"layer_decay", &o.layer_decay, "Each layer learns this much slower than the next one, such as 0.75; 1 is off"},
      {"head_lr_scale", &o.head_lr_scale, "Factor of the classifier's learning rate"},
      {"optimizer", &o.optimizer, "sgd (Nesterov momentum), adamw, or dot, which keeps distillation's momentum apart"},
      {"lr", &o.lr, "Peak learning rate; about 0.1 for sgd, 0.002 for adamw"},
      {"momentum", &o.momentum, "Of sgd and dot"},
      {"dot_delta", &o.dot_delta, "Dot's momentum of distillation is so much higher, that of labels lower"},
      {"weight_decay", &o.weight_decay, "Not on norms and biases"},
      {"warmup_epochs", &o.warmup_epochs, "Linear warm-up before the schedule"},
      {"schedule", &o.schedule, "Of the learning rate (see: retort list schedules); some leave snapshots"},
      {"save_every", &o.save_every, "Leave a snapshot of the run every so many epochs; 0: none"},
      {"label_smoothing", &o.label_smoothing, "Share of the label spread over all classes"},
      {"clip_grad", &o.clip_grad, "Largest norm of all gradients; 0 is off"},
      {"ema", &o.ema, "Decay of averaged weights, such as 0.999; 0 is off"},
      {"augment", &o.augment, "Augmentations (see: retort list augmentations); empty is none, auto goes by the data"},
      {"img_size", &o.img_size, "Side of the images it sees; 0: the data's, or the backbone's where images differ"},
      {"views", &o.views, "Cycle through this many views of each sample; 0: a new view every epoch"},
      {"precision", &o.precision, "auto, f32 or bf16; auto is bf16 for nets of dense convolutions where it is fast"},
      {"weight_seed", &o.weight_seed, "Added to --seed for initial weights alone, so that students of one pass differ"},
      {"view_seed", &o.view_seed, "Seed of the views, apart from --seed so that several seeds see the same"},
      {"resume", &o.resume, "Go on from the checkpoint in --out"},
      {"checkpoint_seconds", &o.checkpoint_seconds, "Between two checkpoints; one is also made at every epoch's end"}};
}

Fields fields(DistillOptions& o) {
  return {{"labels", &o.labels, "Soft labels that retort label wrote (fast)"},
          {"teacher", &o.teacher,
           "A run or an ensemble. With labels: its combiner is used; alone: it runs beside the student (slow)"},
          {"combiner", &o.combiner, "How to combine stored members without a teacher"},
          {"loss", &o.loss, "Distillation loss, or several: 'kd + attention:weight=500' (see: retort list losses)"},
          {"temperature", &o.temperature,
           "T of losses that take one, as in alpha * T^2 * KL(teacher || student) + (1 - alpha) * CE; without it the "
           "loss's own, 3 for kd"},
          {"alpha", &o.alpha, "Weight of the distillation term; 1 - alpha is that of the labels"},
          {"teacher_precision", &o.teacher_precision, "Of a teacher that runs beside: auto, f32, bf16"},
          {"quantize", &o.quantize, "int8: train for export --precision int8, from the weights in --pretrained"},
          {"unlabeled", &o.unlabeled, "Data without trusted labels, such as folder:DIR, learnt from the teacher alone"},
          {"unlabeled_samples", &o.unlabeled_samples, "A fixed subset of it; 0 is all"},
          {"feature_teacher", &o.feature_teacher, "Member that gives features: its place, from 0, or name; the first"}};
}

Fields fields(LabelOptions& o) {
  return {{"teacher", &o.teacher, "A run directory or an ensemble"},
          {"data", &o.data, "Data set whose train split is labelled"},
          {"samples", &o.samples, "The same fixed subset as in training; 0 is all"},
          {"skip_broken", &o.skip_broken, "Look for images that cannot be read, and leave them out"},
          {"unlabeled", &o.unlabeled, "Label this data too, for distill --unlabeled"},
          {"unlabeled_samples", &o.unlabeled_samples, "A fixed subset of it; 0 is all"},
          {"features", &o.features, "Keep pooled features of these modules too, such as embedding"},
          {"views", &o.views, "Views of each sample; more than a store has are added to it"},
          {"top", &o.top, "Keep the highest logits of each row alone, such as 32 of 1000; 0 is all"},
          {"augment", &o.augment, "Augmentations that make a view"},
          {"precision", &o.precision, "auto, f32, bf16, or int8 by OpenVINO, with ranges from 300 of the samples"},
          {"runtime", &o.runtime, "What runs the teacher on a CPU: openvino or libtorch"},
          {"out", &o.out, "Directory to make"}};
}

Fields fields(SoupOptions& o) {
  return {{"members", &o.members, "Run directories, two or more; ema takes them in this order"},
          {"method", &o.method, "How they are weighed (see: retort list soups)"},
          {"data", &o.data, "Data set whose val judges, and on whose train batch norms are computed"},
          {"samples", &o.samples, "The fixed subset of train that the members were trained on; 0 is all"},
          {"bn_samples", &o.bn_samples, "Compute batch norms on a fixed subset of so many of those, which is faster"},
          {"batch", &o.batch, "Images a step, as in training"},
          {"augment", &o.augment, "Augmentations, as in training"},
          {"precision", &o.precision, "auto, f32 or bf16"},
          {"skip_broken", &o.skip_broken, "Look for images that cannot be read, and leave them out"},
          {"out", &o.out, "Run directory to make"}};
}

}  // namespace retort
