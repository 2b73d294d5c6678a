#include "recipe/step.h"

#include "recipe/state.h"

namespace retort {

#define STEP(name) StepKind name##_step();
#include "recipe/steps.def"
#undef STEP

std::string Step::output(const std::string& out) const { return output_hash(out); }

const std::vector<StepKind>& step_kinds() {
  static const std::vector<StepKind> kinds = {
#define STEP(name) name##_step(),
#include "recipe/steps.def"
#undef STEP
  };
  return kinds;
}

}  // namespace retort
