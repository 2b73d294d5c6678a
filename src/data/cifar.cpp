#include "data/cifar.h"

#include <algorithm>
#include <array>
#include <map>

#include "base/file.h"
#include "base/hash.h"
#include "data/gunzip.h"
#include "data/open.h"
#include "data/tar.h"

namespace retort {

const CifarKind kCifar10 = {
    .name = "cifar10",
    .directory = "cifar-10-batches-bin",
    .archive = "cifar-10-binary",
    .train_files = {"data_batch_1.bin", "data_batch_2.bin", "data_batch_3.bin", "data_batch_4.bin", "data_batch_5.bin"},
    .test_file = "test_batch.bin",
    .names_file = "batches.meta.txt",
    .labels = 1,
    .classes = 10,
    .train_records = 10'000,
    .test_records = 10'000,
    .mean = {0.4914, 0.4822, 0.4465},
    .std = {0.2470, 0.2435, 0.2616}};

const CifarKind kCifar100 = {.name = "cifar100",
                             .directory = "cifar-100-binary",
                             .archive = "cifar-100-binary",
                             .train_files = {"train.bin"},
                             .test_file = "test.bin",
                             .names_file = "fine_label_names.txt",
                             .labels = 2,
                             .classes = 100,
                             .train_records = 50'000,
                             .test_records = 10'000,
                             .mean = {0.5071, 0.4867, 0.4408},
                             .std = {0.2675, 0.2565, 0.2761}};

namespace {

using Bytes = std::vector<uint8_t>;
using Files = std::map<std::string, Bytes>;  // by name, without directories

constexpr ImageShape kShape{3, 32, 32};
constexpr uint64_t kMaxNamesFile = 1 << 16;

class CifarSource : public Source {
 public:
  CifarSource(std::string part, std::string kind) : part_(std::move(part)), kind_(std::move(kind)) {}
  void add(int64_t label, const uint8_t* planes) {
    labels_.push_back(static_cast<uint8_t>(label));
    const auto plane = static_cast<size_t>(kShape.height * kShape.width);
    for (size_t i = 0; i < plane; ++i) {
      for (size_t c = 0; c < 3; ++c) pixels_.push_back(planes[c * plane + i]);
    }
  }
  void reserve(int64_t samples) {
    labels_.reserve(static_cast<size_t>(samples));
    pixels_.reserve(static_cast<size_t>(samples * kShape.numel()));
  }
  int64_t size() const override { return std::ssize(labels_); }
  uint64_t id(int64_t index) const override { return sample_id(part_, index); }
  int64_t label(int64_t index) const override { return labels_[static_cast<size_t>(index)]; }
  Picture picture(int64_t index) const override {
    return Picture::of_pixels(pixels_.data() + index * kShape.numel(), kShape);
  }
  std::string name(int64_t index) const override { return str(kind_, " ", part_, " image ", index); }

