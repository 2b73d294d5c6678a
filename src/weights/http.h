/// \file http.h
/// One HTTP request, as the hub client needs it: libcurl behind plain structs. Redirects are the caller's: who may see
/// a token is not for a library to decide.
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <span>
#include <string>

namespace retort {

struct HttpReply {
  int status = 0;                              ///< 0 where none came
  std::map<std::string, std::string> headers;  ///< names in lower case
  std::string problem;                         ///< what went wrong underneath HTTP, in words; empty: nothing

  /// The value of a header, or nothing.
  std::string header(const std::string& name) const;
  bool redirects() const { return status >= 300 && status < 400 && headers.contains("location"); }
};

struct HttpRequest {
  std::string url;    ///< http or https; certificates are always checked
  std::string token;  ///< sent as `Authorization: Bearer`; empty: none
  int64_t from = 0;   ///< first byte that is wanted
  double connect_timeout = 10;
  double stall_timeout = 10;  ///< seconds without one byte

  /// Asked for a body with GET where it is set, for headers with HEAD where not. False ends the transfer.
  std::function<bool(const HttpReply& so_far, std::span<const std::byte>)> body;
  std::function<bool()> stop;  ///< asked about once a second; true ends the transfer
};

/// What fails is in the reply; what `body` and `stop` throw is thrown on. Thread-safe.
HttpReply http_request(const HttpRequest& request);

/// `location` as seen from `base`; empty where it is no http or https address, or leads from https to http.
std::string resolve_url(const std::string& base, const std::string& location);
/// Whether scheme, host and port are the same.
bool same_origin(const std::string& a, const std::string& b);
/// Percent-encoded, slashes too.
std::string quote_url(const std::string& text);

}  // namespace retort
