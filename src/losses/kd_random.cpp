// Fukuda et al.: Efficient Knowledge Distillation from an Ensemble of Teachers, Interspeech 2017: each step learns from
// one member, drawn as a pure function of `seed`, the epoch and the batch.
#include "base/random.h"
#include "losses/logits.h"
#include "losses/members.h"

namespace retort {

LossTerm make_kd_random(Settings& settings) {
  const double t = read_temperature(settings, 4);
  const auto seed = static_cast<uint64_t>(settings.integer("seed", 0, 0, 1'000'000'000, "of the draws"));
  return [=](const LossInputs& in) {
    const at::Tensor& members = member_logits(in);
    uint64_t batch = 0;
    for (const int64_t position : in.positions) batch = mix64(batch ^ static_cast<uint64_t>(position));
    Rng rng = stream(seed, Purpose::sample, static_cast<uint64_t>(in.epoch), batch);
    const auto member = static_cast<int64_t>(rng.below(static_cast<uint64_t>(members.size(0))));
    return kd_loss(in.student_logits, members[member], t);
  };
}

}  // namespace retort
