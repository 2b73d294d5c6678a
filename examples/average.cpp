// The average of three models: train three different classifiers, average their logits, compare.
//   average [DIR [SAMPLES [EPOCHS]]]
#include <retort/retort.h>

#include <iostream>

int main(int argc, char** argv) try {
  const std::string dir = argc > 1 ? argv[1] : "runs/average";
  const int64_t samples = argc > 2 ? std::stoll(argv[2]) : 6000;
  const int64_t epochs = argc > 3 ? std::stoll(argv[3]) : 3;

  std::vector<std::string> models;
  for (const std::string name : {"resnet8", "resnet20", "vgg8"}) {
    models.push_back(dir + "/" + name);
    retort::train({.model = name, .out = models.back(), .samples = samples, .epochs = epochs});
  }
  retort::fit_ensemble({.members = models, .method = "mean_logits", .out = dir + "/average"});
  models.push_back(dir + "/average");

  std::cout << retort::to_text(retort::compare({.models = models, .measure_speed = false})) << '\n';
} catch (const std::exception& error) {
  std::cerr << error.what() << '\n';
  return 1;
}
