// Other people's ONNX files (tests/golden/onnx_files.py): what a Session takes, and what it refuses in one line.
#include <gtest/gtest.h>

#include <cmath>
#include <thread>

#include "base/file.h"
#include "infer/onnx_file.h"
#include "retort/infer.h"
#include "support/expect_error.h"
#include "support/temp_dir.h"
#include "weights/config.h"
#include "weights/onnx_metadata.h"

namespace retort {
namespace {

using test::expect_error;
using test::TempDir;

const ImageShape kSize{3, 8, 8};

ModelConfig sidecar(ImageShape size = kSize, int64_t classes = 4) {
  const auto channels = static_cast<size_t>(size.channels);
  return {.architecture = "foreign",
          .num_classes = classes,
          .preprocess = {
              .size = size, .mean = std::vector<double>(channels, 0.5), .std = std::vector<double>(channels, 0.25)}};
}

/// One of the files, alone with a config.json.
class Files {
 public:
  fs::path with(const std::string& name, const ModelConfig& config = sidecar()) {
    write_config(dir_.path(), config);
    return alone(name);
  }
  fs::path alone(const std::string& name) {
    const fs::path to = dir_ / (name + ".onnx");
    fs::copy_file(fs::path(RETORT_GOLDEN) / "onnx" / (name + ".onnx"), to, fs::copy_options::overwrite_existing);
    return to;
  }
  const fs::path& path() const { return dir_.path(); }

