// What a model's name means: a path, or a model of the hub.
#include <algorithm>
#include <cctype>
#include <charconv>
#include <cstdlib>
#include <optional>

#include "weights/hub.h"

namespace retort {

namespace {

constexpr std::string_view kHub = "hf-hub:", kLocal = "local-dir:";
constexpr size_t kMaxRepo = 96, kMaxRevision = 200;

bool is_name_char(unsigned char c) { return std::isalnum(c) || c == '-' || c == '_' || c == '.'; }

// The hub's rule for either half of ORG/NAME.
bool is_repo_part(std::string_view part) {
  const auto odd = [](char c) { return c == '-' || c == '.'; };
  return !part.empty() && std::ranges::all_of(part, is_name_char) && !odd(part.front()) && !odd(part.back()) &&
         part.find("--") == std::string_view::npos && part.find("..") == std::string_view::npos &&
         !part.ends_with(".git");
}

// Branches may have slashes; nothing may lead out of the cache.
bool is_revision(std::string_view text) {
  const bool plain = std::ranges::all_of(text, [](unsigned char c) { return is_name_char(c) || c == '/' || c == '+'; });
  return plain && !text.empty() && text.size() <= kMaxRevision && text.front() != '/' && text.back() != '/' &&
         text.find("..") == std::string_view::npos && text.find("//") == std::string_view::npos;
}

// ORG/NAME[@REVISION], or nothing where it is malformed.
std::optional<HubRef> parse_hub_ref(std::string_view text) {
  const size_t at = text.find('@');
  const std::string_view repo = text.substr(0, at);
  const size_t slash = repo.find('/');
  if (slash == std::string_view::npos || repo.size() > kMaxRepo) return std::nullopt;
  if (!is_repo_part(repo.substr(0, slash)) || !is_repo_part(repo.substr(slash + 1))) return std::nullopt;
  if (at == std::string_view::npos) return HubRef{.repo = std::string(repo)};
  if (!is_revision(text.substr(at + 1))) return std::nullopt;
  return HubRef{.repo = std::string(repo), .revision = std::string(text.substr(at + 1))};
}

// The path in a ref that is no hub's.
fs::path path_of(const std::string& ref) { return ref.starts_with(kLocal) ? ref.substr(kLocal.size()) : ref; }

fs::path local_model(const std::string& name, const fs::path& directory) {
  if (!is_there(directory)) {
    fail(name, "does not exist; expected a run directory (", kConfigFile, ", ", kWeightsFile,
         "), an ensemble's, or a model of the hub as ORG/NAME");
  }
  std::error_code none;
  if (is_session_file(directory)) return directory;
  if (!fs::is_directory(directory, none)) {
    const bool pickle =
        directory.extension() == ".pth" || directory.extension() == ".pt" || directory.extension() == ".bin";
    fail(name, "is a file; expected a directory with ", kConfigFile, " and ", kWeightsFile,
         pickle ? str("; ", kNoPickle) : "; name the directory that holds it");
  }
  if (is_there(directory / "pytorch_model.bin") && !is_there(directory / kWeightsFile)) {
    fail(name, "has no ", kWeightsFile, "; ", kNoPickle);
  }
  return directory;
}

std::string variable(const char* name) {
  const char* value = std::getenv(name);
  return value ? value : "";
}

// The first variable that is set to something, or `otherwise`.
std::string first_set(std::initializer_list<const char*> names, const std::string& otherwise) {
  for (const char* name : names) {
    if (std::string value = variable(name); !value.empty()) return value;
  }
  return otherwise;
}

// `~` as the Python client reads it in a path.
fs::path expanded(const std::string& path) {
  return path.starts_with("~/") ? fs::path(variable("HOME")) / path.substr(2) : fs::path(path);
}

bool is_true(std::string text) {
  std::ranges::transform(text, text.begin(), [](unsigned char c) { return std::toupper(c); });
  return text == "1" || text == "ON" || text == "YES" || text == "TRUE";
}

double seconds_or(const std::string& text, double otherwise) {
  double value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  return error == std::errc() && value > 0 && value < 1e6 ? value : otherwise;
}

std::string trimmed(const std::string& text) {
  const size_t begin = text.find_first_not_of(" \t\r\n"), end = text.find_last_not_of(" \t\r\n");
  return begin == std::string::npos ? "" : text.substr(begin, end - begin + 1);
}

std::string token_of(const fs::path& home) {
  std::string token = trimmed(variable("HF_TOKEN"));
  if (!token.empty()) return token;
  const fs::path file = expanded(first_set({"HF_TOKEN_PATH"}, (home / "token").string()));
  return is_there(file) ? trimmed(read_file(file)) : "";
}

}  // namespace

bool is_session_file(const std::filesystem::path& file) {
  return file.extension() == ".onnx" || file.extension() == ".xml";
}

HubOptions hub_options_from_environment() {
  HubOptions options;
  const fs::path user_cache = expanded(first_set({"XDG_CACHE_HOME"}, "~/.cache"));
  const fs::path home = expanded(first_set({"HF_HOME"}, (user_cache / "huggingface").string()));
  options.cache = expanded(first_set({"HF_HUB_CACHE", "HUGGINGFACE_HUB_CACHE"}, (home / "hub").string()));
  options.endpoint = first_set({"HF_ENDPOINT"}, options.endpoint);
  options.offline = is_true(first_set({"HF_HUB_OFFLINE", "TRANSFORMERS_OFFLINE"}, ""));
  if (!options.offline) options.token = token_of(home);
  options.etag_timeout = seconds_or(variable("HF_HUB_ETAG_TIMEOUT"), options.etag_timeout);
  options.download_timeout = seconds_or(variable("HF_HUB_DOWNLOAD_TIMEOUT"), options.download_timeout);
  return options;
}

bool is_hub_ref(const std::string& ref) {
  if (ref.starts_with(kHub)) return true;
  return !ref.starts_with(kLocal) && !is_there(ref) && parse_hub_ref(ref).has_value();
}

std::string full_ref(const std::string& ref, const fs::path& base) {
  if (ref.starts_with(kHub)) return ref;
  if (is_hub_ref(ref) && !is_there(base / ref)) return std::string(kHub) + ref;
  return (base / path_of(ref)).lexically_normal().string();
}

std::string model_name(const std::string& ref) {
  if (is_hub_ref(ref)) return ref.substr(ref.find('/') + 1);
  fs::path path = fs::absolute(path_of(ref)).lexically_normal();
  if (!path.has_filename()) path = path.parent_path();
  return path.filename().string();
}

fs::path resolve_model(const std::string& ref, const HubOptions& options, const Monitor& monitor) {
  if (!is_hub_ref(ref)) return local_model(ref, path_of(ref));
  const auto hub_ref = parse_hub_ref(ref.starts_with(kHub) ? ref.substr(kHub.size()) : ref);
  if (!hub_ref) {
    fail_usage(ref, "not a model's name; expected hf-hub:ORG/NAME or hf-hub:ORG/NAME@REVISION, of letters, digits, ",
               "'-', '_' and '.'");
  }
  HubOptions checked = options;
  while (checked.endpoint.ends_with('/')) checked.endpoint.pop_back();
  if (!checked.endpoint.starts_with("https://") && !checked.endpoint.starts_with("http://")) {
    fail_usage(ref, "HF_ENDPOINT is '", options.endpoint, "'; expected an http or https address");
  }
  if (!std::ranges::all_of(options.token, [](unsigned char c) { return c > 0x20 && c < 0x7F; })) {
    fail_usage(ref, "the token (HF_TOKEN, or its file) holds spaces or odd characters; expected one word");
  }
  return fetch_model(ref, *hub_ref, checked, monitor);
}

fs::path resolve_model(const std::string& ref, const Monitor& monitor) {
  return resolve_model(ref, hub_options_from_environment(), monitor);
}

}  // namespace retort
