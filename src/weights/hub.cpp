#include "weights/hub.h"

#include <algorithm>
#include <charconv>
#include <chrono>
#include <cmath>
#include <thread>

#include "base/file_lock.h"
#include "base/hash.h"
#include "weights/http.h"
#include "weights/hub_cache.h"

namespace retort {

namespace {

constexpr int kMaxRedirects = 10;
constexpr double kMaxWait = 300;  // seconds; a hub that asks for more is told to the user instead
constexpr double kNap = 0.1;      // seconds between two looks at whether to stop
constexpr int64_t kMegabyte = 1'000'000;

// The hub cannot be had, or not for us; what is in the cache may serve instead.
struct Unavailable {
  std::string message;
};

// What the hub says of one file.
struct FileInfo {
  std::string commit, etag;
  int64_t size = -1;  ///< -1: it does not say
};

bool is_hex(const std::string& text, size_t length) {
  return text.size() == length && text.find_first_not_of("0123456789abcdef") == std::string::npos;
}

bool is_commit(const std::string& text) { return is_hex(text, 40); }

int64_t to_int(std::string_view text) {
  int64_t value = -1;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  return error == std::errc() && value >= 0 ? value : -1;
}

// `W/"x"` and `"x"` as x.
std::string plain_etag(std::string etag) {
  if (etag.starts_with("W/")) etag.erase(0, 2);
  std::erase(etag, '"');
  return etag;
}

bool is_file_name(const std::string& text) {
  return !text.empty() && text.size() <= 128 && text[0] != '.' &&
         std::all_of(text.begin(), text.end(), [](unsigned char c) { return std::isalnum(c) || c == '-' || c == '.'; });
}

// Worth another try.
bool is_passing(const HttpReply& reply) {
  constexpr int kPassing[] = {408, 429, 500, 502, 503, 504};
  return !reply.problem.empty() || std::ranges::find(kPassing, reply.status) != std::end(kPassing);
}

// Seconds that the hub asks to wait, in either of its two ways, or -1.
double asked_wait(const HttpReply& reply) {
  const int64_t seconds = to_int(reply.header("retry-after"));
  if (seconds >= 0) return static_cast<double>(seconds);
  const std::string limit = reply.header("ratelimit");  // "api";r=0;t=55
  const size_t at = limit.find(";t=");
  return at == std::string::npos ? -1 : static_cast<double>(to_int(std::string_view(limit).substr(at + 3)));
}

// A line of the hub's own, bounded, in ASCII.
std::string clean(std::string text) {
  for (char& c : text) {
    if (c < 0x20 || c > 0x7E) c = '?';
  }
  return text.substr(0, 160);
}

std::string problem(const HttpReply& reply) {
  return reply.problem.empty() ? str("HTTP ", reply.status) : clean(reply.problem);
}

class Fetch {
 public:
  Fetch(const std::string& name, const HubRef& ref, const HubOptions& options, const Monitor& monitor)
      : name_(name), ref_(ref), options_(options), monitor_(monitor), cache_(options.cache, ref.repo) {}

  fs::path run();

 private:
  std::string file_url(const std::string& revision, const std::string& file) const;
  std::string by_hand() const;
  [[noreturn]] void out_of_reach(const std::string& url, const HttpReply& reply) const;
  [[noreturn]] void refuse(const std::string& url, const std::string& file, const HttpReply& reply) const;
  void stop_if_asked() const;
  void wait(int attempt, const HttpReply& reply) const;
  HttpRequest request(const std::string& url) const;

  std::string fetch(const std::string& revision, const std::string& file, int tries);
  FileInfo ask(const std::string& revision, const std::string& file, int tries) const;
  HttpReply head(std::string url) const;
  void download(const std::string& file, const FileInfo& info) const;
  void receive(const std::string& file, const FileInfo& info, PartialFile& part) const;
  HttpReply get(std::string url, const std::string& file, const FileInfo& info, PartialFile& part) const;
  static bool is_right(const FileInfo& info, const PartialFile& part);
  void tell(const std::string& note, int64_t done, int64_t total) const;

