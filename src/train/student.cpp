#include "train/student.h"

#include <ATen/core/grad_mode.h>
#include <ATen/ops/_foreach_norm.h>
#include <ATen/ops/stack.h>
#include <ATen/ops/sum.h>

#include <cmath>
#include <ctime>
#include <iomanip>

#include "base/file.h"
#include "base/machine.h"
#include "retort/zoo.h"
#include "train/checkpoint.h"
#include "train/input.h"
#include "train/options.h"
#include "train/run_dir.h"

namespace retort {

namespace {

constexpr double kTellSeconds = 0.1;

bool for_int8(const TrainOptions& options) { return options.distill && !options.distill->quantize.empty(); }

Network make_network(const TrainOptions& options, const DataSet& data, const ImageShape& size,
                     const std::optional<Pretrained>& pretrained, const Monitor& monitor, bool resume) {
  Graph graph = build_model(options.model, data.classes(), size.channels, size.height);
  infer_shapes(graph, {size.channels, size.height, size.width});  // refuses images too small
  const bool load = pretrained && !resume, int8 = for_int8(options);
  Network network(std::move(graph), {.device = options.device,
                                     .precision = int8 ? Precision::f32 : parse_precision(options.precision),
                                     .seed = options.seed + options.weight_seed,
                                     .fill = !load});
  if (load) load_pretrained(network, *pretrained, monitor);
  freeze(network, options.freeze, options.freeze_bn);
  if (int8) network.quantise();
  return network;
}

std::set<std::string> no_decay(const Graph& graph) {
  std::set<std::string> names;
  for (const Parameter& p : graph.parameters) {
    if (p.no_decay) names.insert(p.name);
  }
  return names;
}

OptimizerOptions optimizer_options(const TrainOptions& options, const Graph& graph) {
  return {.kind = options.optimizer,
          .momentum = options.momentum,
          .weight_decay = options.weight_decay,
          .no_decay = no_decay(graph),
          .lr_scale = lr_scales(graph, options),
          .dot_delta = options.dot_delta};
}

// "train resnet20", with the run's name where that says more.
std::string task_of(const TrainOptions& options) {
  const std::string name = fs::path(options.out).filename().string();
  const std::string what = name.starts_with(options.model) ? name : options.model + " (" + name + ")";
  return verb_of(options) + " " + what;
}

std::string fixed(double value, int digits) { return str(std::fixed, std::setprecision(digits), value); }

}  // namespace

Student::Student(TrainOptions options, const Pass& pass, bool resume)
    : options_(std::move(options)),
      pass_(pass),
      resume_(resume),
      pretrained_(open_pretrained(options_, pass.monitor)),
      preprocess_(training_preprocess(options_, pass.data, pretrained_ ? &pretrained_->config : nullptr)),
      place_(pass.train.add(preprocess_)),
      val_place_(pass.val.add(preprocess_)),
      network_(make_network(options_, pass.data, preprocess_.size, pretrained_, pass.monitor, resume_)),
      objective_(options_),
      trainable_(make_trainable()),
      optimizer_(trainable_, optimizer_options(options_, network_.graph())),
      validation_(preprocess_.size, pass.data.classes()),
      rate_(options_, pass.train.batches()),
      snapshots_(snapshot_epochs(options_)),
      meter_(network_.device().is_cpu()),
      task_(task_of(options_)) {
  if (options_.ema > 0) {
    ema_.emplace(network_, options_.ema);
    optimizer_.keep_averages(ema_->state(), options_.ema);
  }
}

std::vector<NamedTensor> Student::make_trainable() {
  std::vector<NamedTensor> all = trainable(network_);
  if (!pass_.lessons) return all;
  const std::vector<NamedTensor> also =
      objective_.connect(options_, network_, preprocess_.size, pass_.train.samples(), pass_.lessons->teacher());
  pass_.lessons->want(objective_.teacher_taps(), objective_.member_taps());
  all.insert(all.end(), also.begin(), also.end());
  return all;
}

void Student::begin() {
  if (resume_) {
    load_checkpoint();
  } else {
    make_directory(options_.out);
    save_checkpoint();  // a full disk shows before the work, and there is always one to go on from
  }
  start_records();
}

std::vector<NamedTensor> Student::tensors() const {
  std::vector<NamedTensor> all;
  const auto add = [&all](const std::string& prefix, const std::vector<NamedTensor>& some) {
    for (const NamedTensor& named : some) all.push_back({prefix + named.name, named.tensor});
  };
  add("model.", network_.parameters());
  add("model.", network_.buffers());
  add("int8.", network_.ranges());
  add("optimizer.", optimizer_.state());
  add("", objective_.parameters());
  add("", objective_.buffers());
  if (ema_) add("ema.", ema_->state());
  return all;
}

void Student::save_checkpoint() {
  check_losses(/*all=*/true);
  check_weights();
  Json state = state_json(state_);
  state["options"] = options_json(options_);
  state["data_hash"] = pass_.data.hash;
  state["samples_hash"] = pass_.samples_hash;
  state["unlabeled_hash"] = pass_.data.unlabeled_hash;
  write_checkpoint(options_.out, tensors(), state);
}

void Student::load_checkpoint() {
  const Checkpoint checkpoint(options_.out);
  const std::string& where = checkpoint.where();
  const Json& kept = checkpoint.state();
  check_same_options(options_.out, get<Json>(where, kept, "options"), options_json(options_));
  if (get<std::string>(where, kept, "data_hash") != pass_.data.hash ||
      get<std::string>(where, kept, "samples_hash") != pass_.samples_hash ||
      get<std::string>(where, kept, "unlabeled_hash") != pass_.data.unlabeled_hash) {
    fail(where, "was made from other data than ", pass_.data.spec, " holds now; start again with another --out");
  }
  state_ = state_from_json(where, kept);
  if (state_.epoch < 0 || state_.epoch > options_.epochs || state_.step < 0 || state_.step > pass_.train.batches()) {
    fail(where, "epoch ", state_.epoch, ", step ", state_.step, " is out of range; start again with another --out");
  }
  checkpoint.load(tensors());
}

// What came after the checkpoint is written again when it comes again.
void Student::start_records() {
  write_history(options_.out, state_.history, pass_.lessons != nullptr);
  events_.emplace(options_.out);
  for (const HistoryRow& row : state_.history) record(row);
}

void Student::record(const HistoryRow& row) {
  auto values = values_of(row, pass_.lessons != nullptr);
  values.erase(values.begin());  // an event has a time of its own
  events_->add(row.time, row.epoch * pass_.train.batches(), values);
}

void Student::learn(const Lesson* lesson) {
  const double begun = thread_cpu_seconds();
  const at::AutoGradMode gradients(true);
  const StepClock::Scope timed(pass_.profile ? pass_.profile->step_clock() : nullptr);
  const Batch& batch = pass_.train.batch(place_);
  const at::Tensor images = images_of(batch, preprocess_.size, network_);
  Taps taps = objective_.taps();
  const at::Tensor logits = network_.forward(images, /*training=*/true, &taps);
  lap(pass_.profile, Phase::forward);
  const LossValue loss = objective_(logits, std::move(taps), batch, state_.epoch, lesson);
  lap(pass_.profile, Phase::loss);
  if (options_.optimizer == "dot") {
    backward(loss.distill_part, /*keep_graph=*/true);
    optimizer_.take_distill_gradients();
  }
  backward(options_.optimizer == "dot" ? loss.label_part : loss.total, /*keep_graph=*/false);
  optimizer_.step(rate_.at(steps_done()));
  if (ema_) ema_->update_buffers();
  lap(pass_.profile, Phase::optimizer);
  meter_.add(steps_done(), loss);
  ++state_.step;
  state_.images += batch.size;
  own_cpu_ += thread_cpu_seconds() - begun;

  const bool last = state_.step == pass_.train.batches();
  check_losses(/*all=*/last);
  if (last) return check_weights();
  tell(/*always=*/false);
}

void Student::backward(const at::Tensor& loss, bool keep_graph) {
  loss.backward({}, keep_graph);
  lap(pass_.profile, Phase::backward);
  if (options_.clip_grad > 0) optimizer_.clip(options_.clip_grad);
}

void Student::validate() {
  with_reported_weights([&] { validation_.add(network_, pass_.val.batch(val_place_)); });
}

void Student::end_validation() { val_ = validation_.metrics(); }

void Student::end_epoch() {
  const auto steps = static_cast<double>(state_.step);
  HistoryRow row{.epoch = state_.epoch + 1, .time = static_cast<double>(std::time(nullptr))};
  row.train_loss = state_.sums.total / steps;
  if (pass_.lessons) {
    row.distill_loss = state_.sums.distill / steps;
    row.label_loss = state_.sums.label / steps;
  }
  row.lr = rate_.at(steps_done() - 1);
  const double images = static_cast<double>(step_images()) * steps;
  row.images_per_second = state_.epoch_seconds > 0 ? images / state_.epoch_seconds : 0;

  row.val_accuracy = val_->accuracy;
  row.val_nll = val_->nll;
  row.val_ece = val_->ece;
  save_best(row.epoch);

  state_.history.push_back(row);
  state_.epoch += 1;
  state_.step = 0;
  state_.sums = {};
  state_.epoch_seconds = 0;
  write_history(options_.out, state_.history, pass_.lessons != nullptr);
  record(row);
  save_snapshot();  // before the checkpoint, after which it would not come again
  save_checkpoint();
  tell(/*always=*/true);
}

void Student::save_best(int64_t epoch) {
  if (state_.best_epoch > 0 && val_->accuracy <= state_.best_val_accuracy) return;
  state_.best_epoch = epoch;
  state_.best_val_accuracy = val_->accuracy;
  save_weights(fs::path(options_.out) / "best");
}

void Student::save_weights(const fs::path& directory) {
  const ModelConfig config = make_config(network_.graph(), pass_.data, preprocess_);
  with_reported_weights([&] { write_model(directory, config, network_, result()); });
}

void Student::save_snapshot() {
  if (!snapshots_.contains(state_.epoch)) return;
  save_run(snapshot_path(options_, state_.epoch), {{"snapshot_of", "../.."}});
}

void Student::finish() { save_run(options_.out, Json::object()); }

void Student::save_run(const fs::path& directory, Json made) {
  save_weights(directory);
  RunFile run{directory,          options_.distill ? "student" : options_.role, options_json(options_), pass_.data.hash,
              pass_.samples_hash, precision_name(network_.precision())};
  run.made = std::move(made);
  if (pass_.students > 1) run.made["students_of_pass"] = pass_.students;
  if (pass_.lessons) {
    run.teachers = pass_.lessons->teacher().members;
    run.label_core_seconds = pass_.lessons->teacher().label_core_seconds;
  }
  finish_run(run, result());
}

void Student::add_cost(const CostClock::Spent& spent) {
  state_.epoch_seconds += spent.wall;
  state_.seconds += spent.wall;
  state_.core_seconds += spent.cpu;
}

void Student::check_losses(bool all) {
  if (const auto bad = meter_.read(state_.sums, all)) fail_diverged(str("the loss became ", bad->value), bad->step);
}

// The loss of the last step says nothing of the weights after it.
void Student::check_weights() {
  const at::NoGradGuard no_grad;
  std::vector<at::Tensor> numbers;
  for (const auto* named : {&network_.parameters(), &network_.buffers()}) {
    for (const NamedTensor& n : *named) {
      if (n.tensor.is_floating_point()) numbers.push_back(n.tensor);
    }
  }
  const double norms = at::stack(at::_foreach_norm(numbers, 2)).sum().item<double>();
  if (!std::isfinite(norms)) fail_diverged("the weights are no longer finite", steps_done() - 1);
}

void Student::fail_diverged(const std::string& what, int64_t step) const {
  fail(verb_of(options_), what, " at step ", step + 1, " of ", rate_.steps(), " (epoch ", state_.epoch + 1,
       ", learning rate ", rate_.at(step), "); try a smaller --lr, --clip-grad 1 or --precision f32; the last good ",
       "checkpoint is ", checkpoint_path(options_.out).string());
}

template <class Use>
void Student::with_reported_weights(const Use& use) {
  if (ema_) ema_->swap();
  use();
  if (ema_) ema_->swap();
}

int64_t Student::step_images() const { return std::min(options_.batch, pass_.train.samples().size()); }

TrainResult Student::result() const {
  TrainResult r{.run = options_.out};
  r.epochs = state_.epoch;
  r.samples_per_epoch = pass_.train.batches() * step_images();
  r.images_per_second = state_.seconds > 0 ? static_cast<double>(state_.images) / state_.seconds : 0;
  r.core_seconds = state_.core_seconds;
  r.peak_memory = peak_memory_bytes();
  r.val = val_.value_or(Metrics{});
  r.best_epoch = state_.best_epoch;
  r.best_val_accuracy = state_.best_val_accuracy;
  r.snapshots = snapshot_paths(options_, state_.epoch);
  return r;
}

void Student::tell(bool always) {
  const double now = wall_seconds();
  if (!always && now - last_told_ < kTellSeconds) return;
  last_told_ = now;
  std::string note = str("epoch ", std::min(state_.epoch + 1, options_.epochs), "/", options_.epochs);
  const double loss = state_.step > 0          ? state_.sums.total / static_cast<double>(state_.step)
                      : state_.history.empty() ? 0
                                               : state_.history.back().train_loss;
  note += " loss " + fixed(loss, 3);
  if (!state_.history.empty()) note += " val " + fixed(100 * state_.history.back().val_accuracy, 1) + "%";
  pass_.monitor.tell({task_, steps_done() * step_images(), rate_.steps() * step_images(), "images", note});
}

}  // namespace retort
