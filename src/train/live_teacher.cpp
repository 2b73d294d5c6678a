#include "train/live_teacher.h"

#include <ATen/core/grad_mode.h>

#include <algorithm>

#include "train/input.h"

namespace retort {

LiveTeacher::LiveTeacher(const std::string& ref, const TrainOptions& options, const DataSet& data, Views& views)
    : model_(ref, {.device = options.device, .precision = options.distill->teacher_precision}), views_(views) {
  model_.check_fits(data);
  member_places_.resize(static_cast<size_t>(model_.members()));
  for (const Model::Input& input : model_.inputs()) {
    places_.push_back(views.add(input.preprocess));
    for (const int64_t m : input.members) member_places_[static_cast<size_t>(m)] = places_.back();
  }
}

std::vector<LabelsInfo::Teacher> LiveTeacher::members() const {
  std::vector<LabelsInfo::Teacher> members;
  for (int64_t m = 0; m < model_.members(); ++m) {
    const Model::Member& member = model_.member(m);
    members.push_back({model_name(member.path), member.path, member.hash});
  }
  return members;
}

LossNetwork LiveTeacher::network(int64_t member) {
  const Network& network = model_.network(member);
  const ImageShape& size = model_.member(member).config.preprocess.size;
  return {&network.graph(), {size.channels, size.height, size.width}, [&network](const std::string& name) {
            for (const NamedTensor& p : network.parameters()) {
              if (p.name == name) return p.tensor;
            }
            fail("loss", "the teacher has no parameter '", name, "'");
          }};
}

void LiveTeacher::answer(const Batch& batch, const TeacherAnswer& answer, int64_t looked_at, bool logits) {
  if (logits && answer.features.empty() && answer.member_features.empty()) return all_logits(batch, answer.members);
  const int64_t numel = batch.size * model_.classes();
  for (int64_t m = 0; m < model_.members(); ++m) {
    Taps none, taps = m == looked_at ? answer.features : Taps();
    Taps& own = answer.member_features.empty() ? none : answer.member_features[static_cast<size_t>(m)];
    taps.insert(own.begin(), own.end());
    if (!logits && taps.empty()) continue;
    run(m, taps, logits ? answer.members.data() + m * numel : nullptr);
    if (m == looked_at) {
      for (auto& [tap, features] : answer.features) features = taps.at(tap);
    }
    for (auto& [tap, features] : own) features = taps.at(tap);
  }
}

void LiveTeacher::all_logits(const Batch& batch, std::span<float> members) {
  std::vector<const float*> images;
  for (const size_t place : places_) images.push_back(views_.batch(place).images.data());
  model_.member_logits(images, batch.size, members.data());
}

void LiveTeacher::run(int64_t member, Taps& taps, float* logits) {
  const at::NoGradGuard no_grad;
  Network& network = model_.network(member);
  const ImageShape& size = model_.member(member).config.preprocess.size;
  const Batch& batch = views_.batch(member_places_[static_cast<size_t>(member)]);
  const at::Tensor out = network.forward(images_of(batch, size, network), /*training=*/false, &taps);
  if (!logits) return;
  const at::Tensor here = out.to(at::kCPU, at::kFloat).contiguous();
  std::copy_n(here.const_data_ptr<float>(), here.numel(), logits);
}

}  // namespace retort
