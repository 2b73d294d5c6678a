#include "retort/train.h"

#include <c10/util/Exception.h>

#include "base/file.h"
#include "base/machine.h"
#include "train/input.h"
#include "train/options.h"
#include "train/run_dir.h"
#include "train/selection.h"
#include "train/trainer.h"

namespace retort {

namespace {

TrainResult train_checked(TrainOptions options, const Monitor& monitor) {
  std::shared_ptr<const Labels> store;
  if (options.distill && !options.distill->labels.empty()) {
    store = std::make_shared<const Labels>(options.distill->labels);
    adopt_store(options, store->info());
  }
  DataSet data = open_data(options.data);
  options.augment = resolve_augment(options.augment, data);
  const Found found = look_into_run(options);
  if (found == Found::finished) return read_result(options);
  set_threads(resolve_threads(options.threads));
  data = select_samples(options, std::move(data), monitor);
  return Trainer(std::move(options), std::move(data), store, monitor, found == Found::checkpoint).run();
}

}  // namespace

TrainResult train(const TrainOptions& asked, const Monitor& monitor) {
  TrainOptions options = asked;
  if (options.model.empty() && !options.pretrained.empty()) {
    options.model = read_config(resolve_model(options.pretrained, monitor)).architecture;
  }
  check_options(options);
  try {
    return train_checked(options, monitor);
  } catch (const c10::Error& error) {
    const std::string text = error.what_without_backtrace();
    fail(verb_of(options), "LibTorch failed: ", text.substr(0, text.find('\n')),
         "; where memory ran out, try a smaller --batch");
  }
}

}  // namespace retort
