// Folders of images in torchvision's ImageFolder layout: DIR/CLASS/**/FILE, or that in each of DIR/train, val and test.
#include <algorithm>
#include <array>
#include <numeric>

#include "base/file.h"
#include "base/hash.h"
#include "base/json.h"
#include "base/machine.h"
#include "data/file_list.h"
#include "data/files.h"
#include "data/open.h"

namespace retort {

namespace {

constexpr const char* kExpected = "expected DIR/CLASS/*.jpg, or that in DIR/train, DIR/val and DIR/test";
constexpr const char* kOutside = "images outside a class directory";

/// A directory of class directories.
struct Part {
  std::string name;  // train, val or test; empty where there are no parts
  fs::path directory;
  std::vector<std::string> classes;
};

/// The files of one class in one part; they follow one another in the source.
struct Group {
  std::string part, class_name, directory;
  int64_t label = 0, first = 0;
};

class FolderSource : public Source {
 public:
  void add(Group group, const FileList& files) {
    group.first = size();
    groups_.push_back(std::move(group));
    const uint64_t begin = names_.size();
    names_ += files.names;
    for (const uint64_t end : files.ends) ends_.push_back(begin + end);
  }
  void shrink_to_fit() { names_.shrink_to_fit(), ends_.shrink_to_fit(); }

  int64_t size() const override { return std::ssize(ends_); }
  uint64_t id(int64_t index) const override {
    const Group& group = group_of(index);
    return sample_id(group.part, str(group.class_name, '/', file(index)));
  }
  int64_t label(int64_t index) const override { return group_of(index).label; }
  Picture picture(int64_t index) const override { return read_picture(name(index)); }
  std::string name(int64_t index) const override { return str(group_of(index).directory, '/', file(index)); }
  const std::string& part(int64_t index) const { return group_of(index).part; }

 private:
  const Group& group_of(int64_t index) const {
    const auto behind = std::upper_bound(groups_.begin(), groups_.end(), index,
                                         [](int64_t i, const Group& group) { return i < group.first; });
    return *std::prev(behind);
  }
  std::string_view file(int64_t index) const {
    const auto i = static_cast<size_t>(index);
    const uint64_t begin = i == 0 ? 0 : ends_[i - 1];
    return std::string_view(names_).substr(begin, ends_[i] - begin);
  }

