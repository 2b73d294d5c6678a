#include <gtest/gtest.h>

#include <cmath>
#include <limits>

#include "base/file.h"
#include "retort/predictions.h"
#include "support/expect_error.h"
#include "support/temp_dir.h"

namespace retort {
namespace {

using test::expect_error;

class PredictionsFileTest : public testing::Test {
 protected:
  PredictionsFileTest() {
    written_ = {{"a", "b"}, 3, 2, "val", "hash", {~uint64_t{0}, 0, 7}, {1, 0, 1}, {}};
    for (int i = 0; i < 12; ++i) written_.logits.push_back(std::sqrt(static_cast<float>(i)) - 2);
    save_predictions(out_, written_);
  }
  void expect_refused(const std::vector<std::string>& words) const {
    expect_error([&] { load_predictions(out_); }, words, Error::Kind::failure);
  }

  test::TempDir dir_;
  fs::path out_ = dir_ / "out";
  fs::path index_ = out_ / "predictions.json", tensors_ = out_ / "predictions.safetensors";
  Predictions written_;
};

TEST_F(PredictionsFileTest, GivesBackWhatWasSaved) {
  for (const bool labelled : {true, false}) {
    if (!labelled) written_.labels.clear();
    save_predictions(out_, written_);
    const Predictions read = load_predictions(out_);
    EXPECT_EQ(read.members, written_.members);
    EXPECT_EQ(read.samples, 3);
    EXPECT_EQ(read.classes, 2);
    EXPECT_EQ(read.split, "val");
    EXPECT_EQ(read.data_hash, "hash");
    EXPECT_EQ(read.ids, written_.ids);
    EXPECT_EQ(read.labels, written_.labels);
    EXPECT_EQ(read.logits, written_.logits);
  }
}

TEST_F(PredictionsFileTest, RefusesToSaveWhatIsWrong) {
  Predictions bad = written_;
  bad.logits[5] = std::numeric_limits<float>::quiet_NaN();
  expect_error([&] { save_predictions(dir_ / "new", bad); }, {"logit of a", "nan"});
  bad = written_;
  bad.ids[0] = 7;
  expect_error([&] { save_predictions(dir_ / "new", bad); }, {"twice"});
  EXPECT_FALSE(fs::exists(dir_ / "new"));
}

TEST_F(PredictionsFileTest, RefusesDamageAnywhere) {
  for (const fs::path& file : {index_, tensors_}) {
    const std::string whole = read_file(file);
    for (size_t at = 0; at + 2 < whole.size(); at += 7) {
      write_file(file, whole.substr(0, at));
      EXPECT_THROW(load_predictions(out_), Error) << file << " cut at " << at;
      std::string changed = whole;
      changed[at] = static_cast<char>(changed[at] ^ 0x11);
      write_file(file, changed);
      try {  // a name, a split or a space of the header may change unseen; numbers may not
        const Predictions read = load_predictions(out_);
        EXPECT_TRUE(read.logits == written_.logits && read.ids == written_.ids) << file << " changed at " << at;
      } catch (const Error& error) {
        EXPECT_EQ(std::string(error.what()).find('\n'), std::string::npos);
      }
    }
    write_file(file, whole);
  }
  load_predictions(out_);
}

TEST_F(PredictionsFileTest, RefusesOtherFiles) {
  std::string text = read_file(index_);
  text.replace(text.find(": 1"), 3, ": 2");
  write_file(index_, text);
  expect_refused({"retort_predictions is 2", "version 1"});
  fs::remove(index_);
  expect_refused({"predictions.json"});
  save_predictions(out_, written_);
  Predictions other = written_;
  other.logits[0] += 1;
  save_predictions(dir_ / "other", other);
  fs::copy_file(dir_ / "other" / "predictions.safetensors", tensors_, fs::copy_options::overwrite_existing);
  expect_refused({"SHA-256"});
  fs::remove(tensors_);
  expect_refused({"predictions.safetensors"});
}

}  // namespace
}  // namespace retort
