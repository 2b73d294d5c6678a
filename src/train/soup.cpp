#include "train/soup.h"

#include <ATen/core/grad_mode.h>
#include <ATen/ops/zeros_like.h>

#include <algorithm>

#include "base/file.h"
#include "base/machine.h"
#include "model/model_files.h"
#include "model/run_file.h"
#include "retort/zoo.h"
#include "train/batch_norm.h"
#include "train/input.h"
#include "train/options.h"
#include "train/run_dir.h"
#include "train/selection.h"
#include "train/validation.h"
#include "zoo/buildable.h"

namespace retort {

#define SOUP(name, help) SoupMethod name##_soup(Settings& settings);
#include "train/soup.def"
#undef SOUP

namespace {

constexpr const char* kWhere = "soup";

using MakeMethod = SoupMethod (*)(Settings&);

const std::vector<Registered<MakeMethod>>& methods() {
  static const std::vector<Registered<MakeMethod>> rows = {
#define SOUP(name, help) {#name, help, name##_soup},
#include "train/soup.def"
#undef SOUP
  };
  return rows;
}

struct Member {
  fs::path directory;
  ModelConfig config;
};

// What the samples of a training with these options would be.
TrainOptions training_options(const SoupOptions& o, const std::string& model) {
  return {.data = o.data,
          .model = model,
          .out = o.out,
          .samples = o.samples,
          .skip_broken = o.skip_broken,
          .batch = o.batch,
          .augment = o.augment,
          .precision = o.precision,
          .device = o.device,
          .threads = o.threads,
          .seed = o.seed};
}

void check_same_network(const std::string& ref, const ModelConfig& member, const ModelConfig& first) {
  const auto text = [](const ModelConfig& c) {
    const ImageShape& size = c.preprocess.size;
    return str(c.architecture, " of ", c.num_classes, " classes for ", size.channels, "x", size.height, "x",
               size.width);
  };
  if (text(member) != text(first)) {
    fail_usage(ref, "is a ", text(member), "; the first member is a ", text(first),
               "; only weights of one network can be averaged; use retort ensemble");
  }
  if (member.preprocess != first.preprocess || member.label_names != first.label_names) {
    fail_usage(ref, "has another preprocessing or other classes than the first member; use retort ensemble");
  }
}

std::vector<Member> open_members(const std::vector<std::string>& refs, const Monitor& monitor) {
  if (refs.size() < 2) fail_usage(kWhere, refs.size(), " members given; expected at least two");
  std::vector<Member> members;
  for (const std::string& ref : refs) {
    const fs::path directory = resolve_model(ref, monitor);
    check_run(ref, directory);
    check_val_unseen(directory);
    members.push_back({directory, read_config(directory)});
    check_buildable(ref, members.back().config.architecture, members.back().config.global_pool);
    check_same_network(ref, members.back().config, members.front().config);
  }
  return members;
}

/// The network that averages are made in, and what they are judged by.
class Kitchen {
 public:
  Kitchen(const SoupOptions& options, const std::vector<Member>& members, const DataSet& data, const Monitor& monitor)
      : members_(members),
        monitor_(monitor),
        preprocess_(members.front().config.preprocess),
        network_(with_last_batch_statistics(build_model(members.front().config.architecture, data.classes(),
                                                        preprocess_.size.channels, preprocess_.size.height)),
                 {.device = options.device, .precision = parse_precision(options.precision), .fill = false}),
        loader_(data.train.subset(options.bn_samples), preprocess_,
                {.batch = options.batch,
                 .shuffle = true,
                 .drop_last = true,
                 .seed = options.seed,
                 .augment = Augment(resolve_augment(options.augment, data)),
                 .workers = loader_workers(data, resolve_threads(options.threads))}),
        val_(plain_val(data, loader_workers(data, resolve_threads(options.threads)))),
        validation_(preprocess_.size, data.classes()) {
    val_.add(preprocess_);
  }

  Metrics evaluate(const std::vector<double>& weights) {
    fill(weights);
    val_.start(/*epoch=*/0, kPlainView);
    while (val_.next()) validation_.add(network_, val_.batch());
    return validation_.metrics();
  }
  const Network& network() const { return network_; }

