#include "train/run_state.h"

namespace retort {

Json state_json(const RunState& s) {
  return {{"epoch", s.epoch},
          {"step", s.step},
          {"loss_sum", s.sums.total},
          {"distill_sum", s.sums.distill},
          {"label_sum", s.sums.label},
          {"epoch_seconds", s.epoch_seconds},
          {"seconds", s.seconds},
          {"core_seconds", s.core_seconds},
          {"images", s.images},
          {"best_epoch", s.best_epoch},
          {"best_val_accuracy", s.best_val_accuracy},
          {"history", history_json(s.history)}};
}

RunState state_from_json(const std::string& where, const Json& json) {
  RunState s;
  s.epoch = get<int64_t>(where, json, "epoch");
  s.step = get<int64_t>(where, json, "step");
  s.sums.total = get<double>(where, json, "loss_sum");
  s.sums.distill = get<double>(where, json, "distill_sum");
  s.sums.label = get<double>(where, json, "label_sum");
  s.epoch_seconds = get<double>(where, json, "epoch_seconds");
  s.seconds = get<double>(where, json, "seconds");
  s.core_seconds = get<double>(where, json, "core_seconds");
  s.images = get<int64_t>(where, json, "images");
  s.best_epoch = get<int64_t>(where, json, "best_epoch");
  s.best_val_accuracy = get<double>(where, json, "best_val_accuracy");
  s.history = history_from_json(where, get<Json>(where, json, "history"));
  return s;
}

}  // namespace retort
