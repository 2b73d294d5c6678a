#include <cmath>

#include "ensemble/files.h"

namespace retort {

namespace {

Json stage_to_json(const Cascade::Stage& stage) {
  return {{"members", stage.members},
          {"fitted", fitted_to_json(stage.fitted)},
          {"calibration", fitted_to_json(stage.calibration)},
          {"threshold", stage.threshold},
          {"settled", stage.settled}};
}

Cascade::Stage stage_from_json(const std::string& where, const Json& json) {
  return {get<int64_t>(where, json, "members"), fitted_from_json(where, get<Json>(where, json, "fitted")),
          fitted_from_json(where, get<Json>(where, json, "calibration")), get<double>(where, json, "threshold"),
          get<double>(where, json, "settled")};
}

bool is_share(double value) { return value >= 0 && value <= 1; }
bool is_cost(double value) { return value > 0 && std::isfinite(value); }

}  // namespace

void check_cascade(const std::string& where, const Cascade& cascade, int64_t members) {
  int64_t before = 0;
  for (const Cascade::Stage& stage : cascade.stages) {
    if (stage.members <= before || stage.members >= members) {
      fail(where, "a stage of ", stage.members, " members after one of ", before,
           "; expected more, and fewer than all ", members);
    }
    if (!is_share(stage.threshold)) fail(where, "threshold ", stage.threshold, "; expected a probability");
    if (!is_share(stage.settled)) fail(where, "settled ", stage.settled, "; expected a share");
    check_fitted(where, stage.fitted);
    check_fitted(where, stage.calibration);
    before = stage.members;
  }
  if (std::ssize(cascade.costs) != members) {
    fail(where, cascade.costs.size(), " costs of ", members, " members; expected one for each");
  }
  for (const double cost : cascade.costs) {
    if (!is_cost(cost)) fail(where, "a member's cost is ", cost, "; expected more than 0");
  }
  if (!is_share(cascade.val_accuracy) || !is_cost(cascade.val_cost)) {
    fail(where, "val_accuracy ", cascade.val_accuracy, ", val_cost ", cascade.val_cost,
         "; expected a share and more than 0");
  }
}

Json cascade_to_json(const Cascade& cascade) {
  Json stages = Json::array();
  for (const Cascade::Stage& stage : cascade.stages) stages.push_back(stage_to_json(stage));
  return {{"target", cascade.target},
          {"stages", stages},
          {"cost", cascade.cost},
          {"costs", cascade.costs},
          {"val_accuracy", cascade.val_accuracy},
          {"val_cost", cascade.val_cost}};
}

Cascade cascade_from_json(const std::string& file, const Json& json) {
  const std::string where = file + ", cascade";
  Cascade cascade{.stages = {},
                  .target = get<std::string>(where, json, "target"),
                  .cost = get<std::string>(where, json, "cost"),
                  .costs = get<std::vector<double>>(where, json, "costs"),
                  .val_accuracy = get<double>(where, json, "val_accuracy"),
                  .val_cost = get<double>(where, json, "val_cost")};
  for (const Json& stage : get<std::vector<Json>>(where, json, "stages")) {
    cascade.stages.push_back(stage_from_json(str(where, ", stage ", cascade.stages.size() + 1), stage));
  }
  return cascade;
}

}  // namespace retort
