// Both at once: an ensemble of two members is the teacher of one small student, which is compared with the same
// student trained without a teacher.
//   hybrid [DIR [SAMPLES [EPOCHS]]]
#include <retort/retort.h>

#include <iostream>

int main(int argc, char** argv) try {
  const std::string dir = argc > 1 ? argv[1] : "runs/hybrid";
  const int64_t samples = argc > 2 ? std::stoll(argv[2]) : 6000;
  const int64_t epochs = argc > 3 ? std::stoll(argv[3]) : 3;

  std::vector<std::string> members;
  for (const std::string name : {"resnet20", "resnet8"}) {
    members.push_back(dir + "/" + name);
    retort::train({.model = name, .out = members.back(), .samples = samples, .epochs = epochs});
  }
  const std::string ensemble = dir + "/ensemble", labels = dir + "/labels";
  retort::fit_ensemble({.members = members, .method = "weighted", .out = ensemble});
  retort::write_labels({.teacher = ensemble, .samples = samples, .views = 2, .out = labels});

  retort::TrainOptions student{.model = "resnet8_half", .out = dir + "/scratch", .samples = samples};
  student.epochs = 2 * epochs;
  student.views = 2;  // the views that the store holds
  student.role = "student";
  retort::train(student);
  student.out = dir + "/distilled";
  student.distill = retort::DistillOptions{.labels = labels, .teacher = ensemble};
  retort::train(student);

  std::cout << retort::to_text(retort::compare(
                   {.models = {members[0], members[1], ensemble, dir + "/scratch", dir + "/distilled"}}))
            << '\n';
} catch (const std::exception& error) {
  std::cerr << error.what() << '\n';
  return 1;
}
