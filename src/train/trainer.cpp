#include "train/trainer.h"

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

Network make_network(const TrainOptions& options, const DataSet& data, const ImageShape& size,
                     const std::optional<Pretrained>& pretrained, const Monitor& monitor, bool resume) {
  Graph graph = build_model(options.model, data.classes(), size.channels, size.height);
  infer_shapes(graph, {size.channels, size.height, size.width});  // refuses images too small
  const bool load = pretrained && !resume;
  Network network(
      std::move(graph),
      {.device = options.device, .precision = parse_precision(options.precision), .seed = options.seed, .fill = !load});
  if (load) load_pretrained(network, *pretrained, monitor);
  freeze(network, options.freeze, options.freeze_bn);
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
          .lr_scale = lr_scales(graph, options)};
}

LoaderOptions loader_options(const TrainOptions& options, const DataSet& data, int threads) {
  return {.batch = options.batch,
          .shuffle = true,
          .drop_last = true,
          .seed = options.seed,
          .view_seed = options.view_seed,
          .augment = Augment(options.augment),
          .workers = loader_workers(data, threads)};
}

// "train resnet20", with the run's name where that says more.
std::string task_of(const TrainOptions& options) {
  const std::string name = fs::path(options.out).filename().string();
  const std::string what = name.starts_with(options.model) ? name : options.model + " (" + name + ")";
  return verb_of(options) + " " + what;
}

std::vector<NamedTensor> all_of(const std::vector<std::vector<NamedTensor>>& lists) {
  std::vector<NamedTensor> all;
  for (const auto& list : lists) all.insert(all.end(), list.begin(), list.end());
  return all;
}

std::string fixed(double value, int digits) { return str(std::fixed, std::setprecision(digits), value); }

}  // namespace

Trainer::Trainer(TrainOptions options, DataSet data, const std::shared_ptr<const Labels>& store, const Monitor& monitor,
                 bool resume)
    : options_(std::move(options)),
      monitor_(monitor),
      resume_(resume),
      threads_(resolve_threads(options_.threads)),
      data_(std::move(data)),
      samples_(data_.train),
      pretrained_(open_pretrained(options_, monitor_)),
      preprocess_(training_preprocess(options_, data_, pretrained_ ? &pretrained_->config : nullptr)),
      loader_options_(loader_options(options_, data_, threads_)),
      teacher_(options_.distill
                   ? std::optional(make_teacher(options_, store, {data_, samples_, preprocess_, loader_options_}))
                   : std::nullopt),
      network_(make_network(options_, data_, preprocess_.size, pretrained_, monitor_, resume_)),
      objective_(options_, teacher_),
      trainable_(all_of({trainable(network_),
                         objective_.connect(options_, network_, {data_, samples_, preprocess_, loader_options_})})),
      optimizer_(trainable_, optimizer_options(options_, network_.graph())),
      loader_(samples_, preprocess_, loader_options_),
      validation_(data_, preprocess_, loader_options_.workers),
      clock_(threads_, threads_ == 1 && network_.device().is_cpu(), loader_),
      rate_(options_, loader_.batches()),
      snapshots_(snapshot_epochs(options_)),
      meter_(network_.device().is_cpu()),
      task_(task_of(options_)) {
  if (options_.ema > 0) ema_.emplace(network_, options_.ema);
}

TrainResult Trainer::run() {
  if (resume_) {
    load_checkpoint();
  } else {
    make_directory(options_.out);
    save_checkpoint();  // a full disk shows before the work, and there is always one to go on from
  }
  start_records();
  while (state_.epoch < options_.epochs) {
    if (!train_epoch()) {
      TrainResult stopped = result();
      stopped.stopped = true;
      return stopped;
    }
    end_epoch();
  }
  finish();
  return result();
}

std::vector<NamedTensor> Trainer::tensors() const {
  std::vector<NamedTensor> all;
  const auto add = [&all](const std::string& prefix, const std::vector<NamedTensor>& some) {
    for (const NamedTensor& named : some) all.push_back({prefix + named.name, named.tensor});
  };
  add("model.", network_.parameters());
  add("model.", network_.buffers());
  add("optimizer.", optimizer_.state());
  add("", objective_.parameters());
  add("", objective_.buffers());
  if (ema_) add("ema.", ema_->state());
  return all;
}

