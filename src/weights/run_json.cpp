#include "weights/run_json.h"

#include "base/file.h"

namespace retort {

fs::path run_of(const fs::path& directory) {
  fs::path full = fs::absolute(directory).lexically_normal();
  if (!full.has_filename()) full = full.parent_path();
  if (full.filename() == "best" && !is_there(full / "run.json") && is_there(full.parent_path() / "run.json")) {
    return full.parent_path();
  }
  return directory;
}

Json read_run_json(const fs::path& directory) {
  const fs::path file = run_of(directory) / "run.json";
  if (!is_there(file)) return nullptr;
  Json json = parse_json(file.string(), read_file(file));
  check_version(file.string(), json, "retort_run", kRunVersion);
  return json;
}

}  // namespace retort
