#include "data/augment.h"

#include <algorithm>

namespace retort {

namespace {

using MakeStep = AugmentStep (*)(Settings&);

const std::vector<Registered<MakeStep>>& steps() {
  static const std::vector<Registered<MakeStep>> rows = {
#define RETORT_AUGMENT(name, help) {#name, help, name##_step},
#include "data/augment.def"
#undef RETORT_AUGMENT
  };
  return rows;
}

class Sometimes : public Augment::Step {
 public:
  Sometimes(double p, void (*change)(Image&)) : p_(p), change_(change) {}
  void apply(Image& image, const Preprocess&, Rng& rng) const override {
    if (rng.uniform() < p_) change_(image);
  }

 private:
  double p_;
  void (*change_)(Image&);
};

}  // namespace

AugmentStep sometimes(double p, void (*change)(Image&)) { return std::make_shared<Sometimes>(p, change); }

Augment::Augment(const std::string& spec) : spec_(spec) {
  for (size_t begin = 0; !spec.empty() && begin <= spec.size();) {
    const size_t end = std::min(spec.find(',', begin), spec.size());
    AugmentStep step = make_registered("augment", steps(), std::string_view(spec).substr(begin, end - begin));
    if (step->mixes() && mixer_) fail_usage("augment", "'", spec, "' mixes twice; take mixup or cutmix");
    (step->mixes() ? mixer_ : steps_.emplace_back()) = std::move(step);
    begin = end + 1;
  }
}

void Augment::apply(const Picture& picture, const Preprocess& preprocess, uint64_t seed, uint64_t id, int64_t view,
                    Image& out) const {
  if (view == kPlainView || steps_.empty()) {
    picture.read(picture.whole(), out);
    return preprocess.fit(out);
  }
  Rng rng = stream(seed, Purpose::view, id, static_cast<uint64_t>(view));
  steps_.front()->begin(picture, preprocess, rng, out);
  for (size_t i = 1; i < steps_.size(); ++i) steps_[i]->apply(out, preprocess, rng);
  const bool fitted = std::any_of(steps_.begin(), steps_.end(), [](const auto& step) { return step->fits(); });
  if (!fitted) return preprocess.fit(out);
  to_channels(out, preprocess.size.channels);
}

double Augment::mix(std::span<float> image, std::span<const float> other, const ImageShape& shape, uint64_t seed,
                    uint64_t id, int64_t view) const {
  Rng rng = stream(seed, Purpose::mix, id, static_cast<uint64_t>(view));
  return mixer_->mix(image, other, shape, rng);
}

std::vector<ListedItem> list_augmentations() { return list_registered(steps()); }

}  // namespace retort
