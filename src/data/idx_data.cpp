// Data sets of four IDX files: Fashion-MNIST, and any other under `idx:DIR`.
#include <algorithm>
#include <array>
#include <cmath>
#include <span>

#include "base/file.h"
#include "base/hash.h"
#include "base/machine.h"
#include "data/idx.h"
#include "data/open.h"

namespace retort {

namespace {

constexpr const char* kFashionMnistDirectory = "/usr/share/datasets/fashion-mnist";
constexpr double kMinStd = 1e-3;  // images of one grey

struct IdxPart {
  std::string images_file, labels_file;
  Idx images, labels;
};

struct IdxFiles {
  IdxPart train, test;
};

class IdxSource : public Source {
 public:
  IdxSource(std::string part, IdxPart files)
      : part_(std::move(part)), images_(std::move(files.images)), labels_(std::move(files.labels)) {}
  int64_t size() const override { return images_.count; }
  uint64_t id(int64_t index) const override { return sample_id(part_, index); }
  int64_t label(int64_t index) const override { return labels_.values[static_cast<size_t>(index)]; }
  Picture picture(int64_t index) const override {
    const ImageShape shape{1, images_.height, images_.width};
    return Picture::of_pixels(images_.values.data() + index * shape.numel(), shape);
  }
  std::string name(int64_t index) const override { return str(part_, " image ", index); }

 private:
  std::string part_;
  Idx images_, labels_;
};

// DIR/name or DIR/name.gz. Throws Error where there is neither.
fs::path find_file(const fs::path& directory, const std::string& name) {
  for (const char* ending : {"", ".gz"}) {
    const fs::path path = directory / (name + ending);
    std::error_code ignored;
    if (fs::exists(path, ignored)) return path;
  }
  fail(directory.string(), "there is no ", name, " or ", name, ".gz; expected train-images-idx3-ubyte, ",
       "train-labels-idx1-ubyte, t10k-images-idx3-ubyte and t10k-labels-idx1-ubyte");
}

void check_part(const IdxPart& part) {
  if (part.images.count == part.labels.count) return;
  fail(part.labels_file, part.labels.count, " labels, but ", part.images.count, " images in ", part.images_file,
       "; give files that belong together");
}

IdxFiles read_files(const fs::path& directory) {
  IdxFiles files;
  struct Job {
    std::string name;
    IdxKind kind;
    std::string& file;
    Idx& idx;
  };
  auto& [train, test] = files;
  std::array jobs = {Job{"train-images-idx3-ubyte", IdxKind::images, train.images_file, train.images},
                     Job{"t10k-images-idx3-ubyte", IdxKind::images, test.images_file, test.images},
                     Job{"train-labels-idx1-ubyte", IdxKind::labels, train.labels_file, train.labels},
                     Job{"t10k-labels-idx1-ubyte", IdxKind::labels, test.labels_file, test.labels}};
  for (Job& job : jobs) job.file = find_file(directory, job.name).string();
  parallel_for(usable_cores(), static_cast<int64_t>(jobs.size()), [&](int64_t i) {
    Job& job = jobs[static_cast<size_t>(i)];
    job.idx = parse_idx(job.file, MappedFile(job.file).bytes(), job.kind);
  });
  check_part(train);
  check_part(test);
  if (train.images.height != test.images.height || train.images.width != test.images.width) {
    fail(test.images_file, "images of ", test.images.height, " x ", test.images.width, ", but ", train.images.height,
         " x ", train.images.width, " in ", train.images_file, "; give files that belong together");
  }
  return files;
}

int64_t max_label(const IdxPart& part) {
  return *std::max_element(part.labels.values.begin(), part.labels.values.end());
}

void check_labels(const IdxPart& part, int64_t classes) {
  if (const int64_t label = max_label(part); label >= classes) {
    fail(part.labels_file, "there is a label ", label, "; expected labels below ", classes,
         "; give the files of this data set");
  }
}

// Mean and standard deviation of the pixels, scaled to [0, 1]; exact sums, so the same on every machine.
std::pair<double, double> pixel_statistics(std::span<const uint8_t> pixels) {
  constexpr size_t kPiece = 4096;  // its sum of squares fits 32 bits
  uint64_t sum = 0, squares = 0;
  for (size_t begin = 0; begin < pixels.size(); begin += kPiece) {
    uint32_t piece_sum = 0, piece_squares = 0;
    for (const uint32_t p : pixels.subspan(begin, std::min(kPiece, pixels.size() - begin))) {
      piece_sum += p;
      piece_squares += p * p;
    }
    sum += piece_sum;
    squares += piece_squares;
  }
  const auto n = static_cast<double>(pixels.size());
  const double mean = static_cast<double>(sum) / n;
  const double variance = static_cast<double>(squares) / n - mean * mean;
  return {mean / 255, std::max(std::sqrt(std::max(variance, 0.0)) / 255, kMinStd)};
}

// Everything but the names and the statistics.
DataSet make_data(IdxFiles files) {
  DataSet data;
  data.hash =
      sha256(files.train.images.hash + files.train.labels.hash + files.test.images.hash + files.test.labels.hash);
  data.shape = {1, files.train.images.height, files.train.images.width};
  set_splits(data, std::make_shared<IdxSource>("train", std::move(files.train)),
             std::make_shared<IdxSource>("test", std::move(files.test)));
  return data;
}

}  // namespace

DataSet open_fashion_mnist_in(const fs::path& directory) {
  std::error_code ignored;
  if (!fs::exists(directory, ignored)) {
    fail("fashion-mnist", "there is no ", directory.string(),
         "; install the Debian package dataset-fashion-mnist or give idx:DIR with the four files");
  }
  const std::vector<std::string> names = {"T-shirt/top", "Trouser", "Pullover", "Dress", "Coat",
                                          "Sandal",      "Shirt",   "Sneaker",  "Bag",   "Ankle boot"};
  IdxFiles files = read_files(directory);
  for (const IdxPart* part : {&files.train, &files.test}) check_labels(*part, static_cast<int64_t>(names.size()));
  DataSet data = make_data(std::move(files));
  data.label_names = names;
  data.mean = {0.2860};
  data.std = {0.3530};
  return data;
}

DataSet open_fashion_mnist(const std::string& argument) {
  if (!argument.empty()) fail_usage("data", "fashion-mnist takes no '", argument, "'; for other files give idx:DIR");
  return open_fashion_mnist_in(kFashionMnistDirectory);
}

DataSet open_idx(const std::string& argument) {
  if (argument.empty()) fail_usage("data", "idx needs a directory; give idx:DIR");
  std::error_code ignored;
  if (!fs::is_directory(argument, ignored)) fail("data", "'", argument, "' is not a directory; give idx:DIR");
  IdxFiles files = read_files(argument);
  const int64_t classes = std::max(max_label(files.train), max_label(files.test)) + 1;
  const auto [mean, std] = pixel_statistics(files.train.images.values);
  DataSet data = make_data(std::move(files));
  for (int64_t i = 0; i < classes; ++i) data.label_names.push_back(str(i));
  data.mean = {mean};
  data.std = {std};
  return data;
}

}  // namespace retort
