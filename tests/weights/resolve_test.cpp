#include <gtest/gtest.h>

#include <cstdlib>
#include <map>

#include "base/file.h"
#include "retort/weights.h"
#include "support/expect_error.h"
#include "support/temp_dir.h"
#include "weights/http.h"

namespace retort {
namespace {

using test::expect_error;

// Sets variables for a test, and takes the hub's others away; puts back what was there.
class Environment {
 public:
  explicit Environment(const std::map<std::string, std::string>& values) {
    for (const char* name : {"HF_ENDPOINT", "HF_HOME", "HF_HUB_CACHE", "HUGGINGFACE_HUB_CACHE", "HF_TOKEN",
                             "HF_TOKEN_PATH", "HF_HUB_OFFLINE", "TRANSFORMERS_OFFLINE", "HF_HUB_ETAG_TIMEOUT",
                             "HF_HUB_DOWNLOAD_TIMEOUT", "XDG_CACHE_HOME", "HOME"}) {
      const char* value = std::getenv(name);
      if (value) before_[name] = value;
      ::unsetenv(name);
      names_.emplace_back(name);
    }
    for (const auto& [name, value] : values) ::setenv(name.c_str(), value.c_str(), 1);
  }
  ~Environment() {
    for (const std::string& name : names_) ::unsetenv(name.c_str());
    for (const auto& [name, value] : before_) ::setenv(name.c_str(), value.c_str(), 1);
  }

