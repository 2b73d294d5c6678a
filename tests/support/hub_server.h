/// \file hub_server.h
/// tests/support/hub_server.py as a child process: a model hub on loopback that can misbehave.
#pragma once

#include <fcntl.h>
#include <gtest/gtest.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cstdlib>
#include <sstream>
#include <string>
#include <vector>

#include "base/file.h"
#include "base/json.h"
#include "support/temp_dir.h"

namespace retort::test {

class HubServer {
 public:
  HubServer() {
    ::setenv("no_proxy", "127.0.0.1,localhost", 1);
    int in[2], out[2];
    if (::pipe2(in, O_CLOEXEC) != 0 || ::pipe2(out, O_CLOEXEC) != 0) std::abort();
    pid_ = ::fork();
    if (pid_ == 0) {
      ::dup2(in[0], STDIN_FILENO);
      ::dup2(out[1], STDOUT_FILENO);
      ::execlp("python3", "python3", RETORT_GOLDEN "/../support/hub_server.py", root_.path().c_str(), nullptr);
      ::_exit(127);
    }
    ::close(in[0]);
    ::close(out[1]);
    stdin_ = in[1];
    for (char c = 0; ::read(out[0], &c, 1) == 1 && c != '\n';) port_ += c;
    ::close(out[0]);
  }
  ~HubServer() {
    ::close(stdin_);  // it ends
    ::waitpid(pid_, nullptr, 0);
  }
  HubServer(const HubServer&) = delete;
  HubServer& operator=(const HubServer&) = delete;

  std::string endpoint() const { return "http://127.0.0.1:" + port_; }

  /// Writes a file of a model, ORG/NAME.
  void add(const std::string& repo, const std::string& file, const std::string& contents) {
    make_directory(root_ / repo);
    write_file(root_ / repo / file, contents);
  }

  /// What to do wrong from now on (hub_server.py).
  void set_faults(const Json& faults) { write_file(root_ / "faults.json", faults.dump()); }

  /// The requests so far whose path holds `part`, also of this method where one is given.
  std::vector<Json> requests(const std::string& part, const std::string& method = "") const {
    std::vector<Json> found;
    std::istringstream lines(read_file(root_ / "requests.jsonl"));
    for (std::string line; std::getline(lines, line);) {
      Json request = Json::parse(line);
      const bool fits = request["path"].get<std::string>().find(part) != std::string::npos;
      if (fits && (method.empty() || request["method"] == method)) found.push_back(std::move(request));
    }
    return found;
  }

 private:
  TempDir root_;
  std::string port_;
  pid_t pid_ = 0;
  int stdin_ = -1;
};

}  // namespace retort::test
