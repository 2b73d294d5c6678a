#include "data/files.h"

#include <numeric>

#include "base/file.h"
#include "base/hash.h"

namespace retort {

namespace {

class FilesSource : public Source {
 public:
  explicit FilesSource(std::vector<std::string> paths) : paths_(std::move(paths)) {}
  int64_t size() const override { return std::ssize(paths_); }
  uint64_t id(int64_t index) const override { return fnv1a(name(index)); }
  int64_t label(int64_t) const override { return kNoLabel; }
  Picture picture(int64_t index) const override { return read_picture(name(index)); }
  std::string name(int64_t index) const override { return paths_[static_cast<size_t>(index)]; }

 private:
  std::vector<std::string> paths_;
};

}  // namespace

Picture read_picture(const std::string& path) { return Picture::of_file(path, read_bytes(path)); }

Samples open_files(std::vector<std::string> paths) {
  std::vector<int64_t> indices(paths.size());
  std::iota(indices.begin(), indices.end(), int64_t{0});
  return {"", std::make_shared<FilesSource>(std::move(paths)), std::move(indices)};
}

}  // namespace retort
