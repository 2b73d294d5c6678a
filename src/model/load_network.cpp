#include "model/load_network.h"

#include "base/file.h"
#include "retort/zoo.h"
#include "zoo/buildable.h"

namespace retort {

Network load_network(const fs::path& directory, const ModelConfig& config, const ModelOptions& options) {
  check_buildable(directory.string(), config.architecture, config.global_pool);
  const ImageShape& size = config.preprocess.size;
  Network network(build_model(config.architecture, config.num_classes, size.channels, size.height),
                  {.device = options.device, .precision = parse_precision(options.precision), .fill = false});
  network.load(weights_path(directory));
  return network;
}

}  // namespace retort
