#include "recipe/step.h"

#include "base/hash.h"
#include "recipe/state.h"

namespace retort {

#define STEP(name) StepKind name##_step();
#include "recipe/steps.def"
#undef STEP

std::string Step::output(const std::string& out) const {
  if (parts().empty()) return output_hash(out);
  std::string all;
  for (const std::string& part : parts()) {
    const std::string hash = output_hash(fs::path(out) / part);
    if (hash.empty()) return "";
    all += part + " " + hash + "\n";
  }
  return sha256(all);
}

std::vector<TrainOptions> Step::trainings() const {
  return training() ? std::vector{*training()} : std::vector<TrainOptions>();
}

const std::vector<StepKind>& step_kinds() {
  static const std::vector<StepKind> kinds = {
#define STEP(name) name##_step(),
#include "recipe/steps.def"
#undef STEP
  };
  return kinds;
}

}  // namespace retort
