#include "report/entries.h"

#include <algorithm>
#include <filesystem>

namespace retort {

std::optional<Entry> make_entry(Evaluator& evaluator, const std::string& path, const std::string& split) {
  Model model = evaluator.open(path);
  std::optional<Predictions> p = evaluator.combined(model, split);
  if (!p) return std::nullopt;
  Entry entry{path, model.name(), read_facts(path), evaluate(*p), correct(p->logits, p->labels, p->classes), {}, {}};
  for (int64_t m = 0; m < model.members(); ++m) entry.networks.push_back(model.member(m).hash);
  entry.answers = std::move(*p);
  return entry;
}

bool is_same_path(const std::string& a, const std::string& b) {
  std::error_code none;
  return std::filesystem::weakly_canonical(a, none) == std::filesystem::weakly_canonical(b, none);
}

std::vector<Group> group_seeds(const std::vector<Entry>& entries) {
  std::vector<Group> groups;
  for (const Entry& entry : entries) {
    const auto is_seed_of = [&](const Group& group) {
      const RunFacts& first = group.front()->facts;
      return entry.facts.kind == "student" && !entry.facts.recipe.empty() && first.kind == "student" &&
             first.recipe == entry.facts.recipe &&
             std::none_of(group.begin(), group.end(), [&](auto* e) { return e->facts.seed == entry.facts.seed; });
    };
    const auto group = std::find_if(groups.begin(), groups.end(), is_seed_of);
    if (group == groups.end()) {
      groups.push_back({&entry});
    } else {
      group->push_back(&entry);
    }
  }
  return groups;
}

bool is_scratch_of(const RunFacts& other, const RunFacts& student) {
  return other.kind == "student" && !other.distilled && other.architecture == student.architecture;
}

std::string common_name(const Group& group) {
  std::string prefix = group.front()->name;
  for (const Entry* entry : group) {
    const auto end = std::mismatch(prefix.begin(), prefix.end(), entry->name.begin(), entry->name.end()).first;
    prefix.erase(end, prefix.end());
  }
  const bool whole = std::any_of(group.begin(), group.end(), [&](auto* e) { return e->name == prefix; });
  if (const size_t separator = prefix.find_last_of("-_. "); !whole && separator != std::string::npos) {
    prefix.erase(separator);
  }
  return prefix.empty() ? group.front()->name : prefix;
}

std::vector<std::vector<uint8_t>> verdicts(const Group& group) {
  std::vector<std::vector<uint8_t>> out;
  for (const Entry* entry : group) out.push_back(entry->correct);
  return out;
}

}  // namespace retort
