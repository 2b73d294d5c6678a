// Tian, Krishnan, Isola: Contrastive Representation Distillation, ICLR 2020, with the memory banks and the
// constants of the authors' code. Negatives are drawn as a pure function of seed, epoch and sample.
#include <ATen/core/grad_mode.h>
#include <ATen/ops/from_blob.h>

#include <algorithm>
#include <cmath>

#include "base/random.h"
#include "losses/features.h"

namespace retort {

namespace {

struct CrdOptions {
  int64_t dim, negatives;
  double temperature, momentum;
};

/// One network's embeddings, its memory of all samples, and the constant that the other's scores are divided by.
struct Side {
  Side(LossParts& parts, const std::string& name, int64_t in, const CrdOptions& o, int64_t samples)
      : project(parts, name, in, o.dim, /*has_bias=*/true),
        memory(parts.buffer(name + ".memory", {samples, o.dim}, LossParts::Fill::uniform,
                            1 / std::sqrt(static_cast<double>(o.dim) / 3))),
        normalizer(parts.buffer(name + ".normalizer", {1}, LossParts::Fill::constant, 0)) {}
  at::Tensor embed(const at::Tensor& features) const { return unit(project(features), 1); }

  Projection project;
  at::Tensor memory, normalizer;
};

class Crd {
 public:
  Crd(LossParts& parts, const CrdOptions& options)
      : options_(options),
        labels_(parts.labels()),
        seed_(parts.seed()),
        samples_(static_cast<int64_t>(labels_.size())),
        student_(parts, "student", parts.student(0)[0], options, samples_),
        teacher_(parts, "teacher", parts.teacher(0)[0], options, samples_) {}

  at::Tensor operator()(const at::Tensor& s, const at::Tensor& t, const LossInputs& in) const {
    const at::Tensor v_s = student_.embed(s), v_t = teacher_.embed(t);
    const at::Tensor drawn = draw(in).to(s.device());
    const at::Tensor loss =
        contrast(v_s, teacher_, drawn, student_.normalizer).add(contrast(v_t, student_, drawn, teacher_.normalizer));
    const at::Tensor own = drawn.select(1, 0);
    remember(student_.memory, own, v_s);
    remember(teacher_.memory, own, v_t);
    return loss;
  }

 private:
  // A sample without a label is of no other's class but may be of any, so that it is a negative of its like alone.
  bool is_negative(int64_t other, int64_t own) const {
    const int64_t a = labels_[static_cast<size_t>(other)], b = labels_[static_cast<size_t>(own)];
    return b < 0 ? other != own : a >= 0 && a != b;
  }

  // Per sample its own position, then those of negatives, [N, 1 + negatives].
  at::Tensor draw(const LossInputs& in) const {
    const int64_t columns = 1 + options_.negatives;
    std::vector<int64_t> drawn(in.positions.size() * static_cast<size_t>(columns));
    for (size_t i = 0; i < in.positions.size(); ++i) {
      const auto own = static_cast<uint64_t>(in.positions[i]);
      int64_t* row = &drawn[i * static_cast<size_t>(columns)];
      row[0] = in.positions[i];
      Rng rng = stream(seed_, Purpose::sample, static_cast<uint64_t>(in.epoch), own);
      for (int64_t k = 1; k < columns;) {
        row[k] = static_cast<int64_t>(rng.below(labels_.size()));
        k += is_negative(row[k], row[0]);
      }
    }
    return at::from_blob(drawn.data(), {static_cast<int64_t>(in.positions.size()), columns}, at::kLong).clone();
  }

  // Noise contrastive estimation of embeddings [N, D] against the other's memory at `drawn`.
  at::Tensor contrast(const at::Tensor& v, const Side& other, const at::Tensor& drawn, at::Tensor normalizer) const {
    const at::Tensor kept = other.memory.index_select(0, drawn.flatten()).view({drawn.size(0), drawn.size(1), -1});
    const at::Tensor scores = kept.bmm(v.unsqueeze(2)).squeeze(2).div(options_.temperature).exp();
    // Of the first batch, and held from then on.
    if (normalizer.item<double>() == 0) normalizer.fill_(scores.detach().mean().mul(samples_));
    return noise_contrastive(scores.div(normalizer), options_.negatives, samples_);
  }

  void remember(at::Tensor memory, const at::Tensor& positions, const at::Tensor& v) const {
    const at::NoGradGuard no_grad;
    const double old = options_.momentum;
    const at::Tensor mixed = memory.index_select(0, positions).mul(old).add(v.detach(), 1 - old);
    memory.index_copy_(0, positions, unit(mixed, 1));
  }

  CrdOptions options_;
  std::vector<int64_t> labels_;
  uint64_t seed_;
  int64_t samples_;
  Side student_, teacher_;
};

}  // namespace

at::Tensor noise_contrastive(const at::Tensor& scores, int64_t negatives, int64_t samples) {
  constexpr double kEps = 1e-7;
  const double noise = static_cast<double>(negatives) / static_cast<double>(samples);
  const at::Tensor real = scores.select(1, 0), fake = scores.slice(1, 1);
  const at::Tensor right = real.div(real.add(noise + kEps)).log();
  const at::Tensor wrong = fake.add(noise + kEps).reciprocal().mul(noise).log().sum(1);
  return right.add(wrong).mean().neg();
}

LossTerm make_crd(Settings& settings) {
  const CrdOptions options{.dim = settings.integer("dim", 128, 1, 1 << 16, "of both embeddings"),
                           .negatives = settings.integer("negatives", 1024, 1, 1 << 20, "samples of other classes"),
                           .temperature = settings.number("tau", 0.07, 1e-3, 10, "of the cosines"),
                           .momentum = settings.number("momentum", 0.5, 0, 1, "of the memory of embeddings")};
  return {{.student = Look::embedding, .teacher = Look::embedding, .form = Looks::Form::pooled},
          [options](LossParts& parts) -> LossTerm::FeatureFunction {
            if (parts.size() != 1) fail_usage("crd", "looks at one pair of taps; ", parts.size(), " given");
            const std::vector<int64_t>& labels = parts.labels();
            if (labels.empty() || std::count(labels.begin(), labels.end(), labels[0]) == std::ssize(labels)) {
              fail_usage("crd", "needs training samples of at least two classes, to contrast them");
            }
            return [crd = Crd(parts, options)](const Features& student, const Features& teacher, const LossInputs& in) {
              return crd(student[0], teacher[0], in);
            };
          }};
}

}  // namespace retort