 private:
  TempDir dir_;
};

/// Image i is all (i + 1) in channel 0, all 2 (i + 1) in channel 1, all 3 (i + 1) in channel 2.
std::vector<float> plain_images(int64_t n, const ImageShape& size = kSize) {
  std::vector<float> images;
  for (int64_t i = 0; i < n; ++i) {
    for (int64_t p = 0; p < size.height * size.width; ++p) {
      for (int64_t c = 0; c < 3; ++c) images.push_back(static_cast<float>((c + 1) * (i + 1)));
    }
  }
  return images;
}

/// Rows of W = 0 ... 11 times (1, 2, 3), and times i + 1.
void expect_plain_logits(const std::vector<float>& logits, int64_t n) {
  const float rows[4] = {8, 26, 44, 62};
  ASSERT_EQ(std::ssize(logits), 4 * n);
  for (int64_t i = 0; i < 4 * n; ++i) {
    const int64_t image = i / 4;
    EXPECT_NEAR(logits[static_cast<size_t>(i)], rows[i % 4] * static_cast<float>(image + 1), 1e-3) << i;
  }
}

std::vector<float> run(Session& session, int64_t n) {
  std::vector<float> logits(static_cast<size_t>(n * session.config().num_classes));
  session.run(plain_images(n, session.config().preprocess.size).data(), n, logits.data());
  return logits;
}

TEST(Session, RunsOtherPeoplesFiles) {
  Files files;
  for (const char* name : {"classifier", "channels_last", "open_size", "pixels", "with_features"}) {
    SCOPED_TRACE(name);
    Session session(files.with(name), {.threads = 1});
    EXPECT_EQ(session.precision(), "f32");
    EXPECT_EQ(session.parameters(), 16);
    expect_plain_logits(run(session, 1), 1);
    expect_plain_logits(run(session, 5), 5);
  }
}

TEST(Session, PixelsAreNotNormalisedTwice) {
  Files files;
  const Session session(files.with("pixels"), {.threads = 1});
  const Preprocess& p = session.config().preprocess;
  EXPECT_EQ(p.mean, std::vector<double>(3, 0.0));
  EXPECT_EQ(p.std, std::vector<double>(3, 1 / 255.0));
}

TEST(Session, ASoftmaxIsUndone) {
  Files files;
  Session session(files.with("softmax"), {.threads = 1});
  const std::vector<float> logits = run(session, 1);
  for (const float z : logits) EXPECT_TRUE(std::isfinite(z));
  EXPECT_NEAR(logits[3], 0, 1e-5);
  EXPECT_NEAR(logits[2] - logits[3], 44 - 62, 1e-3);  // further away float32 knows no probability
}

TEST(Session, AsynchronousAndBatchedRunsGiveTheSame) {
  Files files;
  Session session(files.with("classifier"), {.threads = 2, .streams = 2});
  constexpr int64_t kImages = 23;
  const std::vector<float> images = plain_images(kImages);
  std::vector<float> batched(4 * kImages), started(4 * kImages), threaded(4 * kImages);
  session.run_batches(images.data(), kImages, 5, batched.data());
  expect_plain_logits(batched, kImages);

  std::vector<std::future<void>> futures;
  for (int64_t i = 0; i < kImages; ++i) {
    futures.push_back(session.start(images.data() + i * kSize.numel(), 1, started.data() + 4 * i));
  }
  for (auto& future : futures) future.get();
  expect_plain_logits(started, kImages);

  {
    std::vector<std::jthread> threads;
    for (int64_t t = 0; t < 4; ++t) {
      threads.emplace_back([&, t] {
        for (int64_t i = t; i < kImages; i += 4) {
          session.run(images.data() + i * kSize.numel(), 1, threaded.data() + 4 * i);
        }
      });
    }
  }
  expect_plain_logits(threaded, kImages);
}

TEST(Session, CompiledForOneBatchAndCached) {
  Files files;
  const fs::path file = files.with("classifier");
  for (int round = 0; round < 2; ++round) {
    Session session(file, {.threads = 1, .batch = 3, .cache = files.path() / "cache"});
    expect_plain_logits(run(session, 3), 3);
    expect_error([&] { run(session, 2); }, {"classifier.onnx", "2 images", "batches of 3"});
  }
  EXPECT_FALSE(fs::is_empty(files.path() / "cache"));
}

TEST(Session, SizesThatAreOpenAreThePreprocessingsOrTheCallers) {
  Files files;
  Session session(files.with("open_size"), {.threads = 1, .img_size = 6});
  EXPECT_EQ(session.config().preprocess.size, (ImageShape{3, 6, 6}));
  expect_plain_logits(run(session, 2), 2);
  expect_error([&] { Session(files.with("classifier"), {.threads = 1, .img_size = 6}); },
               {"8 pixels", "--img-size", "6"});
}

TEST(Session, WhatIsNoClassifierIsRefused) {
  Files files;
  const auto refused = [&](const std::string& name, const std::vector<std::string>& words) {
    SCOPED_TRACE(name);
    const fs::path file = files.with(name);
    std::vector<std::string> all = words;
    all.push_back(name + ".onnx");
    expect_error([&] { Session(file, {.threads = 1}); }, all, Error::Kind::failure);
  };
  refused("fixed_batch", {"batch is fixed at 1", "dynamic"});
  refused("two_classifiers", {"several outputs", "'scores'", "'more'"});
  refused("two_inputs", {"2 inputs"});
  refused("no_classifier", {"no output", "[N, classes]"});
  refused("vectors", {"no image"});
  refused("newer_opset", {"opset 99"});
  refused("unknown_operator", {"Frobnicate"});
  refused("external_data", {"gone.data"});
}

TEST(Session, WhatContradictsTheConfigIsRefused) {
  Files files;
  const auto refused = [&](const ModelConfig& config, const std::vector<std::string>& words) {
    const fs::path file = files.with("classifier", config);
    expect_error([&] { Session(file, {.threads = 1}); }, words, Error::Kind::failure);
  };
  refused(sidecar(kSize, 5), {"4 classes", "num_classes 5"});
  refused(sidecar({1, 8, 8}), {"no axis of 1 channels"});
  refused(sidecar({3, 16, 16}), {"8 pixels", "16"});
  Files lonely;
  expect_error([&] { Session(lonely.alone("classifier"), {.threads = 1}); }, {"preprocessing", "config.json"});
}

// Appends a string to a file's metadata_props, field 14 of ModelProto; protobuf's fields may come in any order.
std::string with_metadata(const std::string& onnx, const std::string& key, const std::string& value) {
  const auto field = [](int number, const std::string& bytes) {
    std::string out(1, static_cast<char>(number << 3 | 2));
    size_t left = bytes.size();
    for (; left >= 0x80; left >>= 7) out += static_cast<char>(left | 0x80);
    return out + static_cast<char>(left) + bytes;
  };
  return onnx + field(14, field(1, key) + field(2, value));
}

TEST(Session, MetadataThatContradictTheGraphAreRefused) {
  Files files;
  const std::string whole = read_file(files.with("classifier", sidecar(kSize, 5)));  // the sidecar is not asked
  const fs::path file = files.path() / "said.onnx";
  const auto said = [&](const std::string& key, const std::string& value) {
    write_file(file, with_metadata(whole, key, value));
    return Session(file, {.threads = 1});
  };
  const auto refused = [&](const std::string& key, const std::string& value, const std::vector<std::string>& words) {
    std::vector<std::string> all = words;
    all.emplace_back("said.onnx");
    expect_error([&] { said(key, value); }, all, Error::Kind::failure);
  };
  Session good = said(kConfigKey, config_text("test", sidecar()));
  expect_plain_logits(run(good, 2), 2);
  refused(kConfigKey, config_text("test", sidecar(kSize, 7)), {"4 classes", "num_classes 7"});
  refused(kConfigKey, config_text("test", sidecar({3, 16, 16})), {"8 pixels", "16"});
  refused(kConfigKey, config_text("test", sidecar({1, 8, 8})), {"no axis of 1 channels"});
  refused(kConfigKey, "{", {kConfigKey, "not valid JSON"});
  refused(kConfigKey, "{}", {kConfigKey, "'architecture'"});
  refused(kOnnxVersionKey, "2", {"version 1"});
}

TEST(Session, DamagedFilesAreRefused) {
  Files files;
  const std::string whole = read_file(files.with("classifier"));
  const fs::path file = files.path() / "damaged.onnx";
  const auto refused = [&](const std::string& bytes) {
    write_file(file, bytes);
    expect_error([&] { Session(file, {.threads = 1}); }, {"damaged.onnx"}, Error::Kind::failure);
  };
  for (size_t size = 0; size < whole.size(); size += 7) refused(whole.substr(0, size));
  refused("no protobuf at all, but text");
  expect_error([&] { Session(files.path() / "not_there.onnx"); }, {"not_there.onnx", "does not exist"});
}

TEST(Session, OptionsAreChecked) {
  Files files;
  const fs::path file = files.with("classifier");
  const auto refused = [&](const SessionOptions& options, const std::string& word) {
    expect_error([&] { Session(file, options); }, {word}, Error::Kind::usage);
  };
  refused({.threads = -1}, "threads is -1");
  refused({.threads = 1, .streams = 2}, "2 streams on 1 threads");
  refused({.threads = 1, .precision = "int3"}, "int3");
  refused({.threads = 1, .batch = -1}, "batch is -1");
}

TEST(OnnxFile, SaysItsOpset) {
  const std::string bytes = read_file(fs::path(RETORT_GOLDEN) / "onnx" / "classifier.onnx");
  EXPECT_EQ(onnx_opset("test", std::as_bytes(std::span(bytes))), 17);
}

}  // namespace
}  // namespace retort
