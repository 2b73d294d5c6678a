/// \file student_json.h
/// What students took over from their teachers, for programs.
#pragma once

#include "base/json.h"
#include "retort/report.h"

namespace retort {

Json student_json(const StudentReport& student);

}  // namespace retort
