// A weighted ensemble: one weight a member, fitted on the validation split, never on test.
//   weighted [DIR [SAMPLES [EPOCHS]]]
#include <retort/retort.h>

#include <iostream>

int main(int argc, char** argv) try {
  const std::string dir = argc > 1 ? argv[1] : "runs/weighted";
  const int64_t samples = argc > 2 ? std::stoll(argv[2]) : 6000;
  const int64_t epochs = argc > 3 ? std::stoll(argv[3]) : 3;

  const retort::DataSet data = retort::open_data("fashion-mnist");
  std::vector<retort::Model> members;
  for (const std::string name : {"resnet8_half", "resnet20"}) {
    const std::string run = dir + "/" + name;
    retort::train({.model = name, .out = run, .samples = samples, .epochs = epochs});
    members.emplace_back(run);
  }

  std::vector<retort::Predictions> val, test;
  for (retort::Model& member : members) {
    val.push_back(retort::predict(member, data, data.val));
    test.push_back(retort::predict(member, data, data.test));
  }
  const auto weighted = retort::fit_combiner("weighted", retort::align(val));
  const retort::Predictions combined = retort::combine(*weighted, retort::align(test), "weighted");

  const std::vector<double> weights = weighted->fitted().at("weights").values;
  for (size_t m = 0; m < members.size(); ++m) {
    std::cout << members[m].name() << ": weight " << weights[m] << ", test accuracy "
              << retort::evaluate(test[m]).accuracy << '\n';
  }
  std::cout << "weighted ensemble: test accuracy " << retort::evaluate(combined).accuracy << '\n';
} catch (const std::exception& error) {
  std::cerr << error.what() << '\n';
  return 1;
}
