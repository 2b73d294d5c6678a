#include "train/step_profile.h"

#include <iomanip>
#include <numeric>

#include "retort/base.h"

namespace retort {

namespace {

constexpr std::array<const char*, StepProfile::kPhases> kNames = {
    "waiting for data", "teacher", "forward", "loss", "backward", "optimizer, averages", "rest"};

std::string phase_line(const std::string& name, const std::string& ms, const std::string& share) {
  return str("\n", std::left, std::setw(21), name, std::right, std::setw(9), ms, std::setw(9), share);
}

}  // namespace

void StepProfile::lap(Phase phase) {
  if (!gathers()) return;
  const double now = now_();
  seconds_[static_cast<size_t>(phase)] += now - last_;
  last_ = now;
}

bool StepProfile::end_step(int64_t images) {
  if (done()) return false;
  images_ = images;
  ++ended_;
  if (ended_ == kWarmUp) start();
  return done();
}

std::string StepProfile::text() const {
  const int steps = ended_ - kWarmUp;
  if (steps <= 0) return str("profile: the training ended within ", kWarmUp, " steps to warm up; nothing was timed");
  const double total = std::accumulate(seconds_.begin(), seconds_.end(), 0.0);
  const auto ms = [steps](double seconds) { return milliseconds(seconds / steps); };
  std::string text = str("profile of ", steps, " steps of ", images_, " images, ", ms(total), " ms each");
  text += phase_line("phase", "ms", "share");
  for (size_t i = 0; i < kPhases; ++i) text += phase_line(kNames[i], ms(seconds_[i]), share_text(seconds_[i], total));
  text += str("\n", step_heading({"forward", "backward", "share"}));
  double own_backward = 0;
  for (const StepTime& step : this->steps()) {
    const StepCells cells = {ms(step.forward), step.backward > 0 ? ms(step.backward) : "-",
                             share_text(step.forward + step.backward, total)};
    text += str("\n", step_line(step.label, cells));
    own_backward += step.backward;
  }
  const double others = seconds(Phase::backward) - own_backward;
  return str(text, "\nbackward of LibTorch's operations (-), the loss's too: ", ms(others), " ms, ",
             share_text(others, total));
}

}  // namespace retort
