#include "weights/http.h"

#include <curl/curl.h>

#include <algorithm>
#include <cctype>
#include <chrono>
#include <exception>
#include <memory>
#include <string_view>
#include <tuple>

#include "retort/base.h"

namespace retort {

namespace {

using Clock = std::chrono::steady_clock;

constexpr size_t kMaxHeaders = 200;

// What the callbacks of one transfer share.
struct Transfer {
  const HttpRequest& request;
  HttpReply& reply;
  CURL* curl;
  Clock::time_point last_byte = Clock::now();
  bool stalled = false;
  std::exception_ptr thrown;  ///< by the caller's functions; it must not pass through C
};

// What the caller's function says, or false where it throws.
template <class Call>
bool guarded(Transfer& transfer, const Call& call) {
  try {
    return call();
  } catch (...) {
    transfer.thrown = std::current_exception();
    return false;
  }
}

size_t on_header(char* text, size_t size, size_t count, void* user) {
  HttpReply& reply = static_cast<Transfer*>(user)->reply;
  const std::string_view line(text, size * count);
  if (line.starts_with("HTTP/")) reply.headers.clear();  // of a 100 or a proxy's reply
  const size_t colon = line.find(':');
  if (colon == std::string_view::npos || reply.headers.size() >= kMaxHeaders) return line.size();
  std::string name(line.substr(0, colon));
  std::transform(name.begin(), name.end(), name.begin(), [](unsigned char c) { return std::tolower(c); });
  std::string_view value = line.substr(colon + 1);
  const size_t begin = value.find_first_not_of(" \t\r\n"), end = value.find_last_not_of(" \t\r\n");
  value = begin == std::string_view::npos ? "" : value.substr(begin, end - begin + 1);
  reply.headers[name] = value;
  return line.size();
}

size_t on_body(char* bytes, size_t size, size_t count, void* user) {
  auto& transfer = *static_cast<Transfer*>(user);
  transfer.last_byte = Clock::now();
  long status = 0;
  curl_easy_getinfo(transfer.curl, CURLINFO_RESPONSE_CODE, &status);
  transfer.reply.status = static_cast<int>(status);
  const auto data = std::as_bytes(std::span(bytes, size * count));
  return guarded(transfer, [&] { return transfer.request.body(transfer.reply, data); }) ? data.size() : 0;
}

int on_progress(void* user, curl_off_t, curl_off_t, curl_off_t, curl_off_t) {
  auto& transfer = *static_cast<Transfer*>(user);
  const std::chrono::duration<double> silent = Clock::now() - transfer.last_byte;
  transfer.stalled = silent.count() > transfer.request.stall_timeout;
  const auto& stop = transfer.request.stop;
  const bool go_on = !transfer.stalled && guarded(transfer, [&] { return !stop || !stop(); });
  return go_on ? 0 : 1;
}

struct FreeList {
  void operator()(curl_slist* list) const { curl_slist_free_all(list); }
};
using HeaderList = std::unique_ptr<curl_slist, FreeList>;

HeaderList request_headers(const HttpRequest& request) {
  HeaderList list(curl_slist_append(nullptr, "Accept-Encoding: identity"));
  if (!request.token.empty()) curl_slist_append(list.get(), ("Authorization: Bearer " + request.token).c_str());
  return list;
}

void set_options(CURL* curl, const HttpRequest& request, Transfer& transfer) {
  curl_easy_setopt(curl, CURLOPT_URL, request.url.c_str());
  curl_easy_setopt(curl, CURLOPT_PROTOCOLS_STR, "http,https");
  curl_easy_setopt(curl, CURLOPT_USERAGENT, "retort");
  curl_easy_setopt(curl, CURLOPT_NOSIGNAL, 1L);
  curl_easy_setopt(curl, CURLOPT_CONNECTTIMEOUT_MS, static_cast<long>(1000 * request.connect_timeout));
  curl_easy_setopt(curl, CURLOPT_HEADERFUNCTION, on_header);
  curl_easy_setopt(curl, CURLOPT_HEADERDATA, &transfer);
  curl_easy_setopt(curl, CURLOPT_NOPROGRESS, 0L);
  curl_easy_setopt(curl, CURLOPT_XFERINFOFUNCTION, on_progress);
  curl_easy_setopt(curl, CURLOPT_XFERINFODATA, &transfer);
  if (!request.body) {
    curl_easy_setopt(curl, CURLOPT_NOBODY, 1L);
    return;
  }
  curl_easy_setopt(curl, CURLOPT_WRITEFUNCTION, on_body);
  curl_easy_setopt(curl, CURLOPT_WRITEDATA, &transfer);
  if (request.from > 0) curl_easy_setopt(curl, CURLOPT_RANGE, (std::to_string(request.from) + "-").c_str());
}

using Url = std::unique_ptr<CURLU, decltype(&curl_url_cleanup)>;

Url parse_url(const std::string& text) {
  Url url(curl_url(), curl_url_cleanup);
  if (curl_url_set(url.get(), CURLUPART_URL, text.c_str(), 0) != CURLUE_OK) url.reset();
  return url;
}

std::string part(const Url& url, CURLUPart which, unsigned flags = 0) {
  char* text = nullptr;
  if (!url || curl_url_get(url.get(), which, &text, flags) != CURLUE_OK) return "";
  std::string out(text);
  curl_free(text);
  return out;
}

}  // namespace

std::string HttpReply::header(const std::string& name) const {
  const auto it = headers.find(name);
  return it == headers.end() ? "" : it->second;
}

HttpReply http_request(const HttpRequest& request) {
  static const CURLcode ready = curl_global_init(CURL_GLOBAL_DEFAULT);
  HttpReply reply;
  const std::unique_ptr<CURL, decltype(&curl_easy_cleanup)> curl(curl_easy_init(), curl_easy_cleanup);
  if (ready != CURLE_OK || !curl) {
    reply.problem = "libcurl does not start";
    return reply;
  }
  Transfer transfer{request, reply, curl.get()};
  char words[CURL_ERROR_SIZE] = "";
  const HeaderList headers = request_headers(request);
  set_options(curl.get(), request, transfer);
  curl_easy_setopt(curl.get(), CURLOPT_HTTPHEADER, headers.get());
  curl_easy_setopt(curl.get(), CURLOPT_ERRORBUFFER, words);
  const CURLcode code = curl_easy_perform(curl.get());
  if (transfer.thrown) std::rethrow_exception(transfer.thrown);
  long status = 0;
  curl_easy_getinfo(curl.get(), CURLINFO_RESPONSE_CODE, &status);
  reply.status = static_cast<int>(status);
  if (code != CURLE_OK) {
    reply.problem = words[0] ? words : curl_easy_strerror(code);
    if (transfer.stalled) reply.problem = str("not one byte for ", request.stall_timeout, " s");
    std::replace(reply.problem.begin(), reply.problem.end(), '\n', ' ');
  }
  return reply;
}

std::string resolve_url(const std::string& base, const std::string& location) {
  const Url url = parse_url(base);
  const std::string scheme = part(url, CURLUPART_SCHEME);
  if (!url || curl_url_set(url.get(), CURLUPART_URL, location.c_str(), 0) != CURLUE_OK) return "";
  const std::string target = part(url, CURLUPART_SCHEME);
  if (target != "https" && (target != "http" || scheme != "http")) return "";
  return part(url, CURLUPART_URL);
}

bool same_origin(const std::string& a, const std::string& b) {
  const auto origin = [](const std::string& text) {
    const Url url = parse_url(text);
    std::string host = part(url, CURLUPART_HOST);
    std::transform(host.begin(), host.end(), host.begin(), [](unsigned char c) { return std::tolower(c); });
    return std::tuple(part(url, CURLUPART_SCHEME), host, part(url, CURLUPART_PORT, CURLU_DEFAULT_PORT));
  };
  return origin(a) == origin(b);
}

std::string quote_url(const std::string& text) {
  char* quoted = curl_easy_escape(nullptr, text.c_str(), static_cast<int>(text.size()));
  const std::string out(quoted ? quoted : "");
  curl_free(quoted);
  return out;
}

}  // namespace retort
