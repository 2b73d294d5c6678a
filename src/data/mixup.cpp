// Zhang et al. 2018, "mixup: Beyond Empirical Risk Minimization", section 2.
#include "data/mix.h"

namespace retort {

namespace {

class Mixup : public Augment::Step {
 public:
  explicit Mixup(const MixSettings& settings) : settings_(settings) {}
  void apply(Image&, const Preprocess&, Rng&) const override {}
  bool mixes() const override { return true; }
  double mix(std::span<float> image, std::span<const float> other, const ImageShape&, Rng& rng) const override {
    const double share = rng.uniform() < settings_.p ? draw_beta(settings_.alpha, rng) : 1;
    const auto mine = static_cast<float>(share), theirs = static_cast<float>(1 - share);
    for (size_t i = 0; i < image.size(); ++i) image[i] = mine * image[i] + theirs * other[i];
    return share;
  }

 private:
  MixSettings settings_;
};

}  // namespace

AugmentStep mixup_step(Settings& settings) { return std::make_shared<Mixup>(read_mix_settings(settings, 0.2)); }

}  // namespace retort
