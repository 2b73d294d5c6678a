#include "data/augment.h"

#include <algorithm>
#include <cstring>

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

AugmentStep make_step(std::string_view text) {
  const Spec spec = Spec::parse("augment", text);
  const auto& row = find_registered("augment", steps(), spec.name);
  Settings settings(spec.name, spec.values);
  AugmentStep step = row.make(settings);
  settings.check_all_read();
  return step;
}

}  // namespace

Augment::Augment(const std::string& spec) : spec_(spec) {
  for (size_t begin = 0; !spec.empty() && begin <= spec.size();) {
    const size_t end = std::min(spec.find(',', begin), spec.size());
    steps_.push_back(make_step(std::string_view(spec).substr(begin, end - begin)));
    begin = end + 1;
  }
}

void Augment::apply(const uint8_t* pixels, ImageShape shape, uint64_t seed, uint64_t id, int64_t view,
                    uint8_t* out) const {
  const auto size = static_cast<size_t>(shape.numel());
  if (view == kPlainView || steps_.empty()) {
    std::memcpy(out, pixels, size);
    return;
  }
  thread_local std::vector<uint8_t> scratch;
  if (scratch.size() < size) scratch.resize(size);
  Rng rng = stream(seed, Purpose::view, id, static_cast<uint64_t>(view));
  for (size_t left = steps_.size(); left > 0; --left) {  // the two buffers take turns, so that the last is `out`
    uint8_t* to = left % 2 == 1 ? out : scratch.data();
    steps_[steps_.size() - left]->apply(pixels, shape, rng, to);
    pixels = to;
  }
}

std::vector<ListedItem> list_augmentations() {
  std::vector<ListedItem> items;
  for (const auto& row : steps()) {
    Settings settings;
    row.make(settings);
    items.push_back({row.name, row.help, settings.declared()});
  }
  return items;
}

}  // namespace retort