 private:
  std::vector<std::string> names_;
  std::map<std::string, std::string> before_;
};

HubOptions options_with(const std::map<std::string, std::string>& values) {
  const Environment environment(values);
  return hub_options_from_environment();
}

TEST(HubOptions, FollowTheVariablesOfThePythonClient) {
  EXPECT_EQ(options_with({{"HOME", "/h"}}).cache, "/h/.cache/huggingface/hub");
  EXPECT_EQ(options_with({{"HOME", "/h"}, {"XDG_CACHE_HOME", "/x"}}).cache, "/x/huggingface/hub");
  EXPECT_EQ(options_with({{"HF_HOME", "/hf"}, {"XDG_CACHE_HOME", "/x"}}).cache, "/hf/hub");
  EXPECT_EQ(options_with({{"HF_HOME", "/hf"}, {"HUGGINGFACE_HUB_CACHE", "/old"}}).cache, "/old");
  EXPECT_EQ(options_with({{"HUGGINGFACE_HUB_CACHE", "/old"}, {"HF_HUB_CACHE", "/new"}}).cache, "/new");
  EXPECT_EQ(options_with({{"HOME", "/h"}, {"HF_HUB_CACHE", "~/c"}}).cache, "/h/c");
  EXPECT_EQ(options_with({}).endpoint, "https://huggingface.co");
  EXPECT_EQ(options_with({{"HF_ENDPOINT", "http://127.0.0.1:1"}}).endpoint, "http://127.0.0.1:1");
  EXPECT_FALSE(options_with({}).offline);
  for (const char* yes : {"1", "on", "YES", "True"}) EXPECT_TRUE(options_with({{"HF_HUB_OFFLINE", yes}}).offline);
  EXPECT_TRUE(options_with({{"TRANSFORMERS_OFFLINE", "1"}}).offline);
  EXPECT_FALSE(options_with({{"HF_HUB_OFFLINE", "0"}}).offline);
  EXPECT_EQ(options_with({{"HF_HUB_ETAG_TIMEOUT", "3"}}).etag_timeout, 3);
  EXPECT_EQ(options_with({{"HF_HUB_DOWNLOAD_TIMEOUT", "-3"}}).download_timeout, 10);
}

TEST(HubOptions, FindTheToken) {
  const test::TempDir home;
  EXPECT_EQ(options_with({{"HF_HOME", home.path()}}).token, "");
  write_file(home / "token", "hf_of_the_file\n");
  write_file(home / "other", "hf_of_another");
  EXPECT_EQ(options_with({{"HF_HOME", home.path()}}).token, "hf_of_the_file");
  EXPECT_EQ(options_with({{"HF_HOME", home.path()}, {"HF_TOKEN_PATH", home / "other"}}).token, "hf_of_another");
  EXPECT_EQ(options_with({{"HF_HOME", home.path()}, {"HF_TOKEN", " hf_here\n"}}).token, "hf_here");
}

TEST(ModelNames, AreOfTheHubOrPaths) {
  const test::TempDir directory;
  EXPECT_TRUE(is_hub_ref("hf-hub:timm/resnet18.a1_in1k"));
  EXPECT_TRUE(is_hub_ref("timm/resnet18.a1_in1k"));
  EXPECT_TRUE(is_hub_ref("timm/resnet18.a1_in1k@refs/pr/1"));
  EXPECT_FALSE(is_hub_ref("local-dir:timm/resnet18.a1_in1k"));
  EXPECT_FALSE(is_hub_ref(directory.path()));
  for (const char* path : {"runs", "./runs/a", "../runs/a", "/runs/a", "runs/a/", "a/b/c", "a b/c", "", "a//b"}) {
    EXPECT_FALSE(is_hub_ref(path)) << path;
  }
  EXPECT_EQ(model_name("hf-hub:timm/resnet18.a1_in1k"), "resnet18.a1_in1k");
  EXPECT_EQ(model_name("timm/resnet18.a1_in1k@refs/pr/1"), "resnet18.a1_in1k@refs/pr/1");
  EXPECT_EQ(model_name("local-dir:runs/a/"), "a");
  EXPECT_EQ(model_name("runs/a/."), "a");
  EXPECT_EQ(model_name(directory.path()), directory.path().filename());
}

TEST(ModelNames, APathIsTakenAsItIs) {
  const test::TempDir directory;
  EXPECT_EQ(resolve_model(directory.path(), HubOptions{}), directory.path());
  EXPECT_EQ(resolve_model("local-dir:" + directory.path().string(), HubOptions{}), directory.path());
  const std::string absent = directory / "absent";
  expect_error([&] { resolve_model(absent, HubOptions{}); }, {"does not exist", "config.json"});
  expect_error([&] { resolve_model("local-dir:org/absent", HubOptions{}); }, {"does not exist"});
  write_file(directory / "pytorch_model.bin", "x");
  expect_error([&] { resolve_model(directory.path(), HubOptions{}); },
               {"has no model.safetensors", "tools/to_safetensors.py"});
}

TEST(ModelNames, MalformedOnesAreRefusedBeforeAnyoneIsAsked) {
  const HubOptions options{.endpoint = "http://127.0.0.1:9", .tries = 1};
  const std::string long_name(97, 'a');
  for (const std::string& name :
       {std::string(""),         std::string("resnet18"),       std::string("a/b/c"),  std::string("../b"),
        std::string("a/.."),     std::string("/a/b"),           std::string("a/b..c"), std::string("a/b--c"),
        std::string("a/b.git"),  std::string("a/.b"),           std::string("a/b-"),   std::string("a/b c"),
        std::string("a/b%2e"),   std::string("a\\b/c"),         "a/" + long_name,      std::string("a/b@"),
        std::string("a/b@../x"), std::string("a/b@/x"),         std::string("a/b@x/"), std::string("a/b@x@y"),
        std::string("a/b@x y"),  "a/b@" + std::string(300, 'x')}) {
    expect_error([&] { resolve_model("hf-hub:" + name, options); }, {"not a model's name", "hf-hub:ORG/NAME"},
                 Error::Kind::usage);
  }
  expect_error([] { resolve_model("a/b", HubOptions{.endpoint = "ftp://x"}); }, {"HF_ENDPOINT", "ftp://x"});
  expect_error([] { resolve_model("a/b", HubOptions{.token = "a\r\nb: c"}); }, {"HF_TOKEN"});
}

TEST(Url, RedirectsResolveAndNeverLeaveHttp) {
  EXPECT_EQ(resolve_url("https://a.b/c/d", "/e"), "https://a.b/e");
  EXPECT_EQ(resolve_url("https://a.b/c/d", "e?f=1"), "https://a.b/c/e?f=1");
  EXPECT_EQ(resolve_url("http://a.b/c", "https://x.y/z"), "https://x.y/z");
  EXPECT_EQ(resolve_url("https://a.b/c", "http://x.y/z"), "");
  EXPECT_EQ(resolve_url("http://a.b/c", "file:///etc/passwd"), "");
  EXPECT_TRUE(same_origin("https://A.b/c", "https://a.b:443/d"));
  EXPECT_FALSE(same_origin("https://a.b/c", "http://a.b/c"));
  EXPECT_FALSE(same_origin("http://a.b:1/c", "http://a.b:2/c"));
  EXPECT_FALSE(same_origin("http://a.b/c", "http://a.b@evil.c/"));
  EXPECT_EQ(quote_url("refs/pr/1"), "refs%2Fpr%2F1");
}

}  // namespace
}  // namespace retort
