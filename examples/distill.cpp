// A student distilled from one teacher: the teacher's soft labels are written once, then the student learns from them.
//   distill [DIR [SAMPLES [EPOCHS]]]
#include <retort/retort.h>

#include <iostream>

int main(int argc, char** argv) try {
  const std::string dir = argc > 1 ? argv[1] : "runs/distill";
  const int64_t samples = argc > 2 ? std::stoll(argv[2]) : 6000;
  const int64_t epochs = argc > 3 ? std::stoll(argv[3]) : 3;
  const std::string teacher = dir + "/teacher", labels = dir + "/labels", student = dir + "/student";

  retort::train({.model = "resnet20", .out = teacher, .samples = samples, .epochs = epochs});
  retort::write_labels({.teacher = teacher, .samples = samples, .views = 2, .out = labels});
  retort::train({.model = "resnet8_half",
                 .out = student,
                 .samples = samples,
                 .epochs = 2 * epochs,
                 .distill = retort::DistillOptions{.labels = labels, .temperature = 3, .alpha = 0.7}});

  std::cout << retort::to_text(retort::compare({.models = {teacher, student}})) << '\n';
} catch (const std::exception& error) {
  std::cerr << error.what() << '\n';
  return 1;
}
