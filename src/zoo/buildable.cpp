#include "zoo/buildable.h"

#include <algorithm>

#include "retort/zoo.h"

namespace retort {

void check_buildable(const std::string& where, const std::string& architecture, const std::string& global_pool) {
  const auto models = list_models();
  const auto info =
      std::find_if(models.begin(), models.end(), [&](const ModelInfo& m) { return m.name == architecture; });
  if (info == models.end()) {
    fail(where, "config.json names the architecture '", architecture,
         "', which this build does not have; see: retort list models");
  }
  // Transformers, which are built for one size of images, answer by their class token; all others average.
  const std::string pool = info->fixed_input_size ? "token" : "avg";
  if (!global_pool.empty() && global_pool != pool) {
    fail(where, "config.json asks ", architecture, " for the pooling '", global_pool, "'; expected '", pool,
         "', which is all that it is built with");
  }
}

}  // namespace retort
