#include "retort/losses.h"

#include <algorithm>
#include <cctype>

#include "base/json.h"
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

bool takes(MakeTerm make, const std::string& setting) {
  Settings none;
  make(none);
  const auto is_it = [&](const SettingInfo& info) { return info.name == setting; };
  return std::any_of(none.declared().begin(), none.declared().end(), is_it);
}

LossTerm make_term(std::string_view text, std::optional<double> temperature) {
  Spec spec = Spec::parse("--loss", text);
  const auto& row = find_registered("--loss", losses(), spec.name);
  if (temperature && takes(row.make, "temperature")) spec.values.emplace("temperature", Json(*temperature).dump());
  Settings settings("--loss " + spec.name, spec.values);
  LossTerm term = row.make(settings);
  settings.check_all_read();
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
  return in;
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

at::Tensor Loss::operator()(const LossInputs& inputs) {
  const LossInputs in = prepared(inputs);
  at::Tensor sum;
  for (const LossTerm& term : terms_) {
    const at::Tensor value = term.call(in).mul(weight_at(term, in.epoch));
    sum = sum.defined() ? sum.add(value) : value;
  }
  return sum;
}

std::vector<ListedItem> list_losses() { return list_registered(losses()); }

}  // namespace retort
