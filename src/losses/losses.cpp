#include "retort/losses.h"

#include <ATen/ops/stack.h>

#include <algorithm>
#include <cctype>

#include "base/json.h"
#include "losses/features.h"
#include "losses/logits.h"
#include "losses/registry.h"

namespace retort {

namespace {

using MakeTerm = LossTerm (*)(Settings&);

// Settings that every term has come after its own.
LossTerm weighed(LossTerm term, Settings& settings, double weight) {
  term.weight = settings.number("weight", weight, 0, 1e9, "of this term");
  term.warmup = settings.integer("warmup", 0, 0, 1'000'000, "epochs over which the weight grows to its full");
  return term;
}

const std::vector<Registered<MakeTerm>>& losses() {
  static const std::vector<Registered<MakeTerm>> rows = {
#define LOSS(name, weight, help) \
  {#name, help, [](Settings& settings) { return weighed(make_##name(settings), settings, weight); }},
#include "losses/losses.def"
#undef LOSS
  };
  return rows;
}

std::string_view trimmed(std::string_view text) {
  while (text.starts_with(' ')) text.remove_prefix(1);
  while (text.ends_with(' ')) text.remove_suffix(1);
  return text;
}

// Terms stand between plus signs; one before a digit belongs to a number, such as 1e+3.
std::vector<std::string_view> split_terms(std::string_view text) {
  std::vector<std::string_view> terms;
  size_t begin = 0;
  for (size_t i = 0; i < text.size(); ++i) {
    const bool in_number = i + 1 < text.size() && std::isdigit(static_cast<unsigned char>(text[i + 1]));
    if (text[i] != '+' || in_number) continue;
    terms.push_back(trimmed(text.substr(begin, i - begin)));
    begin = i + 1;
  }
  terms.push_back(trimmed(text.substr(begin)));
  return terms;
}

bool declares(const Settings& settings, const std::string& name) {
  const auto is_it = [&](const SettingInfo& info) { return info.name == name; };
  return std::any_of(settings.declared().begin(), settings.declared().end(), is_it);
}

LossTerm make_term(std::string_view text, std::optional<double> temperature) {
  Spec spec = Spec::parse("--loss", text);
  const auto& row = find_registered("--loss", losses(), spec.name);
  Settings defaults;
  const LossTerm plain = row.make(defaults);
  Looks looks = plain.looks;
  if (temperature && declares(defaults, "temperature")) {
    spec.values.emplace("temperature", Json(*temperature).dump());
  }
  if (plain.make) take_taps(spec.values, looks);
  Settings settings("--loss " + spec.name, spec.values);
  LossTerm term = row.make(settings);
  settings.check_all_read();
  term.name = spec.name;
  term.looks = looks;
  return term;
}

// What every term may rely on: logits of one shape, precise enough, and a teacher without gradient.
LossInputs prepared(LossInputs in) {
  check_logits(in.student_logits);
  if (in.teacher_logits.sizes() != in.student_logits.sizes()) {
    fail("loss", "the teacher's logits are ", in.teacher_logits.sizes(), "; the student's are ",
         in.student_logits.sizes(), "; both need the same samples and classes");
  }
  in.student_logits = at_least_float32(in.student_logits);
  in.teacher_logits = at_least_float32(in.teacher_logits.detach());
  if (in.member_logits.defined()) in.member_logits = at_least_float32(in.member_logits.detach());
  return in;
}

Features features_at(const Tensors& given, const std::vector<std::string>& taps, Looks::Form form, int64_t samples) {
  Features features;
  for (const std::string& tap : taps) {
    const auto it = given.find(tap);
    if (it == given.end() || !it->second.defined() || it->second.size(0) != samples) {
      fail("loss", "tap '", tap, "' has no features of ", samples, " samples");
    }
    const at::Tensor x = as_map(at_least_float32(it->second));
    features.push_back(form == Looks::Form::pooled ? pooled(x) : x);
  }
  return features;
}

at::Tensor of_features(const LossTerm::FeatureFunction& function, const Looks& looks, const Tensors& teacher_features,
                       const LossInputs& in) {
  const int64_t samples = in.student_logits.size(0);
  const Features student = features_at(in.student_features, looks.student_taps, looks.form, samples);
  Features teacher = features_at(teacher_features, looks.teacher_taps, looks.form, samples);
  for (at::Tensor& t : teacher) t = t.detach();
  return function(student, teacher, in);
}

at::Tensor value_of(const LossTerm& term, const LossInputs& in) {
  if (term.of_logits) return term.of_logits(in);
  if (!term.of_features && term.of_members.empty()) {
    fail(term.name, "looks at features; connect it to both networks first");
  }
  if (term.of_features) return of_features(term.of_features, term.looks, in.teacher_features, in);
  if (in.member_features.size() != term.of_members.size()) {
    fail(term.name, "given features of ", in.member_features.size(), " members; expected ", term.of_members.size());
  }
  std::vector<at::Tensor> values;
  for (size_t m = 0; m < term.of_members.size(); ++m) {
    values.push_back(of_features(term.of_members[m], term.member_looks[m], in.member_features[m], in));
  }
  return term.combine(at::stack(values), in);
}

double weight_at(const LossTerm& term, int64_t epoch) {
  if (term.warmup == 0) return term.weight;
  return term.weight * std::min(static_cast<double>(epoch + 1) / static_cast<double>(term.warmup), 1.0);
}

}  // namespace

Loss::Loss(const std::string& spec, std::optional<double> temperature) {
  for (const std::string_view term : split_terms(spec)) terms_.push_back(make_term(term, temperature));
}

Loss::~Loss() = default;
Loss::Loss(Loss&&) noexcept = default;
Loss& Loss::operator=(Loss&&) noexcept = default;

std::vector<std::string> Loss::feature_terms() const {
  std::vector<std::string> names;
  for (const LossTerm& term : terms_) {
    if (term.make) names.push_back(term.name);
  }
  return names;
}

bool Loss::leaves_scale_open() const {
  return std::any_of(terms_.begin(), terms_.end(), [](const LossTerm& term) { return term.scale_open; });
}

std::vector<std::string> Loss::map_terms() const {
  std::vector<std::string> names;
  for (const LossTerm& term : terms_) {
    if (term.make && term.looks.form != Looks::Form::pooled) names.push_back(term.name);
  }
  return names;
}

bool Loss::looks_at_members() const {
  return std::any_of(terms_.begin(), terms_.end(), [](const LossTerm& term) { return term.combine != nullptr; });
}

bool Loss::teaches_unlabelled() const {
  return std::any_of(terms_.begin(), terms_.end(), [](const LossTerm& term) { return !term.leaves_out_unlabelled; });
}

void Loss::connect(const LossSetup& setup) {
  for (size_t i = 0; i < terms_.size(); ++i) {
    LossTerm& term = terms_[i];
    if (!term.make) continue;
    const std::string prefix = str(i, ".", term.name, ".");
    const auto connect_to = [&](const LossNetwork& teacher, const std::string& own, Looks& looks, Tensors& taps) {
      LossSetup pair = setup;
      pair.teacher = teacher;
      find_taps(looks, pair.student, teacher);
      LossParts parts(pair, looks, own, parameters_, buffers_);
      for (const std::string& tap : looks.student_taps) student_taps_[tap];
      for (const std::string& tap : looks.teacher_taps) taps[tap];
      return term.make(parts);
    };
    if (!term.combine) {
      term.of_features = connect_to(setup.teacher, prefix, term.looks, teacher_taps_);
      continue;
    }
    member_taps_.resize(setup.members.size());
    term.member_looks.assign(setup.members.size(), term.looks);
    for (size_t m = 0; m < setup.members.size(); ++m) {
      const std::string own = str(prefix, "member", m, ".");
      term.of_members.push_back(connect_to(setup.members[m], own, term.member_looks[m], member_taps_[m]));
    }
  }
}

at::Tensor Loss::operator()(const LossInputs& inputs) {
  const LossInputs in = prepared(inputs);
  at::Tensor sum;
  for (const LossTerm& term : terms_) {
    const at::Tensor value = value_of(term, in).mul(weight_at(term, in.epoch));
    sum = sum.defined() ? sum.add(value) : value;
  }
  return sum;
}

std::vector<ListedItem> list_losses() {
  std::vector<ListedItem> items = list_registered(losses());
  for (ListedItem& item : items) {
    Settings none;
    if (!find_registered("losses", losses(), item.name).make(none).make) continue;
    for (SettingInfo& info : tap_settings()) item.settings.push_back(std::move(info));
  }
  return items;
}

}  // namespace retort