 private:
  // A member alone stays as it is, with the statistics of its own training.
  void fill(const std::vector<double>& weights) {
    const auto alone = std::find(weights.begin(), weights.end(), 1.0);
    if (alone != weights.end()) {
      network_.load(weights_path(members_[static_cast<size_t>(alone - weights.begin())].directory));
      return;
    }
    const at::NoGradGuard no_grad;
    std::vector<at::Tensor> live, sums;
    for (const auto* tensors : {&network_.parameters(), &network_.buffers()}) {
      for (const NamedTensor& named : *tensors) {
        if (!named.tensor.is_floating_point()) continue;
        live.push_back(named.tensor);
        sums.push_back(at::zeros_like(named.tensor.to(at::kDouble)));
      }
    }
    for (size_t m = 0; m < members_.size(); ++m) {
      if (weights[m] == 0) continue;
      network_.load(weights_path(members_[m].directory));
      for (size_t i = 0; i < live.size(); ++i) sums[i].add_(live[i].to(at::kDouble), weights[m]);
    }
    for (size_t i = 0; i < live.size(); ++i) live[i].copy_(sums[i]);
    compute_batch_norms(network_, loader_, preprocess_.size, monitor_);
  }

  const std::vector<Member>& members_;
  const Monitor& monitor_;
  Preprocess preprocess_;
  Network network_;
  Loader loader_;
  Views val_;
  Validation validation_;
};

Json members_json(const SoupOptions& options, const std::vector<Member>& members, const std::vector<double>& weights) {
  Json json = Json::array();
  for (size_t m = 0; m < members.size(); ++m) {
    json.push_back({{"path", full_ref(options.members[m], fs::current_path())},
                    {"sha256", weights_hash(members[m].directory)},
                    {"weight", weights[m]}});
  }
  return json;
}

void save(const SoupOptions& options, const Kitchen& kitchen, const std::vector<Member>& members, const DataSet& data,
          const SoupResult& soup, double label_core_seconds) {
  TrainResult result{.run = options.out, .core_seconds = soup.core_seconds, .val = soup.val};
  result.peak_memory = peak_memory_bytes();
  result.best_val_accuracy = soup.val.accuracy;
  make_directory(options.out);
  write_model(options.out, members.front().config, kitchen.network(), result);
  Json asked = options_json(training_options(options, members.front().config.architecture));
  asked["members"] = options.members;
  asked["method"] = options.method;
  asked["bn_samples"] = options.bn_samples;
  finish_run(
      {.directory = options.out,
       .role = "member",
       .options = std::move(asked),
       .data_hash = data.hash,
       .samples_hash = data.train.hash(),
       .precision = precision_name(kitchen.network().precision()),
       .label_core_seconds = label_core_seconds,
       .made = {{"soup", {{"method", options.method}, {"members", members_json(options, members, soup.weights)}}}}},
      result);
}

}  // namespace

SoupMethod make_soup_method(const std::string& text) {
  return make_registered("soup --method", methods(), text, "soup --method ");
}

std::vector<ListedItem> list_soups() { return list_registered(methods()); }

SoupResult make_soup(const SoupOptions& options, const Monitor& monitor) {
  const SoupMethod method = make_soup_method(options.method);
  check_options(options);
  const double begun = process_cpu_seconds();
  const std::vector<Member> members = open_members(options.members, monitor);
  const TrainOptions asked = training_options(options, members.front().config.architecture);
  look_into_run(asked);
  set_threads(resolve_threads(options.threads));
  const DataSet data = select_samples(asked, open_data(options.data), monitor);
  Model(options.members.front(), {.device = options.device}, monitor).check_fits(data);
  Kitchen kitchen(options, members, data, monitor);
  const auto count = static_cast<int64_t>(members.size());
  int64_t judged = 0;
  SoupResult soup{.run = options.out};
  soup.weights = method({count, [&](const std::vector<double>& weights) {
                           const double accuracy = kitchen.evaluate(weights).accuracy;
                           monitor.tell({"soup " + model_name(options.out), ++judged, 2 * count - 1, "averages", ""});
                           return accuracy;
                         }});
  soup.val = kitchen.evaluate(soup.weights);
  const RunCost cost = cost_of_runs(options.members);
  soup.core_seconds = cost.train + process_cpu_seconds() - begun;
  save(options, kitchen, members, data, soup, cost.label);
  return soup;
}

}  // namespace retort