void Trainer::save_checkpoint() {
  check_losses(/*all=*/true);
  check_weights();
  Json state = state_json(state_);
  state["options"] = options_json(options_);
  state["data_hash"] = data_.hash;
  state["samples_hash"] = samples_.hash();
  write_checkpoint(options_.out, tensors(), state);
  last_checkpoint_ = wall_seconds();
}

void Trainer::load_checkpoint() {
  const Checkpoint checkpoint(options_.out);
  const std::string& where = checkpoint.where();
  const Json& kept = checkpoint.state();
  check_same_options(options_.out, get<Json>(where, kept, "options"), options_json(options_));
  if (get<std::string>(where, kept, "data_hash") != data_.hash ||
      get<std::string>(where, kept, "samples_hash") != samples_.hash()) {
    fail(where, "was made from other data than ", data_.spec, " holds now; start again with another --out");
  }
  state_ = state_from_json(where, kept);
  if (state_.epoch < 0 || state_.epoch > options_.epochs || state_.step < 0 || state_.step > loader_.batches()) {
    fail(where, "epoch ", state_.epoch, ", step ", state_.step, " is out of range; start again with another --out");
  }
  checkpoint.load(tensors());
  last_checkpoint_ = wall_seconds();
}

// What came after the checkpoint is written again when it comes again.
void Trainer::start_records() {
  write_history(options_.out, state_.history, teacher_.has_value());
  events_.emplace(options_.out);
  for (const HistoryRow& row : state_.history) record(row);
}

void Trainer::record(const HistoryRow& row) {
  auto values = values_of(row, teacher_.has_value());
  values.erase(values.begin());  // an event has a time of its own
  events_->add(row.time, row.epoch * loader_.batches(), values);
}

bool Trainer::train_epoch() {
  const int64_t view = view_of_epoch(options_, state_.epoch);
  loader_.start(state_.epoch, view, state_.step);
  objective_.start(state_.epoch, view, state_.step);
  clock_.start();
  while (const Batch* batch = loader_.next()) {
    train_step(*batch);
    ++state_.step;
    state_.images += batch->size;
    check_losses(/*all=*/false);
    if (state_.step < loader_.batches()) tell(/*always=*/false);
    const bool stop = monitor_.stopping();
    if (!stop && wall_seconds() - last_checkpoint_ < options_.checkpoint_seconds) continue;
    stop_clock();
    save_checkpoint();
    if (stop) return false;
    clock_.start();
  }
  stop_clock();
  return true;
}

void Trainer::train_step(const Batch& batch) {
  const at::AutoGradMode gradients(true);
  const at::Tensor images = wrap_images(batch.images.data(), batch.size, preprocess_.size.channels,
                                        preprocess_.size.height, preprocess_.size.width, network_.device());
  Taps taps = objective_.taps();
  const at::Tensor logits = network_.forward(images, /*training=*/true, &taps);
  const LossValue loss = objective_(logits, std::move(taps), batch, state_.epoch);
  loss.total.backward();
  if (options_.clip_grad > 0) clip_gradients(trainable_, options_.clip_grad);
  optimizer_.step(rate_.at(steps_done()));
  if (ema_) ema_->update();
  meter_.add(steps_done(), loss);
}

void Trainer::end_epoch() {
  check_losses(/*all=*/true);
  check_weights();
  const auto steps = static_cast<double>(state_.step);
  HistoryRow row{.epoch = state_.epoch + 1, .time = static_cast<double>(std::time(nullptr))};
  row.train_loss = state_.sums.total / steps;
  if (teacher_) {
    const double alpha = options_.distill->alpha;
    row.distill_loss = state_.sums.distill / steps;
    row.label_loss = alpha < 1 ? (row.train_loss - alpha * row.distill_loss) / (1 - alpha) : 0;
  }
  row.lr = rate_.at(steps_done() - 1);
  const double images = static_cast<double>(std::min(options_.batch, samples_.size())) * steps;
  row.images_per_second = state_.epoch_seconds > 0 ? images / state_.epoch_seconds : 0;

  with_reported_weights([&] {
    val_ = validation_.evaluate(network_);
    if (state_.best_epoch > 0 && val_->accuracy <= state_.best_val_accuracy) return;
    state_.best_epoch = row.epoch;
    state_.best_val_accuracy = val_->accuracy;
    write_model(fs::path(options_.out) / "best", make_config(network_.graph(), data_, preprocess_), network_, result());
  });
  row.val_accuracy = val_->accuracy;
  row.val_nll = val_->nll;
  row.val_ece = val_->ece;

  state_.history.push_back(row);
  state_.epoch += 1;
  state_.step = 0;
  state_.sums = {};
  state_.epoch_seconds = 0;
  write_history(options_.out, state_.history, teacher_.has_value());
  record(row);
  save_snapshot();  // before the checkpoint, after which it would not come again
  save_checkpoint();
  tell(/*always=*/true);
}