 private:
  std::string part_, kind_;
  Bytes labels_, pixels_;
};

int64_t record_size(const CifarKind& kind) { return kind.labels + kShape.numel(); }

/// The size that a file must have, 0 for one that is not wanted; names are text of any size.
uint64_t wanted_size(const CifarKind& kind, const std::string& name) {
  const auto records = [&](int64_t count) { return static_cast<uint64_t>(count * record_size(kind)); };
  if (name == kind.test_file) return records(kind.test_records);
  const bool train = std::find(kind.train_files.begin(), kind.train_files.end(), name) != kind.train_files.end();
  return train ? records(kind.train_records) : 0;
}

void check_size(const CifarKind& kind, std::string_view where, const std::string& name, uint64_t size) {
  if (name == kind.names_file ? size <= kMaxNamesFile : size == wanted_size(kind, name)) return;
  fail(where, name, " has ", size, " bytes; expected ",
       name == kind.names_file ? str("at most ", kMaxNamesFile)
                               : str(wanted_size(kind, name), ", records of ", record_size(kind)),
       "; fetch the ", kind.name, " binary version again");
}

std::vector<std::string> all_names(const CifarKind& kind) {
  std::vector<std::string> names = kind.train_files;
  names.push_back(kind.test_file);
  names.push_back(kind.names_file);
  return names;
}

Files read_directory(const CifarKind& kind, const fs::path& directory) {
  Files files;
  for (const std::string& name : all_names(kind)) {
    const MappedFile file(directory / name);
    check_size(kind, directory.string(), name, file.bytes().size());
    const auto* bytes = reinterpret_cast<const uint8_t*>(file.bytes().data());
    files[name].assign(bytes, bytes + file.bytes().size());
  }
  return files;
}

Files read_tar(const CifarKind& kind, const std::string& where, const ReadBytes& read) {
  Files files;
  TarReader tar(where, read);
  const std::vector<std::string> names = all_names(kind);
  while (tar.next()) {
    const std::string name = fs::path(tar.name()).filename().string();
    if (std::find(names.begin(), names.end(), name) == names.end()) continue;
    check_size(kind, where, name, tar.size());
    if (files.contains(name)) fail(where, "holds two files ", name, "; fetch it again");
    Bytes& bytes = files[name];
    bytes.resize(tar.size());
    tar.read(bytes);
  }
  for (const std::string& name : names) {
    if (!files.contains(name)) fail(where, "there is no ", name, " in it; expected the ", kind.name, " binary version");
  }
  return files;
}

// Reads what pads the archive: the checksum over all of it comes last.
void check_end(std::string_view where, Gunzip& gunzip) {
  Bytes rest(1 << 16);
  while (gunzip.read(rest) == rest.size()) {
  }
  if (!gunzip.ended()) fail(where, "the gzip data is cut short; fetch the file again");
}

Files read_archive(const CifarKind& kind, const fs::path& path) {
  const MappedFile file(path);
  std::span<const std::byte> rest = file.bytes();
  if (rest.size() >= 2 && rest[0] == std::byte{0x1F} && rest[1] == std::byte{0x8B}) {
    Gunzip gunzip(path.string(), rest);
    Files files = read_tar(kind, path.string(), [&](std::span<uint8_t> out) { return gunzip.read(out); });
    check_end(path.string(), gunzip);
    return files;
  }
  return read_tar(kind, path.string(), [&](std::span<uint8_t> out) {
    const size_t size = std::min(out.size(), rest.size());
    std::copy_n(reinterpret_cast<const uint8_t*>(rest.data()), size, out.data());
    rest = rest.subspan(size);
    return size;
  });
}

Files read_files(const CifarKind& kind, const fs::path& place) {
  if (fs::is_regular_file(place)) return read_archive(kind, place);
  for (const fs::path& directory : {place, place / kind.directory}) {
    if (fs::exists(directory / kind.test_file)) return read_directory(kind, directory);
  }
  for (const char* ending : {".tar.gz", ".tar"}) {
    const fs::path archive = place / (kind.archive + ending);
    if (fs::exists(archive)) return read_archive(kind, archive);
  }
  fail(place.string(), "there is no ", kind.directory, " and no ", kind.archive,
       ".tar.gz; expected the binary version");
}

void add_records(const CifarKind& kind, const std::string& name, const Bytes& bytes, CifarSource& source) {
  const int64_t record = record_size(kind);
  for (auto at = bytes.begin(); at != bytes.end(); at += record) {
    const int64_t label = at[kind.labels - 1];
    if (label >= kind.classes) {
      fail(name, "record ", (at - bytes.begin()) / record, " has label ", label, "; expected labels below ",
           kind.classes, "; fetch the ", kind.name, " binary version again");
    }
    source.add(label, &*at + kind.labels);
  }
}

std::vector<std::string> read_names(const CifarKind& kind, const Bytes& bytes) {
  std::vector<std::string> names;
  std::istringstream lines(std::string(bytes.begin(), bytes.end()));
  for (std::string line; std::getline(lines, line);) {
    if (line.ends_with('\r')) line.pop_back();
    if (!line.empty()) names.push_back(line);
  }
  if (std::ssize(names) == kind.classes) return names;
  fail(kind.names_file, names.size(), " names; expected ", kind.classes);
}

DataSet open_spec(const CifarKind& kind, const std::string& argument) {
  std::error_code ignored;
  if (argument.empty()) fail_usage("data", kind.name, " needs a directory or an archive; give ", kind.name, ":DIR");
  if (!fs::exists(argument, ignored)) fail("data", "there is no '", argument, "'; give ", kind.name, ":DIR");
  return open_cifar(kind, argument);
}

}  // namespace

DataSet open_cifar(const CifarKind& kind, const fs::path& place) {
  Files files = read_files(kind, place);
  DataSet data;
  data.label_names = read_names(kind, files[kind.names_file]);
  Sha256 hash;
  const auto add = [&](const std::string& name, CifarSource& source) {
    Bytes bytes = std::move(files[name]);
    hash.add(std::as_bytes(std::span(bytes)));
    add_records(kind, name, bytes, source);
  };
  auto train = std::make_shared<CifarSource>("train", kind.name),
       test = std::make_shared<CifarSource>("test", kind.name);
  train->reserve(kind.train_records * std::ssize(kind.train_files));
  test->reserve(kind.test_records);
  for (const std::string& name : kind.train_files) add(name, *train);
  add(kind.test_file, *test);
  data.hash = hash.hex();
  data.shape = kShape;
  data.mean = kind.mean;
  data.std = kind.std;
  set_splits(data, train, test);
  return data;
}

DataSet open_cifar10(const std::string& argument) { return open_spec(kCifar10, argument); }
DataSet open_cifar100(const std::string& argument) { return open_spec(kCifar100, argument); }

}  // namespace retort