  std::vector<Group> groups_;  // none is empty
  std::string names_;
  std::vector<uint64_t> ends_;
};

void count(PassedOver& total, const PassedOver& more) {
  for (const auto& [what, files] : more) total[what] += files;
}

Part read_part(std::string name, const fs::path& directory, PassedOver& passed_over) {
  DirectoryEntries entries = list_directory(directory);
  count(passed_over, entries.passed_over);
  if (entries.images > 0) passed_over[kOutside] += entries.images;
  return {std::move(name), directory, std::move(entries.directories)};
}

// "train" is also a thing to take pictures of: a part holds directories, a class of that name pictures.
bool is_part(const fs::path& directory) {
  std::error_code ignored;
  return fs::is_directory(directory, ignored) && !list_directory(directory).directories.empty();
}

std::vector<Part> find_parts(const fs::path& root, PassedOver& passed_over) {
  constexpr std::array<std::pair<const char*, const char*>, 5> kNames = {
      {{"train", "train"}, {"val", "val"}, {"valid", "val"}, {"validation", "val"}, {"test", "test"}}};
  std::vector<Part> parts;
  for (const auto& [directory, name] : kNames) {
    if (!is_part(root / directory)) continue;
    if (!parts.empty() && parts.back().name == name) {
      fail(root.string(), "there are two directories for ", name, ": ", parts.back().directory.filename().string(),
           " and ", directory, "; keep one of them");
    }
    parts.push_back(read_part(name, root / directory, passed_over));
  }
  if (parts.empty()) return {read_part("", root, passed_over)};
  if (parts.front().name != "train") {
    const std::string only = parts.front().directory.string();
    fail(root.string(), "there is no train beside ", parts.front().directory.filename().string(),
         "; to measure on it alone give folder:", only, " and --split all");
  }
  return parts;
}

void check_class_names(const Part& part) {
  if (part.classes.empty()) fail(part.directory.string(), "there are no class directories; ", kExpected);
  for (const std::string& name : part.classes) {
    try {
      static_cast<void>(Json(name).dump());
    } catch (const Json::exception&) {
      fail(part.directory.string(), "the name of a class directory is not UTF-8; rename it");
    }
  }
}

int64_t label_of(const std::vector<std::string>& classes, const Part& part, const std::string& name) {
  const auto found = std::lower_bound(classes.begin(), classes.end(), name);
  if (found != classes.end() && *found == name) return found - classes.begin();
  fail(part.directory.string(), "there is a class '", name, "' that train does not have; expected its ", classes.size(),
       " classes or some of them");
}

struct Listed {
  Group group;
  FileList files;
};

std::vector<Listed> list_files(const fs::path& root, const std::vector<Part>& parts) {
  const std::vector<std::string>& classes = parts.front().classes;
  std::vector<Listed> all;
  std::vector<std::vector<FileIdentity>> above;
  for (const Part& part : parts) {
    for (const std::string& name : part.classes) {
      all.push_back({{part.name, name, (part.directory / name).string(), label_of(classes, part, name)}, {}});
      above.push_back({directory_identity(root), directory_identity(part.directory)});
    }
  }
  parallel_for(usable_cores(), std::ssize(all), [&](int64_t i) {
    Listed& listed = all[static_cast<size_t>(i)];
    listed.files = list_images(listed.group.directory, above[static_cast<size_t>(i)]);
  });
  return all;
}

// Paths and sizes; the contents of terabytes are not read whenever data is opened.
void add_to_hash(Sha256& hash, const Group& group, const FileList& files) {
  const std::string prefix = str(group.part, '/', group.class_name, '/');
  size_t begin = 0;
  for (size_t i = 0; i < files.ends.size(); begin = files.ends[i++]) {
    hash.add(prefix).add(std::string_view(files.names).substr(begin, files.ends[i] - begin));
    hash.add(std::string_view("\0", 1)).add(std::to_string(files.sizes[i])).add("\n");
  }
}

std::shared_ptr<FolderSource> make_source(std::vector<Listed> all, const std::string& train, DataSet& data) {
  auto source = std::make_shared<FolderSource>();
  Sha256 hash;
  for (Listed& listed : all) {
    const FileList files = std::move(listed.files);
    count(data.passed_over, files.passed_over);
    if (!files.ends.empty()) {
      add_to_hash(hash, listed.group, files);
      source->add(std::move(listed.group), files);
    } else if (listed.group.part == train) {
      fail(listed.group.directory,
           "the class has no image; expected .jpg, .jpeg, .png or .webp files; fill or remove it");
    }
  }
  source->shrink_to_fit();
  data.hash = hash.hex();
  return source;
}

void split(DataSet& data, const std::shared_ptr<const FolderSource>& source, const std::vector<Part>& parts) {
  const bool has_val = std::any_of(parts.begin(), parts.end(), [](const Part& p) { return p.name == "val"; });
  data.train = {"train", source, {}}, data.val = {"val", source, {}}, data.test = {"test", source, {}};
  for (int64_t i = 0; i < source->size(); ++i) {
    const std::string& part = source->part(i);
    const uint64_t tenth = part == "val" || part == "test" || has_val ? 9 : split_tenth(source->id(i));
    const bool val = part == "val" || tenth == 0, test = part == "test" || (part.empty() && tenth == 1);
    (val ? data.val : test ? data.test : data.train).indices.push_back(i);
  }
}

void check_directory(const std::string& argument) {
  std::error_code ignored;
  if (argument.empty()) fail_usage("data", "folder needs a directory; give folder:DIR");
  if (!fs::is_directory(argument, ignored)) fail("data", "'", argument, "' is not a directory; give folder:DIR");
}

}  // namespace

DataSet open_unlabeled_folder(const std::string& argument) {
  check_directory(argument);
  DataSet data;
  const Part part = find_parts(argument, data.passed_over).front();
  Listed all{{part.name, "", part.directory.string(), kNoLabel}, {}};
  std::vector<FileIdentity> above;
  if (!part.name.empty()) above.push_back(directory_identity(argument));
  all.files = list_images(part.directory, std::move(above));
  if (all.files.ends.empty()) {
    fail(part.directory.string(), "there is no image; expected .jpg, .jpeg, .png or .webp files, at any depth");
  }
  const auto source = make_source({std::move(all)}, part.name, data);
  data.train = {"train", source, std::vector<int64_t>(static_cast<size_t>(source->size()))};
  std::iota(data.train.indices.begin(), data.train.indices.end(), int64_t{0});
  return data;
}

DataSet open_folder(const std::string& argument) {
  check_directory(argument);
  DataSet data;
  const std::vector<Part> parts = find_parts(argument, data.passed_over);
  check_class_names(parts.front());
  data.label_names = parts.front().classes;
  split(data, make_source(list_files(argument, parts), parts.front().name, data), parts);
  data.shape = {3, 0, 0};
  data.mean = {0.485, 0.456, 0.406};  // ImageNet's
  data.std = {0.229, 0.224, 0.225};
  return data;
}

}  // namespace retort
