#include "report/student_json.h"

#include "metrics/metrics_json.h"

namespace retort {

namespace {

Json classes_json(const StudentReport& s) {
  Json out = Json::array();
  for (const StudentReport::ClassChange& c : s.classes) {
    out.push_back({{"label", c.label},
                   {"samples", c.samples},
                   {"teacher_accuracy", c.teacher_accuracy},
                   {"accuracy_change", c.change.value},
                   {"accuracy_change_interval", interval_json(c.change.interval)}});
  }
  return out;
}

}  // namespace

Json student_json(const StudentReport& s) {
  Json json = {{"student", s.student},
               {"teacher", s.teacher},
               {"scratch", s.scratch.empty() ? Json(nullptr) : Json(s.scratch)},
               {"seeds", s.seeds},
               {"agreement", s.agreement},
               {"agreement_interval", interval_json(s.agreement_interval)},
               {"kl", s.kl},
               {"kl_interval", interval_json(s.kl_interval)},
               {"gain_kept", nullptr},
               {"gain_kept_interval", nullptr},
               {"nll", s.raw.nll},
               {"ece", s.raw.ece},
               {"calibrated_nll", s.calibrated.nll},
               {"calibrated_ece", s.calibrated.ece},
               {"temperature", s.temperature},
               {"is_calibrated", s.is_calibrated},
               {"label_core_seconds", s.label_core_seconds},
               {"train_core_seconds", s.train_core_seconds},
               {"classes", classes_json(s)}};
  if (s.gain_kept) {
    json["gain_kept"] = s.gain_kept->value;
    json["gain_kept_interval"] = interval_json(s.gain_kept->interval);
  }
  return json;
}

}  // namespace retort
