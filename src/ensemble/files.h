/// \file files.h
/// What ensemble.json and calibration.json have in common (docs/formats.md).
#pragma once

#include <string>

#include "base/file.h"
#include "base/json.h"
#include "retort/ensemble.h"

namespace retort {

Json fitted_to_json(const Fitted& fitted);
/// Throws Error where an array has no shape, another size than its shape says, or numbers that are not finite.
Fitted fitted_from_json(const std::string& where, const Json& json);
void check_fitted(const std::string& where, const Fitted& fitted);

Json calibration_to_json(const Calibration& calibration);
/// Throws Error where it is not one that save_calibration would write.
Calibration calibration_from_json(const std::string& where, const Json& json);
void check_calibration(const std::string& where, const Calibration& calibration);

Json cascade_to_json(const Cascade& cascade);
Cascade cascade_from_json(const std::string& file, const Json& json);
/// Throws Error where it is no cascade of an ensemble of so many members.
void check_cascade(const std::string& where, const Cascade& cascade, int64_t members);

/// Throws Error where `text` is no SHA-256.
void check_sha256(const std::string& where, const std::string& whose, const std::string& text);

/// Writes a document whole. Throws Error, also where a text in it is not UTF-8.
void write_json(const fs::path& file, const Json& json);

}  // namespace retort
