#include <algorithm>
#include <cmath>

#include "base/softmax.h"
#include "retort/metrics.h"

namespace retort {

namespace {

void check(std::span<const float> teacher, std::span<const float> student, int64_t classes) {
  if (classes < 1 || teacher.empty() || teacher.size() != student.size() ||
      teacher.size() % static_cast<size_t>(classes) != 0) {
    fail("metrics", teacher.size(), " logits of the teacher, ", student.size(), " of the student and ", classes,
         " classes; expected the same samples and classes, at least one of each");
  }
  const auto is_bad = [](float z) { return !std::isfinite(z); };
  if (std::any_of(teacher.begin(), teacher.end(), is_bad) || std::any_of(student.begin(), student.end(), is_bad)) {
    fail("metrics", "a logit is not finite; a model has diverged");
  }
}

double kl_divergence(std::span<const float> teacher, std::span<const float> student) {
  const double log_sum_t = log_sum_exp(teacher), log_sum_s = log_sum_exp(student);
  double kl = 0;
  for (size_t c = 0; c < teacher.size(); ++c) {
    const double log_q = teacher[c] - log_sum_t;
    kl += std::exp(log_q) * (log_q - (student[c] - log_sum_s));
  }
  return kl;
}

}  // namespace

Likeness likeness(std::span<const float> teacher, std::span<const float> student, int64_t classes) {
  check(teacher, student, classes);
  Likeness out;
  const auto width = static_cast<size_t>(classes);
  for (size_t first = 0; first < teacher.size(); first += width) {
    const std::span<const float> t = teacher.subspan(first, width), s = student.subspan(first, width);
    out.same.push_back(highest_of(t) == highest_of(s));
    out.kl.push_back(kl_divergence(t, s));
  }
  return out;
}

}  // namespace retort