  const std::string& name_;
  const HubRef& ref_;
  const HubOptions& options_;
  const Monitor& monitor_;
  HubCache cache_;
};

std::string Fetch::file_url(const std::string& revision, const std::string& file) const {
  return options_.endpoint + "/" + ref_.repo + "/resolve/" + quote_url(revision) + "/" + file;
}

std::string Fetch::by_hand() const {
  return str("or put ", kConfigFile, " and ", kWeightsFile, " of this model into ",
             cache_.snapshot(cache_.commit_of(ref_.revision)).string(),
             " (or any other DIR, and name it local-dir:DIR)");
}

void Fetch::out_of_reach(const std::string& url, const HttpReply& reply) const {
  std::string why = problem(reply);
  if (const double wait = asked_wait(reply); wait > kMaxWait) why += str(", asks to wait ", wait, " s");
  throw Unavailable{str("cannot fetch ", url, " (", why, "); check the network and run again, ", by_hand())};
}

// The hub has answered, and not with the file. 404 has its reason in a header.
void Fetch::refuse(const std::string& url, const std::string& file, const HttpReply& reply) const {
  const std::string code = reply.header("x-error-code"), words = clean(reply.header("x-error-message"));
  const std::string asked = str(url, " (HTTP ", reply.status, words.empty() ? "" : ": " + words, ")");
  const std::string page = options_.endpoint + "/" + ref_.repo;
  if (code == "EntryNotFound") {
    if (const std::string commit = reply.header("x-repo-commit"); is_commit(commit)) cache_.add_missing(commit, file);
    fail(name_, "the hub's model has no ", file, ": ", asked, "; expected a timm model with ", kConfigFile, " and ",
         kWeightsFile, "; ", kNoPickle);
  }
  if (code == "RevisionNotFound") {
    fail(name_, "the hub's model has no revision '", ref_.revision, "': ", asked, "; see the branches and tags at ",
         page);
  }
  if (code == "GatedRepo" || reply.status == 403) {
    throw Unavailable{str("access to this model is not granted: ", asked, "; ask for it at ", page,
                          " and set HF_TOKEN to a token of an account that has it")};
  }
  if (code == "RepoNotFound" || reply.status == 401 || reply.status == 404) {
    throw Unavailable{str("there is neither such a path here nor a model that may be seen at the hub: ", asked,
                          "; check the name; for a private model set HF_TOKEN",
                          options_.token.empty() ? "" : " (the one that is set was not enough)")};
  }
  out_of_reach(url, reply);
}

void Fetch::stop_if_asked() const {
  if (monitor_.stopping()) fail(name_, "stopped; run again, and the download goes on where it was");
}

void Fetch::wait(int attempt, const HttpReply& reply) const {
  const double asked = asked_wait(reply);
  double left = asked >= 0 ? asked : options_.backoff * std::min(std::exp2(attempt), 8.0);
  const std::string why = problem(reply);
  for (; left > 0; left -= kNap) {
    stop_if_asked();
    tell(str("tries again in ", std::ceil(left), " s: ", why), 0, 0);
    std::this_thread::sleep_for(std::chrono::duration<double>(std::min(left, kNap)));
  }
}

HttpRequest Fetch::request(const std::string& url) const {
  return {.url = url,
          .token = same_origin(url, options_.endpoint) ? options_.token : "",
          .connect_timeout = options_.etag_timeout,
          .stall_timeout = options_.etag_timeout,
          .stop = monitor_.stop};
}

// Redirects are followed on the hub's own host; one that leads off it carries what there is to know.
HttpReply Fetch::head(std::string url) const {
  for (int hop = 0; hop < kMaxRedirects; ++hop) {
    HttpReply reply = http_request(request(url));
    if (!reply.problem.empty() || !reply.redirects()) return reply;
    const std::string target = resolve_url(url, reply.header("location"));
    if (!same_origin(url, target)) return reply;
    url = target;
  }
  return {.problem = "too many redirects"};
}

FileInfo Fetch::ask(const std::string& revision, const std::string& file, int tries) const {
  const std::string url = file_url(revision, file);
  if (options_.offline)
    throw Unavailable{str("offline (HF_HUB_OFFLINE), and not in the cache: ", url, "; unset it, ", by_hand())};
  HttpReply reply;
  for (int attempt = 0;; ++attempt) {
    reply = head(url);
    stop_if_asked();
    if (!is_passing(reply)) break;
    if (attempt + 1 >= tries || asked_wait(reply) > kMaxWait) out_of_reach(url, reply);
    wait(attempt, reply);
  }
  if (reply.status >= 400) refuse(url, file, reply);
  const auto first = [&](const char* a, const char* b) {
    return reply.headers.contains(a) ? reply.header(a) : reply.header(b);
  };
  FileInfo info{.commit = reply.header("x-repo-commit"), .etag = plain_etag(first("x-linked-etag", "etag"))};
  info.size = to_int(first("x-linked-size", reply.redirects() ? "" : "content-length"));
  if (!is_commit(info.commit) || !is_file_name(info.etag)) {
    throw Unavailable{str(url,
                          " does not answer as the hub does (no usable X-Repo-Commit or ETag); check HF_ENDPOINT, ",
                          "proxy and firewall, ", by_hand())};
  }
  return info;
}

// In whole megabytes, of which the last is done when the last byte is there.
void Fetch::tell(const std::string& note, int64_t done, int64_t total) const {
  const int64_t in_all = total > 0 ? (total + kMegabyte - 1) / kMegabyte : 0;
  monitor_.tell({"fetch " + ref_.repo, done == total ? in_all : done / kMegabyte, in_all, "MB", note});
}

// One GET from where `part` ends, through redirects; the token goes to the hub's own host only.
HttpReply Fetch::get(std::string url, const std::string& file, const FileInfo& info, PartialFile& part) const {
  const int64_t from = part.size();
  bool begun = from == 0;
  const auto body = [&](const HttpReply& reply, std::span<const std::byte> bytes) {
    if (reply.status != 200 && reply.status != 206) return true;  // words about an error or a redirect
    if (!begun) {
      const bool goes_on = reply.header("content-range").starts_with(str("bytes ", from, "-"));
      if (reply.status == 200 || !goes_on) part.restart();
      if (reply.status == 206 && !goes_on) return false;
      begun = true;
    }
    part.append(bytes);
    tell(file, part.size(), info.size);
    return info.size < 0 || part.size() <= info.size;
  };
  for (int hop = 0; hop < kMaxRedirects; ++hop) {
    HttpRequest wanted = request(url);
    wanted.from = from;
    wanted.stall_timeout = options_.download_timeout;
    wanted.body = body;
    HttpReply reply = http_request(wanted);
    if (!reply.problem.empty() || !reply.redirects()) return reply;
    url = resolve_url(url, reply.header("location"));
    if (url.empty()) return {.problem = "redirected to what is neither http nor https"};
  }
  return {.problem = "too many redirects"};
}

// Until `part` has all bytes. A try that brought some is not counted: a bad line may cut as often as it likes.
void Fetch::receive(const std::string& file, const FileInfo& info, PartialFile& part) const {
  // By the commit, so that it is what was asked about; by the hub, whose signed addresses live for minutes only.
  const std::string url = file_url(info.commit, file);
  for (int attempt = 0;;) {
    if (info.size >= 0 && part.size() > info.size) part.restart();
    if (part.size() == info.size) return;
    const int64_t before = part.size();
    const HttpReply reply = get(url, file, info, part);
    stop_if_asked();
    const bool ended = reply.problem.empty() && (reply.status == 200 || reply.status == 206);
    if (ended && (info.size < 0 || part.size() == info.size)) return;
    if (ended || (info.size >= 0 && part.size() > info.size)) {
      part.discard();
      fail(name_, url, " has ", ended ? "less" : "more", " than the ", info.size,
           " bytes that the hub announced; nothing of it was kept; run again");
    }
    if (reply.status == 416) {
      part.restart();
    } else if (!is_passing(reply)) {
      refuse(url, file, reply);
    }
    attempt = part.size() > before ? 0 : attempt + 1;
    if (attempt >= options_.tries || asked_wait(reply) > kMaxWait) out_of_reach(url, reply);
    wait(attempt, reply);
  }
}

// By the hash that the hub's etag is: SHA-256 of large files, git's of small ones. Others have none.
bool Fetch::is_right(const FileInfo& info, const PartialFile& part) {
  if (is_hex(info.etag, 64)) return sha256_file(part.temporary()) == info.etag;
  return !is_hex(info.etag, 40) || git_blob_file(part.temporary()) == info.etag;
}

void Fetch::download(const std::string& file, const FileInfo& info) const {
  const FileLock lock(cache_.lock(info.etag), [&] {
    stop_if_asked();
    tell("waits for another process", 0, 0);
  });
  if (is_file_of(cache_.blob(info.etag), info.size)) return;
  PartialFile part(cache_.blob(info.etag));
  std::error_code error;
  const fs::space_info disk = fs::space(options_.cache, error);
  if (!error && info.size > part.size() && disk.available < static_cast<uintmax_t>(info.size - part.size())) {
    fail(name_, file, " has ", info.size, " bytes, and ", options_.cache.string(), " room for ", disk.available,
         "; make room, or set HF_HUB_CACHE to another disk");
  }
  const bool resumed = part.size() > 0;
  receive(file, info, part);
  bool right = is_right(info, part);
  if (!right && resumed) {  // what was there may have been of something else
    part.restart();
    receive(file, info, part);
    right = is_right(info, part);
  }
  if (!right) {
    part.discard();
    fail(name_, "what came from ", file_url(info.commit, file), " has not the hash that the hub announced, ", info.etag,
         "; nothing of it was kept; run again, and look at proxies in between where it stays so");
  }
  part.commit();
}

std::string Fetch::fetch(const std::string& revision, const std::string& file, int tries) {
  if (is_commit(revision) && cache_.has(revision, file)) return revision;
  const FileInfo info = ask(revision, file, tries);
  if (!cache_.has(info.commit, file, info.size)) {
    cache_.prepare();
    download(file, info);
    cache_.add_pointer(info.commit, file, info.etag);
  }
  return info.commit;
}

fs::path Fetch::run() {
  const std::string cached = cache_.commit_of(ref_.revision);
  const bool whole = cache_.has(cached, kConfigFile) && cache_.has(cached, kWeightsFile);
  try {
    const int tries = whole ? 1 : options_.tries;
    const std::string commit = fetch(ref_.revision, kConfigFile, tries);
    fetch(commit, kWeightsFile, tries);
    // Only now: a branch stands for a commit that is there as a whole.
    if (commit != ref_.revision) cache_.add_ref(ref_.revision, commit);
    return cache_.snapshot(commit);
  } catch (const Unavailable& reason) {
    if (whole) return cache_.snapshot(cached);
    fail(name_, reason.message);
  }
}

}  // namespace

fs::path fetch_model(const std::string& name, const HubRef& ref, const HubOptions& options, const Monitor& monitor) {
  return Fetch(name, ref, options, monitor).run();
}

}  // namespace retort
