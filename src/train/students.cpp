#include <algorithm>
#include <filesystem>

#include "retort/train_several.h"
#include "train/run_dir.h"

namespace retort {

std::vector<TrainOptions> students_of(const std::vector<std::string>& models, const TrainOptions& base) {
  check_collection(base);
  const std::vector<std::string> names = student_names(models);
  std::vector<TrainOptions> students(models.size(), base);
  for (size_t i = 0; i < models.size(); ++i) {
    const auto here = models.begin() + static_cast<std::ptrdiff_t>(i);
    students[i].model = models[i];
    students[i].weight_seed += static_cast<uint64_t>(std::count(models.begin(), here, models[i]));
    students[i].out = (std::filesystem::path(base.out) / names[i]).string();
  }
  return students;
}

}  // namespace retort
