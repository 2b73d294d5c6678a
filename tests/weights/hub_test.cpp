#include <gtest/gtest.h>
#include <sys/resource.h>
#include <sys/wait.h>

#include <algorithm>
#include <csignal>
#include <fstream>

#include "base/hash.h"
#include "retort/weights.h"
#include "support/expect_error.h"
#include "support/hub_server.h"
#include "support/temp_dir.h"
#include "weights/hub_cache.h"

namespace retort {
namespace {

using test::expect_error;

// One server for all tests, a repository for each.
class Hub : public testing::Test {
 protected:
  static void SetUpTestSuite() { server_ = new test::HubServer; }
  static void TearDownTestSuite() { delete server_; }

  void SetUp() override {
    for (int i = 0; i < 3000; ++i) weights_ += str(i, " ");
    server_->add(repo_, "config.json", config_);
    server_->add(repo_, "model.safetensors", weights_);
    fault(Json::array());
  }

  // Faults of this test's repository only.
  static void fault(Json faults) {
    if (faults.is_object()) faults = Json::array({faults});
    server_->set_faults(faults);
  }

  HubOptions options() const {
    return {.endpoint = server_->endpoint(),
            .cache = cache_.path(),
            .token = "hf_secret",
            .etag_timeout = 5,
            .download_timeout = 5,
            .tries = 3,
            .backoff = 0.01};
  }

  fs::path resolve() const { return resolve_model("hf-hub:" + repo_, options()); }
  fs::path model() const { return cache_ / ("models--" + std::string(repo_).replace(repo_.find('/'), 1, "--")); }
  fs::path blob() const { return model() / "blobs" / sha256(weights_); }
  std::vector<Json> asked(const std::string& file, const std::string& method) const {
    return server_->requests(repo_ + "/" + file, method);
  }
  // How often the content of the weights was sent for.
  size_t downloads() const { return server_->requests("/cdn/" + repo_, "GET").size(); }

  void expect_whole(const fs::path& snapshot) const {
    EXPECT_EQ(read_file(snapshot / "config.json"), config_);
    EXPECT_EQ(read_file(snapshot / "model.safetensors"), weights_);
  }
  // Nothing stands under a final name that is not whole.
  void expect_no_weights() const {
    EXPECT_FALSE(fs::exists(blob()));
    if (!fs::exists(model() / "snapshots")) return;
    for (const auto& entry : fs::recursive_directory_iterator(model() / "snapshots")) {
      EXPECT_NE(entry.path().filename(), "model.safetensors");
    }
  }