void Trainer::save_snapshot() {
  if (!snapshots_.contains(state_.epoch)) return;
  save_run(snapshot_path(options_, state_.epoch), {{"snapshot_of", "../.."}});
}

void Trainer::finish() { save_run(options_.out, Json::object()); }

void Trainer::save_run(const fs::path& directory, Json made) {
  with_reported_weights([&] {
    if (!val_) val_ = validation_.evaluate(network_);  // killed between the last checkpoint and here
    write_model(directory, make_config(network_.graph(), data_, preprocess_), network_, result());
  });
  RunFile run{directory,       options_.distill ? "student" : options_.role, options_json(options_), data_.hash,
              samples_.hash(), precision_name(network_.precision())};
  run.made = std::move(made);
  if (teacher_) {
    run.teachers = teacher_->members;
    run.label_core_seconds = teacher_->label_core_seconds;
  }
  finish_run(run, result());
}

void Trainer::stop_clock() {
  const CostClock::Spent spent = clock_.stop();
  state_.epoch_seconds += spent.wall;
  state_.seconds += spent.wall;
  state_.core_seconds += spent.cpu;
}

void Trainer::check_losses(bool all) {
  if (const auto bad = meter_.read(state_.sums, all)) fail_diverged(str("the loss became ", bad->value), bad->step);
}

// The loss of the last step says nothing of the weights after it.
void Trainer::check_weights() {
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

void Trainer::fail_diverged(const std::string& what, int64_t step) const {
  fail(verb_of(options_), what, " at step ", step + 1, " of ", rate_.steps(), " (epoch ", state_.epoch + 1,
       ", learning rate ", rate_.at(step), "); try a smaller --lr, --clip-grad 1 or --precision f32; the last good ",
       "checkpoint is ", checkpoint_path(options_.out).string());
}

template <class Use>
void Trainer::with_reported_weights(const Use& use) {
  if (ema_) ema_->swap();
  use();
  if (ema_) ema_->swap();
}

TrainResult Trainer::result() const {
  TrainResult r{.run = options_.out};
  r.epochs = state_.epoch;
  r.samples_per_epoch = loader_.batches() * std::min(options_.batch, samples_.size());
  r.images_per_second = state_.seconds > 0 ? static_cast<double>(state_.images) / state_.seconds : 0;
  r.core_seconds = state_.core_seconds;
  r.peak_memory = peak_memory_bytes();
  r.val = val_.value_or(Metrics{});
  r.best_epoch = state_.best_epoch;
  r.best_val_accuracy = state_.best_val_accuracy;
  r.snapshots = snapshot_paths(options_, state_.epoch);
  return r;
}

void Trainer::tell(bool always) {
  const double now = wall_seconds();
  if (!always && now - last_told_ < kTellSeconds) return;
  last_told_ = now;
  const int64_t per_step = std::min(options_.batch, samples_.size());
  std::string note = str("epoch ", std::min(state_.epoch + 1, options_.epochs), "/", options_.epochs);
  const double loss = state_.step > 0          ? state_.sums.total / static_cast<double>(state_.step)
                      : state_.history.empty() ? 0
                                               : state_.history.back().train_loss;
  note += " loss " + fixed(loss, 3);
  if (!state_.history.empty()) note += " val " + fixed(100 * state_.history.back().val_accuracy, 1) + "%";
  monitor_.tell({task_, steps_done() * per_step, rate_.steps() * per_step, "images", note});
}

}  // namespace retort
