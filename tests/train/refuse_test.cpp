// What training refuses, and what it leaves behind when it fails.
#include <sys/resource.h>

#include <csignal>

#include "train/tiny_training.h"

namespace retort::test {
namespace {

TEST_F(TrainTest, RefusesADirectoryThatHoldsSomething) {
  TrainOptions o = options("run");
  write_file(dir_ / "file", "");
  o.out = path("file");
  expect_error([&] { train(o); }, {"in the way"}, Error::Kind::usage);
  o.out = path("data");
  expect_error([&] { train(o); }, {"not empty"}, Error::Kind::usage);
  o.resume = true;
  expect_error([&] { train(o); }, {"no checkpoint"}, Error::Kind::usage);
  o = options("run");
  o.epochs = 1;
  EXPECT_TRUE(train(o, stop_after(1)).stopped);
  expect_error([&] { train(o); }, {"unfinished", "--resume"}, Error::Kind::usage);
  o.resume = true;
  train(o);
  o.resume = false;
  expect_error([&] { train(o); }, {"finished run"}, Error::Kind::usage);
}

TEST_F(TrainTest, RefusalsComeBeforeAnythingIsWritten) {
  TrainOptions o = options("run");
  o.device = "no-such-device";
  expect_error([&] { train(o); }, {"no-such-device"}, Error::Kind::usage);
  o = options("run");
  o.data = "idx:" + path("nowhere");
  expect_error([&] { train(o); }, {"nowhere"});
  o = options("run");
  o.model = "vgg8x";
  expect_error([&] { train(o); }, {"vgg8"}, Error::Kind::usage);
  EXPECT_FALSE(has("run"));
}

TEST_F(TrainTest, RefusesToResumeWithOtherOptionsOrData) {
  TrainOptions o = options("run");
  EXPECT_TRUE(train(o, stop_after(2)).stopped);
  o.resume = true;
  o.seed = 4;
  o.model = "resnet20";
  expect_error([&] { train(o); }, {"--seed was 0, is 4", "--model was"}, Error::Kind::usage);
  o = options("run");
  o.resume = true;
  write_idx_data(dir_ / "data", {.train = 160, .test = 20, .classes = 4, .seed = 9});
  expect_error([&] { train(o); }, {"other data"});
}

TEST_F(TrainTest, RefusesADamagedCheckpoint) {
  TrainOptions o = options("run");
  EXPECT_TRUE(train(o, stop_after(2)).stopped);
  o.resume = true;
  const std::string whole = read_file(checkpoint("run"));
  for (const size_t size : {size_t{0}, size_t{7}, size_t{9}, size_t{100}, whole.size() / 2, whole.size() - 1}) {
    write_file(checkpoint("run"), whole.substr(0, size));
    expect_error([&] { train(o); }, {"state.safetensors"}, Error::Kind::failure);
  }
  std::string changed = whole;
  changed[changed.size() - 100] ^= 1;
  write_file(checkpoint("run"), changed);
  expect_error([&] { train(o); }, {"SHA-256"});
  write_file(checkpoint("run"), whole);
  EXPECT_FALSE(train(o).stopped);
}

TEST_F(TrainTest, ANanLossStopsAndKeepsTheLastGoodCheckpoint) {
  TrainOptions o = options("run");
  o.lr = 1e30;
  o.epochs = 2;
  expect_error([&] { train(o); }, {"step ", "epoch 1", "learning rate", "--lr", "--clip-grad", "--precision f32"},
               Error::Kind::failure);
  EXPECT_FALSE(has("run/model.safetensors"));
  EXPECT_FALSE(has("run/run.json"));
  EXPECT_EQ(temporary_files(), 0);
  // It is whole: going on from it comes to the same end.
  o.resume = true;
  expect_error([&] { train(o); }, {"step ", "--lr"});
}

/// Lets no file grow beyond `bytes` while it lives, as a full disk would not.
class FullDisk {
 public:
  explicit FullDisk(rlim_t bytes) {
    ::getrlimit(RLIMIT_FSIZE, &before_);
    before_handler_ = std::signal(SIGXFSZ, SIG_IGN);
    const rlimit limit{bytes, before_.rlim_max};
    ::setrlimit(RLIMIT_FSIZE, &limit);
  }
  ~FullDisk() {
    ::setrlimit(RLIMIT_FSIZE, &before_);
    std::signal(SIGXFSZ, before_handler_);
  }
  FullDisk(const FullDisk&) = delete;
  FullDisk& operator=(const FullDisk&) = delete;

 private:
  rlimit before_{};
  void (*before_handler_)(int) = nullptr;
};

TEST_F(TrainTest, AFullDiskIsOneLine) {
  const TrainOptions o = options("run");
  {
    const FullDisk full(20'000);
    expect_error([&] { train(o); }, {"cannot write"}, Error::Kind::failure);
  }
  EXPECT_FALSE(fs::exists(checkpoint("run")));
  EXPECT_FALSE(has("run/model.safetensors"));
  EXPECT_EQ(temporary_files(), 0);
}

TEST_F(TrainTest, ADiskThatFillsLaterLeavesTheCheckpoint) {
  TrainOptions o = options("run");
  EXPECT_TRUE(train(o, stop_after(2)).stopped);
  o.resume = true;
  {
    const FullDisk full(10'000);
    expect_error([&] { train(o); }, {"cannot write"});
  }
  EXPECT_EQ(temporary_files(), 0);
  EXPECT_FALSE(train(o).stopped);
}

TEST_F(TrainTest, DataWithoutAValidationSampleIsRefused) {
  const DataSet data = open_data(data_);
  ASSERT_GT(data.val.size(), 0);
  // Some counts this small have no sample in the tenth that is val.
  for (int train_samples = 4; train_samples < 12; ++train_samples) {
    const std::string tiny =
        write_idx_data(dir_ / str("tiny", train_samples), {.train = train_samples, .test = 4, .classes = 4});
    TrainOptions o = options(str("run", train_samples));
    o.data = tiny;
    o.epochs = 1;
    try {
      train(o);
    } catch (const Error& error) {
      EXPECT_NE(std::string(error.what()).find("val"), std::string::npos) << error.what();
      EXPECT_FALSE(fs::exists(o.out));
    }
  }
}

}  // namespace
}  // namespace retort::test