  static test::HubServer* server_;
  const test::TempDir cache_;
  const std::string repo_ = str("org/", testing::UnitTest::GetInstance()->current_test_info()->name());
  const std::string config_ = "{\"a\": 1}";
  std::string weights_;
};
test::HubServer* Hub::server_ = nullptr;

TEST_F(Hub, FetchesOnceAndLaysTheCacheOutAsThePythonClientDoes) {
  const fs::path snapshot = resolve();
  expect_whole(snapshot);
  const std::string commit = snapshot.filename();
  EXPECT_EQ(commit.size(), 40u);
  EXPECT_EQ(snapshot, model() / "snapshots" / commit);
  EXPECT_EQ(fs::read_symlink(snapshot / "model.safetensors"), "../../blobs/" + sha256(weights_));
  EXPECT_EQ(fs::read_symlink(snapshot / "config.json"), "../../blobs/" + git_blob_file(snapshot / "config.json"));
  EXPECT_EQ(read_file(model() / "refs/main"), commit);
  EXPECT_TRUE(fs::exists(cache_ / ".locks" / model().filename() / (sha256(weights_) + ".lock")));
  EXPECT_TRUE(fs::exists(cache_ / "CACHEDIR.TAG"));
  EXPECT_EQ(std::distance(fs::directory_iterator(model() / "blobs"), {}), 2);

  const size_t before = server_->requests(repo_).size();
  EXPECT_EQ(resolve(), snapshot);
  EXPECT_EQ(server_->requests(repo_).size() - before, 2u);  // one HEAD, through one redirect
  EXPECT_EQ(downloads(), 1u);
}

TEST_F(Hub, TheTokenStaysOnTheHubsHost) {
  resolve();
  for (const Json& request : server_->requests(repo_)) {
    const bool ours = request["host"].get<std::string>().starts_with("127.0.0.1:");
    EXPECT_EQ(request["authorization"], ours ? Json("Bearer hf_secret") : Json(nullptr)) << request;
  }
  const std::vector<Json> content = server_->requests("/cdn/" + repo_, "GET");
  ASSERT_EQ(content.size(), 1u);
  EXPECT_TRUE(content[0]["host"].get<std::string>().starts_with("localhost:"));
}

TEST_F(Hub, TakesRevisionsByNameAndByCommit) {
  const fs::path snapshot = resolve_model(repo_ + "@refs/pr/1", options());
  EXPECT_EQ(read_file(model() / "refs/refs/pr/1"), snapshot.filename().string());
  const size_t before = server_->requests(repo_).size();
  EXPECT_EQ(resolve_model(repo_ + "@" + snapshot.filename().string(), options()), snapshot);
  EXPECT_EQ(server_->requests(repo_).size(), before);  // a commit never changes
}

TEST_F(Hub, FetchesAChangedFileAnew) {
  const fs::path old = resolve();
  weights_ += "changed";
  server_->add(repo_, "model.safetensors", weights_);
  const fs::path changed = resolve();
  EXPECT_NE(changed, old);
  expect_whole(changed);
  EXPECT_EQ(read_file(model() / "refs/main"), changed.filename().string());
}

TEST_F(Hub, ACutDownloadGoesOnWhereItWas) {
  for (const int bytes : {0, 1, 4000, 10'000}) {
    fs::remove_all(model());
    fault({{"path", "/cdn/" + repo_}, {"times", 1}, {"cut", bytes}});
    const size_t before = downloads();
    expect_whole(resolve());
    const std::vector<Json> content = server_->requests("/cdn/" + repo_, "GET");
    ASSERT_EQ(content.size() - before, 2u);
    EXPECT_EQ(content.back()["range"], bytes ? Json(str("bytes=", bytes, "-")) : Json(nullptr));
  }
}

TEST_F(Hub, AnotherCallGoesOnToo) {
  fault({{"path", "/cdn/" + repo_}, {"cut", 700}});
  HubOptions once = options();
  once.tries = 1;
  fault(
      Json::array({{{"path", "/cdn/" + repo_}, {"times", 1}, {"cut", 700}}, {{"path", "/cdn/" + repo_}, {"cut", 0}}}));
  expect_error([&] { resolve_model(repo_, once); }, {"cannot fetch", "/model.safetensors", "local-dir:DIR"});
  expect_no_weights();
  EXPECT_EQ(fs::file_size(blob().string() + ".incomplete"), 700u);
  fault(Json::array());
  expect_whole(resolve());
  EXPECT_EQ(server_->requests("/cdn/" + repo_, "GET").back()["range"], "bytes=700-");
  EXPECT_FALSE(fs::exists(blob().string() + ".incomplete"));
}

TEST_F(Hub, WhatIsLeftOfAnotherFileIsNotTrusted) {
  make_directory(blob().parent_path());
  write_file(blob().string() + ".incomplete", std::string(500, 'x'));
  expect_whole(resolve());
  EXPECT_EQ(downloads(), 2u);  // the rest, then all of it
}

TEST_F(Hub, AServerWithoutRangesStartsAgain) {
  fault(Json::array(
      {{{"path", "/cdn/" + repo_}, {"times", 1}, {"cut", 700}}, {{"path", "/cdn/" + repo_}, {"no_range", true}}}));
  expect_whole(resolve());
}

TEST_F(Hub, WrongBytesAreNeverKept) {
  fault({{"path", "/cdn/" + repo_}, {"corrupt", true}});
  expect_error([&] { resolve(); }, {"has not the hash", sha256(weights_), "nothing of it was kept"});
  expect_no_weights();
  EXPECT_FALSE(fs::exists(blob().string() + ".incomplete"));
  fault({{"path", "/cache/" + repo_}, {"corrupt", true}});
  fs::remove_all(model());
  expect_error([&] { resolve(); }, {"has not the hash", "config.json"});
  EXPECT_EQ(std::distance(fs::directory_iterator(model() / "blobs"), {}), 0);
}

TEST_F(Hub, WrongLengthsAreNeverKept) {
  fault({{"path", "/cdn/" + repo_}, {"short", 5000}});
  expect_error([&] { resolve(); }, {"has less than", str(weights_.size()), "nothing of it was kept"});
  expect_no_weights();
  fault({{"path", repo_ + "/resolve"}, {"method", "HEAD"}, {"headers", {{"X-Linked-Size", "50"}}}});
  expect_error([&] { resolve(); }, {"has more than the 50 bytes"});
  expect_no_weights();
}

TEST_F(Hub, EveryRefusalHasItsOwnWords) {
  const auto refused = [&](int status, const char* code, const std::vector<std::string>& words) {
    const Json headers = {{"X-Error-Code", code[0] ? Json(code) : Json(nullptr)}, {"X-Error-Message", "no\x7f way"}};
    fault({{"path", repo_}, {"status", status}, {"headers", headers}});
    expect_error([&] { resolve(); }, words);
    EXPECT_FALSE(fs::exists(model() / "snapshots"));
  };
  refused(401, "GatedRepo", {"not granted", "HTTP 401: no? way", "HF_TOKEN", server_->endpoint() + "/" + repo_});
  refused(403, "GatedRepo", {"not granted", "HTTP 403"});
  refused(403, "", {"not granted", "HTTP 403"});
  refused(401, "RepoNotFound", {"neither such a path here nor a model", "private", "was not enough"});
  refused(401, "", {"neither such a path here nor a model"});
  refused(404, "RepoNotFound", {"neither such a path here nor a model", "HTTP 404"});
  refused(404, "RevisionNotFound", {"no revision 'main'", "HTTP 404"});
  refused(404, "EntryNotFound", {"has no config.json", "tools/to_safetensors.py"});
  refused(418, "", {"HTTP 418", "cannot fetch"});
}

TEST_F(Hub, AFileThatIsNotThereIsRemembered) {
  const std::string other = "org/pickled";
  server_->add(other, "config.json", config_);
  server_->add(other, "pytorch_model.bin", "pickle");
  expect_error([&] { resolve_model(other, options()); },
               {"[org/pickled]", "has no model.safetensors", "tools/to_safetensors.py"});
  const fs::path known = cache_ / "models--org--pickled" / ".no_exist";
  ASSERT_TRUE(fs::exists(known));
  EXPECT_TRUE(fs::exists(fs::directory_iterator(known)->path() / "model.safetensors"));
  expect_error([&] { resolve_model("org/nobody", options()); }, {"[org/nobody]", "RepoNotFound here"});
  expect_error([&] { resolve_model(repo_ + "@v2", options()); }, {"no revision 'v2'"});
}

TEST_F(Hub, TriesAgainWhatPasses) {
  for (const int status : {408, 429, 500, 502, 503, 504}) {
    fs::remove_all(model());
    fault(Json::array({{{"path", repo_ + "/resolve"}, {"times", 2}, {"status", status}},
                       {{"path", "/cdn/" + repo_}, {"times", 2}, {"status", status}}}));
    expect_whole(resolve());
  }
  fs::remove_all(model());
  fault({{"path", repo_}, {"status", 503}});
  const size_t before = server_->requests(repo_).size();
  expect_error([&] { resolve(); }, {"HTTP 503", "cannot fetch"});
  EXPECT_EQ(server_->requests(repo_).size() - before, 3u);
}

TEST_F(Hub, WaitsAsLongAsTheHubAsks) {
  const auto seconds = [&](const Json& headers) {
    fs::remove_all(model());
    fault({{"path", repo_}, {"times", 1}, {"status", 429}, {"headers", headers}});
    const auto begin = std::chrono::steady_clock::now();
    expect_whole(resolve());
    return std::chrono::duration<double>(std::chrono::steady_clock::now() - begin).count();
  };
  EXPECT_GE(seconds({{"Retry-After", "1"}}), 1.0);
  EXPECT_GE(seconds({{"ratelimit", "\"api\";r=0;t=1"}}), 1.0);
  fs::remove_all(model());
  fault({{"path", repo_}, {"status", 429}, {"headers", {{"Retry-After", "7200"}}}});
  expect_error([&] { resolve(); }, {"HTTP 429", "asks to wait 7200 s"});
}

TEST_F(Hub, GivesUpOnSilence) {
  HubOptions hasty = options();
  hasty.download_timeout = 0.2;
  hasty.tries = 2;
  fault({{"path", "/cdn/" + repo_}, {"stall", 4}, {"times", 2}});
  expect_whole(resolve_model(repo_, hasty));  // each stalled try brings one byte, so it goes on
  EXPECT_EQ(downloads(), 3u);
}

TEST_F(Hub, KnowsWhatIsNotTheHub) {
  fault({{"path", repo_}, {"method", "HEAD"}, {"headers", {{"X-Repo-Commit", nullptr}}}});
  expect_error([&] { resolve(); }, {"does not answer as the hub does", "HF_ENDPOINT"});
  for (const char* commit : {"../../../etc", "main", "0123456789012345678901234567890123456789/.."}) {
    fault({{"path", repo_}, {"method", "HEAD"}, {"headers", {{"X-Repo-Commit", commit}}}});
    expect_error([&] { resolve(); }, {"does not answer as the hub does"});
  }
  for (const char* etag : {"\"../../x\"", "\"\"", "\"..\"", "\".incomplete\""}) {
    fault({{"path", repo_}, {"method", "HEAD"}, {"headers", {{"ETag", etag}}}});
    expect_error([&] { resolve(); }, {"does not answer as the hub does"});
  }
  EXPECT_TRUE(fs::is_empty(cache_.path()));
}

TEST_F(Hub, RedirectsAreBounded) {
  fault({{"path", repo_}, {"status", 302}, {"headers", {{"Location", "/" + repo_ + "/resolve/main/config.json"}}}});
  HubOptions once = options();
  once.tries = 1;
  expect_error([&] { resolve_model(repo_, once); }, {"too many redirects"});
  fault({{"path", "/cdn/" + repo_}, {"status", 302}, {"headers", {{"Location", "file:///etc/passwd"}}}});
  expect_error([&] { resolve_model(repo_, once); }, {"neither http nor https"});
  expect_no_weights();
}

TEST_F(Hub, ManyProcessesFetchOnce) {
  fault({{"path", "/cdn/" + repo_}, {"stall", 0.3}});
  std::vector<pid_t> children;
  for (int i = 0; i < 3; ++i) {
    const pid_t child = ::fork();
    if (child == 0) {
      bool good = false;
      try {
        good = read_file(resolve() / "model.safetensors") == weights_;
      } catch (const Error&) {
      }
      ::_exit(good ? 0 : 1);
    }
    children.push_back(child);
  }
  for (const pid_t child : children) {
    int status = -1;
    ::waitpid(child, &status, 0);
    EXPECT_EQ(status, 0);
  }
  EXPECT_EQ(downloads(), 1u);
}

TEST_F(Hub, AFullDiskLeavesNothingUnderAFinalName) {
  const pid_t child = ::fork();
  if (child == 0) {
    const rlimit limit{1000, 1000};
    ::setrlimit(RLIMIT_FSIZE, &limit);
    ::signal(SIGXFSZ, SIG_IGN);
    try {
      resolve();
      ::_exit(1);
    } catch (const Error& error) {
      ::_exit(std::string(error.what()).find("cannot write") != std::string::npos ? 0 : 2);
    }
  }
  int status = -1;
  ::waitpid(child, &status, 0);
  EXPECT_EQ(status, 0);
  expect_no_weights();
  expect_whole(resolve());
}

TEST_F(Hub, WithoutTheHubTheCacheServes) {
  HubOptions offline = options();
  offline.offline = true;
  expect_error([&] { resolve_model(repo_, offline); },
               {"HF_HUB_OFFLINE", offline.endpoint + "/" + repo_ + "/resolve/main/config.json",
                "config.json and model.safetensors", (model() / "snapshots/main").string(), "local-dir:DIR"});
  EXPECT_TRUE(fs::is_empty(cache_.path()));
  const fs::path snapshot = resolve();
  EXPECT_EQ(resolve_model(repo_, offline), snapshot);

  HubOptions away = options();
  away.endpoint = "http://127.0.0.1:9";  // nobody listens
  EXPECT_EQ(resolve_model(repo_, away), snapshot);
  expect_error([&] { resolve_model("org/other", away); }, {"cannot fetch http://127.0.0.1:9/org/other/resolve/main/"});
  away.endpoint = "http://no-such-host.invalid";
  expect_error([&] { resolve_model("org/other", away); }, {"no-such-host.invalid", "check the network"});
  for (const int status : {401, 403, 500}) {
    fault({{"path", repo_}, {"status", status}});
    EXPECT_EQ(resolve(), snapshot);
  }
}

TEST_F(Hub, ABranchThatMovesOnWhileTheLineBreaksLeavesTheOldCommit) {
  const fs::path old = resolve();
  server_->add(repo_, "model.safetensors", weights_ + "new");
  fault({{"path", "/cdn/" + repo_}, {"cut", 0}});
  EXPECT_EQ(resolve(), old);
  EXPECT_EQ(read_file(model() / "refs/main"), old.filename().string());
}

TEST_F(Hub, FilesPutThereByHandAreFound) {
  HubOptions offline = options();
  offline.offline = true;
  const fs::path by_hand = model() / "snapshots/main";
  make_directory(by_hand);
  write_file(by_hand / "config.json", config_);
  write_file(by_hand / "model.safetensors", weights_);
  EXPECT_EQ(resolve_model(repo_, offline), by_hand);
}

TEST_F(Hub, StopsWhenAskedAndTellsHowFarItIs) {
  std::vector<Progress> told;
  const Monitor watching{.progress = [&](const Progress& p) { told.push_back(p); }};
  resolve_model(repo_, options(), watching);
  ASSERT_FALSE(told.empty());
  EXPECT_EQ(told.back().task, "fetch " + repo_);
  EXPECT_EQ(told.back().unit, "MB");
  EXPECT_EQ(told.back().done, told.back().total);
  fs::remove_all(model());
  expect_error([&] { resolve_model(repo_, options(), {.stop = [] { return true; }}); }, {"stopped"});
  expect_no_weights();
}

}  // namespace
}  // namespace retort
