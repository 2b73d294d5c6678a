#include <gtest/gtest.h>

#include <cmath>
#include <limits>

#include "retort/metrics.h"

namespace retort {
namespace {

TEST(Likeness, OfProbabilitiesAndClasses) {
  // Probabilities 0.8, 0.2 and 0.5, 0.5 of the teacher; 0.6, 0.4 and 0.1, 0.9 of the student.
  const auto log = [](double p) { return static_cast<float>(std::log(p)); };
  const std::vector<float> teacher = {log(0.8), log(0.2), log(0.5), log(0.5)},
                           student = {log(0.6), log(0.4), log(0.1), log(0.9)};
  const Likeness like = likeness(teacher, student, 2);
  EXPECT_EQ(like.same, (std::vector<double>{1, 0}));  // of equal logits the first class is predicted
  ASSERT_EQ(like.kl.size(), 2u);
  EXPECT_NEAR(like.kl[0], 0.8 * std::log(0.8 / 0.6) + 0.2 * std::log(0.2 / 0.4), 1e-6);
  EXPECT_NEAR(like.kl[1], 0.5 * std::log(0.5 / 0.1) + 0.5 * std::log(0.5 / 0.9), 1e-6);
}

TEST(Likeness, ShiftsOfLogitsDoNotCount) {
  const std::vector<float> a = {1, 2, 3, -1, 0, 4}, b = {101, 102, 103, 99, 100, 104};
  for (const double kl : likeness(a, b, 3).kl) EXPECT_NEAR(kl, 0, 1e-9);
}

TEST(Likeness, RefusesWhatCannotBeCompared) {
  const std::vector<float> two = {1, 2}, three = {1, 2, 3}, bad = {1, std::numeric_limits<float>::quiet_NaN()};
  EXPECT_THROW(likeness(two, three, 1), Error);
  EXPECT_THROW(likeness(three, three, 2), Error);
  EXPECT_THROW(likeness({}, {}, 2), Error);
  EXPECT_THROW(likeness(two, two, 0), Error);
  EXPECT_THROW(likeness(two, bad, 2), Error);
}

}  // namespace
}  // namespace retort
